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
]
