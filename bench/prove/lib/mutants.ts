/** The faults with which each proof was seen failing. Their texts stand in `src` exactly once: a test sees to it. */
import type { Mutant } from '../../workers/mutant.ts'

/** Of `kill9`. */
export const killMutants: readonly Mutant[] = [
  {
    name: 'journal-not-replayed',
    file: 'ingest/recovery.ts',
    text: 'segments: [...sealed, ...own],',
    replacement: 'segments: [],',
  },
  {
    name: 'batches-replayed-whole',
    file: 'ingest/delivery.ts',
    text: 'batch.taken = Math.max(0, stream.position - first + 1)',
    replacement: 'batch.taken = 0',
  },
  {
    name: 'cut-forgets-batch-in-hand',
    file: 'ingest/source.ts',
    text: 'current?.stream.take(current.position, current)',
    replacement: '',
  },
  {
    name: 'deltas-not-saved',
    file: 'state/frozen.ts',
    text: 'if (!full && table.changedAt <= this.base) {',
    replacement: 'if (!full) {',
  },
  {
    name: 'deltas-not-restored',
    file: 'worker/execution/restore/restorer.ts',
    text: "if (kind === 'rows') held.push(",
    replacement: "if (kind === 'delta') continue; else if (kind === 'rows') held.push(",
  },
  {
    name: 'old-values-not-kept',
    file: 'state/keyed-store.ts',
    text: 'if (frozen?.covers(table, entry)) frozen.keep(table, entry)',
    replacement: '',
  },
  {
    name: 'commit-not-repeated',
    file: 'connectors/file/sink.ts',
    text: 'this.finish(base.snapshots.map(heldIn), ',
    replacement: 'this.finish([], ',
  },
]

/** Of `torn-files`. */
export const tornMutants: readonly Mutant[] = [
  {
    name: 'chunk-checksum-ignored',
    file: 'checkpoint/pack-reader.ts',
    text: 'if (found?.length === chunk.length && crc32(found) === chunk.crc) each(chunk, found)',
    replacement: 'if (found?.length === chunk.length) each(chunk, found)',
  },
  {
    name: 'manifest-checksum-ignored',
    file: 'checkpoint/envelope.ts',
    text: 'if (checksum(title!, body) !== checked) return',
    replacement: "if (checked === '') return",
  },
  {
    name: 'journal-checksum-ignored',
    file: 'ingest/format.ts',
    text: 'return crc32(bytes.subarray(at, at + header.bodyBytes)) === header.bodyCrc',
    replacement: 'return bytes.length > at && header.bodyCrc >= 0',
  },
  {
    name: 'journal-trimmed-early',
    file: 'ingest/segments.ts',
    text: 'if (range.last > floorOf(key)) {',
    replacement: 'if (range.last < 0) {',
  },
  {
    name: 'older-base-not-named',
    file: 'worker/execution/restore/way-up.ts',
    text: 'if (restore.instead === null) return true',
    replacement: 'if (restore.instead !== 0) return true',
  },
  {
    name: 'hole-not-refused',
    file: 'worker/execution/restore/way-up.ts',
    text: 'if (entry.epochs.length > 0 && epoch < last && missing.length > 0 && !seams.acceptLoss) {',
    replacement: 'if (missing.length < 0) {',
  },
]

/** Of every proof in which key groups come to a worker that did not have them. */
export const gainedNotRead: Mutant = {
  name: 'gained-key-groups-not-read',
  file: 'worker/execution/restore/state-return.ts',
  text: 'if (this.drop.has(step)) return',
  replacement: 'if (this.drop.has(step) || this.steps.get(step)!.whole.has(keyGroup)) return',
}

/** Of every proof in which some workers go on where others are gone. */
export const clusterMutants: readonly Mutant[] = [
  {
    name: 'changed-keys-not-rolled-back',
    file: 'worker/execution/restore/state-return.ts',
    text: 'if (changed.has(group)) return store.rollbackKeyGroup(group, chunks)',
    replacement: 'if (changed.has(group)) return',
  },
  gainedNotRead,
]

