/** Sinks and their receivers. */
import type { SimMutant } from './mutant.ts'

export const sinkMutants: readonly SimMutant[] = [
  {
    name: 'commit-not-repeated',
    file: 'src/connectors/file/sink.ts',
    text: 'this.finish(base.snapshots.map(heldIn), ',
    replacement: 'this.finish([] as readonly Held[], ',
  },
  {
    name: 'segment-not-synced',
    file: 'src/connectors/file/segment.ts',
    text: 'file.sync((error) => {',
    replacement: 'file.size((error) => {',
  },
  {
    name: 'commit-not-synced',
    file: 'src/connectors/file/publish.ts',
    text: 'file.sync(\n',
    replacement: '((then: (error: DiskError | null) => void) => file.size(then))(\n',
  },
  {
    name: 'void-segments-stay',
    file: 'src/connectors/file/publish.ts',
    text: 'return parts.epoch > sweep.above ||',
    replacement: 'return parts.epoch > sweep.above + 1e9 ||',
    bend: 'damaged-epochs',
  },
  {
    name: 'barrier-before-its-acknowledgements',
    swarm: 'clusters',
    bend: 'acked-sinks',
    file: 'src/connectors/acked/writer.ts',
    text: 'this.waiting[0]!.upTo <= this.outbox.acked',
    replacement: 'this.waiting[0]!.upTo <= Infinity',
  },
  {
    name: 'kept-before-it-is',
    swarm: 'clusters',
    bend: 'acked-sinks',
    file: 'src/client/receiver/caller.ts',
    text: 'this.intake.keeper.keep({ stream, after, records, again }, kept, handled)',
    replacement: 'kept()\n    this.intake.keeper.keep({ stream, after, records, again }, () => {}, handled)',
  },
  {
    name: 'void-ids-forgotten',
    swarm: 'clusters',
    bend: 'acked-sinks',
    file: 'src/client/receiver/memory.ts',
    text: 'if (this.ids.get(id) === after) this.loosen(id)',
    replacement: 'if (this.ids.get(id) === after) this.ids.delete(id)',
  },
  {
    name: 'sent-after-the-base',
    swarm: 'clusters',
    bend: 'acked-sinks',
    file: 'src/connectors/acked/writer.ts',
    text: '    this.after = epoch\n    this.wait(',
    replacement: '    this.wait(',
  },
  {
    name: 'resumes-at-the-end',
    swarm: 'clusters',
    bend: 'acked-sinks',
    file: 'src/connectors/acked/writer.ts',
    text: 'this.outbox.rewind(resumeAfter)',
    replacement: 'this.outbox.rewind(resumeAfter + 1)',
  },
  ...[
    {
      name: 'posted-is-taken',
      file: 'src/connectors/webhook/verdict.ts',
      text: "if (error !== null || answer === null) return { kind: 'later', reason: reasonOf(error), afterMs: 0 }",
      replacement: "if (error !== null || answer === null) return { kind: 'taken' }",
    },
    {
      name: 'posted-and-forgotten-by-a-checkpoint',
      file: 'src/connectors/webhook/sink.ts',
      text: 'const left = [...entry.refused, ...entry.items]',
      replacement: 'const left = [...entry.refused]',
    },
    {
      name: 'posted-under-another-id',
      file: 'src/connectors/webhook/sink.ts',
      text: "headers['idempotency-key'] = this.idSent(first!.id)",
      replacement: "headers['idempotency-key'] = this.idSent(first!.id) + post.tries",
    },
  ].map((one): SimMutant => ({ ...one, swarm: 'clusters', bend: 'webs' })),
  ...[
    {
      name: 'inbox-acknowledges-before-it-syncs',
      text: 'const covered = this.waiting.splice(0)',
      replacement: 'const covered = this.waiting.splice(0)\n    for (const kept of covered.splice(0)) kept()',
    },
    {
      name: 'damage-in-an-inbox-believed',
      text: 'return synced < 0 ? behind.length > 0 : damage < synced',
      replacement: 'return false',
    },
    {
      name: 'torn-inbox-refused',
      text: 'synced < 0 ? behind.length > 0 : damage < synced',
      replacement: 'behind.length > 0',
    },
    {
      name: 'inbox-file-left-while-it-syncs',
      text: '>= this.around.fileBytes && !this.syncing',
      replacement: '>= this.around.fileBytes',
    },
    {
      name: 'inbox-file-left-unsynced',
      text: 'this.file?.syncNow()',
      replacement: 'void this.file',
    },
    {
      name: 'folder-of-an-inbox-unknown-above',
      text: 'syncAbove(path, (folder) => disk.syncFolder(folder))',
      replacement: 'void syncAbove',
    },
    {
      name: 'inbox-not-hardened',
      text: 'if (isLast) this.disk.harden(file.path, bytes.subarray(0, at))',
      replacement: '',
    },
    {
      name: 'inbox-file-goes-before-it-is-handed-over',
      text: 'last <= this.handed &&',
      replacement: 'last <= this.next &&',
      rare: 'who handles records does so at once: nothing waits for as long as a file is written and a floor rises; a test of the inbox shows it',
    },
    {
      name: 'inbox-file-goes-before-the-floor',
      text: 'epoch < stream.memory.floorEpoch ||',
      replacement: 'epoch < stream.memory.floorEpoch + 3 ||',
    },
    {
      name: 'loose-ids-go-with-their-file',
      text: 'const loose = [...stream.memory.looseIds]',
      replacement: 'const loose: string[] = []',
      rare: 'what is void comes again at once, and the file in which it came stays until then; a test of the inbox shows it',
    },
    {
      name: 'inbox-begins-a-file-without-its-streams',
      text: 'for (const stream of this.intake.all) this.writeStream(stream)',
      replacement: '',
    },
  ].map(
    (one): SimMutant => ({ ...one, file: 'src/client/receiver/disk-inbox.ts', swarm: 'clusters', bend: 'inboxes' }),
  ),
]