/** Of `endurance`. */
export const enduranceMutants: readonly Mutant[] = [
  {
    name: 'nothing-removed-from-the-store',
    file: 'checkpoint/removal.ts',
    text: '(epochOf(name) ?? Number.POSITIVE_INFINITY) < entry.floor',
    replacement: '(epochOf(name) ?? Number.POSITIVE_INFINITY) < 0 * entry.floor',
  },
  {
    name: 'journal-never-trimmed',
    file: 'ingest/segments.ts',
    text: 'if (range.last > floorOf(key)) {',
    replacement: 'if (range.last > 0 * floorOf(key)) {',
  },
  {
    name: 'quiet-sources-say-nothing',
    file: 'dataflow/source-task.ts',
    text: 'if (batch.length === 0 && !(watermarks.always && feed.quiet)) return',
    replacement: 'if (batch.length === 0) return',
  },
]

/** Of `scale-agnostic`. */
export const scaleMutants: readonly Mutant[] = [
  {
    name: 'one-key-group-goes-anywhere',
    file: 'dataflow/exchange.ts',
    text: 'return owners[hash >>> shift]!',
    replacement: 'return owners[hash >>> shift === 7 ? Math.floor(Math.random() * owners.length) : hash >>> shift]!',
  },
]

/** Of `browser`. */
export const browserMutants: readonly Mutant[] = [
  ...killMutants.filter(({ name }) => /^(deltas-not|old-values)/.test(name)),
  {
    name: 'page-resumes-too-late',
    file: 'ingest/session.ts',
    text: '      resumeAfter,\n      stable: stream.stable,',
    replacement: '      resumeAfter: resumeAfter + 100,\n      stable: stream.stable,',
  },
]

/** Of `completeness`. */
export const completenessMutants: readonly Mutant[] = [
  {
    name: 'shows-a-key-group-twice',
    file: 'admin/part.ts',
    text: 'const groups = Array.from(owners.keys()).filter((group) => owners[group] === self)',
    replacement:
      'const groups = Array.from(owners.keys()).flatMap((g) => (owners[g] === self ? (g === 7 ? [g, g] : [g]) : []))',
  },
  {
    name: 'silent-worker-counts-as-heard',
    file: 'admin/across.ts',
    text: 'const missing = owned.filter(({ worker }) => !parts.has(worker))',
    replacement: "const missing = owned.filter(({ worker }) => worker === '' && !parts.has(worker))",
  },
]

/** Of `bit-flip`. */
export const flipMutants: readonly Mutant[] = [
  {
    name: 'frame-checksum-ignored',
    file: 'protocol/frame.ts',
    text: 'if (crc32(bytes.subarray(at + CHECKED_FROM, at + size)) !== bytes.readUInt32LE(at)) {',
    replacement: 'if (bytes.length < 0) {',
  },
]

/** Of `slow-sink`. */
export const slowMutants: readonly Mutant[] = [
  {
    name: 'full-queue-takes-more',
    file: 'connectors/socket/dialling-writer.ts',
    text: 'this.blocked = this.queue.bytes >= this.context.limits.writerBytes',
    replacement: 'this.blocked = false',
  },
  {
    name: 'full-outbox-takes-more',
    file: 'connectors/acked/writer.ts',
    text: 'this.blocked = this.outbox.bytes >= this.context.limits.writerBytes',
    replacement: 'this.blocked = false',
  },
  {
    name: 'full-webhook-takes-more',
    file: 'connectors/webhook/sink.ts',
    text: 'this.blocked = this.isFull',
    replacement: 'this.blocked = false',
  },
  {
    name: 'subscriber-never-waited-for',
    file: 'connectors/socket/server-writer.ts',
    text: "if (slow === 'wait') this.blocked = true",
    replacement: "if (slow === 'wait') continue",
  },
  {
    name: 'standard-output-never-full',
    file: 'connectors/standard-output/sink.ts',
    text: 'this.blocked = this.accepted - this.status.writtenBytes >= this.context.limits.writerBytes',
    replacement: 'this.blocked = false',
  },
]

/** Of `garbage`. */
export const garbageMutants: readonly Mutant[] = [
  {
    name: 'bad-frame-ends-the-worker',
    file: 'ingest/session.ts',
    text: 'this.leave(error)',
    replacement: 'throw error',
  },
  {
    name: 'bad-link-ends-the-worker',
    file: 'transport/line.ts',
    text: 'this.break(error)',
    replacement: 'throw error',
  },
  {
    name: 'bad-line-ends-the-worker',
    file: 'connectors/http/call.ts',
    text: 'this.refuse(problem(400, error, { fields: { line: error.details.line } }))',
    replacement: 'throw error',
  },
]

/** Of `acked-cluster`. */
export const ackedMutants: readonly Mutant[] = [
  {
    name: 'sent-after-no-barrier',
    file: 'connectors/acked/writer.ts',
    text: 'this.after = epoch\n    this.wait(() => done(null))',
    replacement: 'this.wait(() => done(null))',
  },
]

/** Of `sink-contracts`. */
export const contractMutants: readonly Mutant[] = [
  {
    name: 'segment-not-in-the-snapshot',
    file: 'connectors/file/sink.ts',
    text: 'if (entry.row !== null) this.sealed = [...this.sealed, entry.row]',
    replacement: '',
  },
  {
    name: 'snapshot-not-written-again',
    file: 'connectors/socket/dialling-writer.ts',
    text: "if (typeof snapshot === 'string') this.take(Buffer.from(snapshot, 'base64'))",
    replacement: '',
  },
  {
    name: 'barrier-before-the-acknowledgements',
    file: 'connectors/acked/writer.ts',
    text: 'while (this.waiting.length > 0 && this.waiting[0]!.upTo <= this.outbox.acked) this.waiting.shift()!.done(null)',
    replacement: 'while (this.waiting.length > 0) this.waiting.shift()!.done(null)',
  },
  {
    name: 'post-not-in-the-snapshot',
    file: 'connectors/webhook/sink.ts',
    text: 'const left = [...entry.refused, ...entry.items]',
    replacement: 'const left = [...entry.refused]',
  },
  {
    name: 'barrier-before-the-bytes',
    file: 'connectors/socket/dialling-writer.ts',
    text: 'while (this.waiting.length > 0 && this.waiting[0]!.upTo <= left) {',
    replacement: 'while (this.waiting.length > 0) {',
  },
]

/** Of `disk-full`. */
export const fullMutants: readonly Mutant[] = [
  {
    name: 'failed-write-counts',
    file: 'ingest/journal.ts',
    text: 'const broken = this.broken',
    replacement: 'const broken = this.broken && this.underWay < 0',
  },
  {
    name: 'failed-batches-not-written-again',
    file: 'ingest/journal.ts',
    text: 'this.pending = [...again, ...this.pending]',
    replacement: '',
  },
  {
    name: 'journal-not-opened-again',
    file: 'ingest/journal.ts',
    text: 'if (this.failuresInRow++ === 0) this.writers.open()',
    replacement: 'if (this.failuresInRow++ < 9) return',
  },
]

/** Of `door`. */
export const doorMutants: readonly Mutant[] = [
  gainedNotRead,
  {
    name: 'stream-begins-anew',
    file: 'ingest/homes.ts',
    text: 'stream.adopt([producer, incarnation, position, home, sessions, time, acked, writer, ...before])',
    replacement: '',
  },
  {
    name: 'two-homes-of-a-new-stream',
    file: 'ingest/door.ts',
    text: 'return known ?? asker',
    replacement: 'return asker',
  },
  {
    name: 'batches-fed-whole',
    file: 'ingest/delivery.ts',
    text: 'batch.taken = Math.max(0, stream.position - first + 1)',
    replacement: 'batch.taken = 0',
  },
]

/** Of `commands`. */
export const commandMutants: readonly Mutant[] = [
  {
    name: 'drained-program-wants-its-place',
    file: 'worker/pipelines/residents.ts',
    text: '      if (drained) continue\n',
    replacement: '',
  },
  {
    name: 'segments-of-the-run-before-stay',
    file: 'connectors/file/publish.ts',
    text: 'return parts.epoch > sweep.above ||',
    replacement: 'return parts.epoch > sweep.above + 1e9 ||',
  },
  {
    name: 'drained-sinks-end-before-their-record',
    file: 'worker/execution/ending.ts',
    text: 'return active.whenCommitted(() => {',
    replacement: 'return ((now: () => void) => now())(() => {',
  },
]
