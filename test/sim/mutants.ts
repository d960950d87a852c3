/**
 * Faults planted in the engine, to see that simulated systems find them: a checker that never complained has proved
 * nothing. `npm run sim -- --mutants` runs them all.
 */
import type { Mutant } from '../mutant/mutant.ts'

export interface SimMutant extends Mutant {
  /** What it shows in: systems of one worker where nothing is said. */
  readonly swarm?: 'clusters'
  /** The configuration that it is looked for in (`bends.ts`), where what seeds draw finds it too seldom. */
  readonly bend?: string
  /** A seed that finds it, where chance finds it too seldom from the first one on. */
  readonly seed?: number
  /** What has to come together for it, where so much has not yet. */
  readonly rare?: string
  /** Why nothing can be found of it here: the fault is none where one worker has its disk for itself. */
  readonly unseen?: string
}

export const mutants: readonly SimMutant[] = [
  // The door
  {
    name: 'ack-before-sync',
    file: 'src/ingest/journal.ts',
    text: 'if (batch.acked) this.retained.push(batch)',
    replacement: "if (batch.acked) { batch.state = 'durable'; this.events.durable(batch) }",
  },
  {
    name: 'copies-not-told-apart',
    file: 'src/ingest/streams.ts',
    text: 'return earlier.some((one) => one.writer === writer && end <= one.last)',
    replacement: 'return earlier.length >= 0',
  },
  {
    name: 'copies-told-apart-by-name-alone',
    bend: 'copied-outboxes',
    file: 'src/ingest/streams.ts',
    text: 'one.writer === writer && end <= one.last',
    replacement: 'one.writer === writer',
  },
  {
    name: 'journal-without-writers',
    bend: 'copied-outboxes',
    file: 'src/ingest/survey.ts',
    text: 'of.note(header.writer, header.first, last)',
    replacement: "of.note('', header.first, last)",
  },
  {
    name: 'row-without-writer',
    swarm: 'clusters',
    bend: 'copied-outboxes',
    file: 'src/ingest/stream.ts',
    text: 'this.fedWriter = writer\n    this.home = home',
    replacement: "this.fedWriter = ''\n    this.home = home",
  },
  {
    name: 'writer-not-noted-before-it-sends',
    bend: 'copied-outboxes',
    file: 'src/client/outbox.ts',
    text: '    this.writers.sign()\n    this.note()',
    replacement: '    this.writers.sign()',
  },
  {
    name: 'told-of-what-a-copy-has-brought',
    swarm: 'clusters',
    bend: 'copied-outboxes',
    file: 'src/ingest/session.ts',
    text: 'if (goesOn(this.names!, writer, end)) return false',
    replacement: 'if (end >= 0) return false',
    rare: 'a copy is connected while a generation begins, and the journal of a former home brings in more than it has',
  },
  {
    name: 'position-too-late',
    file: 'src/ingest/source.ts',
    text: 'stream.take(current.position, current)',
    replacement: 'stream.take(current.last, current)',
  },
  {
    name: 'producer-rows-not-saved',
    file: 'src/ingest/streams.ts',
    text: 'if (row !== null) rows.push(row)',
    replacement: 'if (row !== null && !stream.acked) rows.push(row)',
  },
  {
    name: 'repeats-not-recognised',
    file: 'src/ingest/source.ts',
    text: "const known = verdict === 'known' ? cuts.count : stream.admitted + 1 - first",
    replacement: 'const known = 0 * first',
  },
  {
    name: 'journal-tail-dropped',
    file: 'src/ingest/recovery.ts',
    text: 'const journals = this.needed((key) => streams.ofKey(key)?.position ?? 0)',
    replacement: 'const journals = this.needed(() => Infinity)',
  },
  {
    name: 'journal-tail-one-batch-short',
    file: 'src/ingest/scan.ts',
    text: 'if (wanted && !bodyFits(window, bodyAt, header)) {',
    replacement: 'if (wanted && (this.fileAt >= this.length || !bodyFits(window, bodyAt, header))) {',
  },
  {
    name: 'failed-sync-tried-again',
    file: 'src/ingest/journal.ts',
    text: `      if (this.breaks(error)) {
        this.syncing = false
        return
      }
      this.status.syncs++`,
    replacement: `      if (error !== null) {
        this.syncing = false
        return this.sync()
      }
      this.status.syncs++`,
  },
  {
    name: 'journal-trimmed-an-epoch-early',
    file: 'src/ingest/source.ts',
    text: 'stream.covered = Math.max(stream.covered, position)',
    replacement: 'stream.covered = Math.max(stream.covered, position)\n      stream.raiseFloor(position)',
  },
  {
    name: 'stable-before-the-record',
    file: 'src/ingest/source.ts',
    text: 'if (current === null) return this.streams.rows(null)',
    replacement: `for (const stream of this.streams.values()) {
      stream.covered = stream.position
      this.tell(stream)
    }
    if (current === null) return this.streams.rows(null)`,
  },
  // Barriers and steps
  {
    name: 'past-the-barrier',
    file: 'src/dataflow/inputs.ts',
    text: 'input.blocked = true',
    replacement: 'input.blocked = this.inputs.length === 1',
  },
  {
    name: 'barrier-overtakes-records',
    file: 'src/dataflow/input-task.ts',
    text: `    if (!this.chain.flush()) return false
    if (marker.kind === 'barrier')`,
    replacement: `    if (marker.kind === 'barrier')`,
  },
  {
    name: 'throwing-step-leaves-a-trace',
    file: 'src/dataflow/keyed-task.ts',
    text: 'if (before !== null) table.replace(entry, store.copier.taken(before))',
    replacement: 'if (before !== null) store.copier.taken(before)',
  },
  {
    name: 'pending-results-not-saved',
    file: 'src/dataflow/aggregate-task.ts',
    text: 'this.reports.freeze(barrier, this.id, this.store, this.pending.freeze())',
    replacement: 'this.reports.freeze(barrier, this.id, this.store, [])',
  },
  {
    name: 'two-ways-to-one-task',
    file: 'src/model/planner.ts',
    text: 'if (known !== undefined) return known.id',
    replacement: 'if (known !== undefined && known.id < 0) return known.id',
  },
  {
    name: 'drained-task-goes-on',
    file: 'src/dataflow/input-task.ts',
    text: "this.held = marker.kind === 'barrier' && (marker.purpose === 'rescale' || marker.purpose === 'drain')",
    replacement: 'this.held = marker.kind.length === 0',
  },
  // State
  {
    name: 'old-value-not-kept',
    file: 'src/state/keyed-store.ts',
    text: 'if (frozen?.covers(table, entry)) frozen.keep(table, entry)',
    replacement: 'frozen?.covers(table, entry)',
    bend: 'long-epochs',
  },
  {
    name: 'old-value-shared',
    file: 'src/state/kept-values.ts',
    text: 'this.copies[slot] = copier.refill(this.copies[slot]!, this.shapes[slot]!, table.state(entry))',
    replacement: 'this.copies[slot] = table.state(entry)',
    bend: 'long-epochs',
  },
  {
    name: 'abandoned-changes-forgotten',
    file: 'src/state/keyed-store.ts',
    text: '  abandon(): void {',
    replacement: '  abandon(): void {\n    if (this.frozen !== null) this.base = this.frozen.epoch',
  },
  {
    name: 'tombstones-lost',
    file: 'src/state/frozen.ts',
    text: "const removed = first && kind === 'delta' ? this.removedOf(table) : noKeys",
    replacement: "const removed = first && kind === 'delta' && table.size < 0 ? this.removedOf(table) : noKeys",
  },
  {
    name: 'deltas-in-the-wrong-order',
    file: 'src/state/fold.ts',
    text: 'const chunk = this.chunks.pop()',
    replacement: 'const chunk = this.chunks.shift()',
  },
  {
    name: 'untouched-groups-not-written',
    file: 'src/state/frozen.ts',
    text: 'if (full && chunks.length === 0) {',
    replacement: 'if (full && chunks.length < 0) {',
  },
  // Checkpoints
  {
    name: 'commit-before-the-record',
    file: 'src/worker/execution/participating.ts',
    text: 'return this.events.saved(effect.epoch, effect.snapshot)',
    replacement: '{ this.events.commit(effect.epoch); return this.events.saved(effect.epoch, effect.snapshot) }',
  },
  {
    name: 'own-record-taken-as-lost',
    file: 'src/checkpoint/chain-writer.ts',
    text: 'if (isSame(record, attempt.stamp)) this.end(',
    replacement: 'if (isSame(record, attempt.stamp) && record.n < 2) this.end(',
  },
  {
    name: 'folder-not-synced',
    file: 'src/checkpoint/file-store.ts',
    text: 'this.disk.syncDirectory(this.at(folder), (error) => {',
    replacement: 'this.disk.list(this.at(folder), (error) => {',
  },
  {
    name: 'pack-not-synced',
    file: 'src/checkpoint/file-store.ts',
    text: 'this.file.sync((error) => {',
    replacement: 'this.file.size((error) => {',
  },
  {
    name: 'needed-pack-removed',
    file: 'src/checkpoint/removal.ts',
    text: 'for (const pack of manifest.packs) named.add(pack.path)',
    replacement: 'for (const pack of manifest.packs.slice(-1)) named.add(pack.path)',
  },
  {
    name: 'needed-pack-left-out',
    file: 'src/checkpoint/rotation.ts',
    text: 'return packSerial > serial - rotation',
    replacement: 'return packSerial > serial - rotation + 1',
  },
  {
    name: 'stuck-worker-stays',
    file: 'src/checkpoint/file-store.ts',
    text: 'if (first) this.lost(',
    replacement: 'if (first && folder === null) this.lost(',
  },
  {
    name: 'generation-not-checked',
    file: 'src/checkpoint/fold.ts',
    text: 'if (record.generation !== cluster.generation) return null',
    replacement: '',
    unseen: 'whoever wrote for the generation before is dead, and its disk with it',
  },
  {
    name: 'path-without-generation',
    file: 'src/checkpoint/layout.ts',
    text: 'export function manifest(run: Run, generation: number, epoch: number): string {',
    replacement: 'export function manifest(run: Run, _: number, epoch: number): string {\n  const generation = 0',
    unseen: 'a manifest that is there is never overwritten, so the epoch is abandoned and the next one stands',
  },
  {
    name: 'manifest-overwritten',
    file: 'src/checkpoint/write-once.ts',
    text: 'store.createExclusive(path, bytes, (outcome, error) => {',
    replacement:
      "((then: any) => store.put(path, bytes, (e) => then(e === null ? 'created' : 'unknown', e)))((outcome: any, error: any) => {",
  },
  {
    name: 'letters-not-read-again',
    file: 'src/worker/letters/dead-letters.ts',
    text: 'if (error !== null && attempts > 1) {',
    replacement: 'if (error !== null && attempts > 1e9) {',
    bend: 'failing-reads',
  },
  // Sinks
  {
    name: 'commit-not-repeated',
    file: 'src/connectors/file/sink.ts',
    text: 'this.finish(base.snapshots as unknown as readonly Held[], ',
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
    file: 'src/client/receiver/intake.ts',
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
  // What waits
  {
    name: 'frame-never-ends',
    file: 'src/ingest/session.ts',
    text: 'if (this.parser.waiting > 0) this.unfinished++',
    replacement: '',
    bend: 'turned-bits',
  },
  {
    name: 'replaced-for-ever',
    file: 'src/ingest/session.ts',
    text: "this.send({ kind: 'refused', code: error.code, reason, retryMs })",
    replacement:
      "this.send({ kind: 'refused', code: error.code, reason, retryMs: error.code === 'E_ACKED_REPLACED' ? 0 : retryMs })",
  },
  // Clusters
  {
    name: 'begins-before-all-are-ready',
    swarm: 'clusters',
    file: 'src/cluster/recovery.ts',
    text: 'if (missing.size > 0) return { next: { ...s, missing }, effects: NONE }',
    replacement: '',
  },
  {
    name: 'hold-not-released',
    swarm: 'clusters',
    bend: 'late-holds',
    file: 'src/cluster/rescale.ts',
    text: "{ kind: 'release', attempt, pipelines: asked },",
    replacement: '',
  },
  {
    name: 'links-of-newcomers-forgotten',
    rare: 'a link has to end while a worker joins, and begin anew before anybody counts it as lost',
    swarm: 'clusters',
    file: 'src/cluster/rescale.ts',
    text: 'return whole ? busy(s, e) :',
    replacement: 'return whole || true ? busy(s, e) :',
  },
  {
    name: 'late-hold-ends-the-next-attempt',
    swarm: 'clusters',
    bend: 'late-holds',
    file: 'src/cluster/rescale.ts',
    text: 'released(e.pipeline, s.attempt - 1)',
    replacement: 'released(e.pipeline, s.attempt)',
  },
  {
    name: 'generation-passed-over',
    swarm: 'clusters',
    bend: 'left-behind',
    file: 'src/worker/seat/reading.ts',
    text: 'if (!within) {',
    replacement: 'if (!within && !this.missed) {',
  },
  {
    name: 'alone-behind-closed-doors',
    file: 'src/worker/seat/seat.ts',
    text: 'const others = this.reading.members.length > 1',
    replacement: 'const others = this.reading.members.length > 0',
    swarm: 'clusters',
    bend: 'all-leave',
  },
  {
    name: 'early-parts-forgotten',
    file: 'src/cluster/mover.ts',
    text: 'next: { ...idle(s, s.given), early: s.early }',
    replacement: 'next: idle(s, s.given)',
    swarm: 'clusters',
    bend: 'given-up-changes',
    seed: 689,
  },
  {
    name: 'leaves-with-open-doors',
    file: 'src/worker/seat/clearance.ts',
    text: 'execution.closeDoors(REASON)',
    replacement: 'void REASON',
    swarm: 'clusters',
    bend: 'nothing-left-behind',
  },
  {
    name: 'each-restore-cuts',
    file: 'src/connectors/file/sink.ts',
    text: "base.back ? 'cut' : 'keep'",
    replacement: "'cut'",
    swarm: 'clusters',
    bend: 'late-cuts',
  },
  {
    name: 'record-of-an-owner-before',
    unseen:
      'who appends has read all that stands before its record, and appends nothing once a higher generation does (A5 of chain-writer.ts)',
    swarm: 'clusters',
    bend: 'left-behind',
    file: 'src/checkpoint/fold.ts',
    text: 'if (record.generation !== cluster.generation) return null',
    replacement: '',
  },
  {
    name: 'groups-of-others-written',
    swarm: 'clusters',
    file: 'src/worker/execution/participating.ts',
    text: 'return this.self.owned.filter((group)',
    replacement: 'return Array.from({ length: this.frame.keyGroups }, (_, group) => group).filter((group)',
  },
  {
    name: 'nothing-rolled-back',
    swarm: 'clusters',
    file: 'src/worker/execution/state-return.ts',
    text: 'held.rollback().filter((group) => owned.has(group))',
    replacement: 'held.rollback().filter((group) => group < 0)',
  },
  {
    name: 'rest-of-chunks-forgotten',
    swarm: 'clusters',
    bend: 'slow-takers',
    file: 'src/state/keyed-store.ts',
    text: '    if (rest.length === 0) {\n      this.tables[keyGroup] = table',
    replacement: '    if (rest.length >= 0) {\n      this.tables[keyGroup] = table',
  },
  {
    name: 'made-ahead-of-another-chain',
    swarm: 'clusters',
    file: 'src/checkpoint/read-ahead.ts',
    text: 'return begins === true ? made : undefined',
    replacement: 'return begins === null ? undefined : made',
  },
  {
    name: 'gained-groups-not-read',
    swarm: 'clusters',
    file: 'src/worker/execution/state-return.ts',
    text: '[...owned].filter((group) => !standing!.owned.has(group))',
    replacement: '[...owned].filter((group) => group < 0)',
  },
  {
    name: 'held-behind-a-key-goes-with-its-split',
    swarm: 'clusters',
    bend: 'answers-between-keys',
    seed: 930,
    file: 'src/dataflow/async-task.ts',
    text: 'held.hashes.push(hash)',
    replacement: 'held.hashes.push(hash * Number.NaN)',
  },
  {
    name: 'held-goes-with-nothing',
    swarm: 'clusters',
    bend: 'held-and-moved',
    file: 'src/worker/execution/takers.ts',
    text: 'return Number.isNaN(hash) ? feederOf(held.splits[row]!) :',
    replacement: 'return Number.isNaN(hash) ? feederOf.length - 1 :',
  },
  {
    name: 'stream-given-while-held',
    swarm: 'clusters',
    bend: 'held-and-moved',
    file: 'src/ingest/homes.ts',
    text: "if (held || state.phase !== 'leaving'",
    replacement: "if (state.phase !== 'leaving'",
  },
  {
    name: 'nobody-appointed',
    swarm: 'clusters',
    bend: 'answers-awaited',
    file: 'src/ingest/homes.ts',
    text: 'heir === null && options.appoints() ?',
    replacement: 'heir === null && options.source === heir ?',
    seed: 278,
  },
  {
    name: 'stopped-before-it-begins',
    swarm: 'clusters',
    file: 'src/cluster/membership.ts',
    text: "return { next, effects: [{ kind: 'resumeWork' }] }",
    replacement: "return { next, effects: s.was === 'active' ? [{ kind: 'resumeWork' }] : NONE }",
    bend: 'minorities',
  },
  {
    name: 'new-version-begins-anew',
    swarm: 'clusters',
    bend: 'upgrades',
    file: 'src/checkpoint/fold.ts',
    text: '...(entry ?? fresh), ...present',
    replacement: '...(entry?.hash === hash ? entry : fresh), ...present',
  },
  {
    name: 'each-changes-versions-by-itself',
    swarm: 'clusters',
    bend: 'upgrades',
    file: 'src/worker/pipelines/residents.ts',
    text: 'if (!others || this.seams.alone) this.bring(name, entry)',
    replacement: 'this.bring(name, entry)',
  },
  {
    name: 'new-version-waits-for-somebody',
    swarm: 'clusters',
    bend: 'upgrades',
    file: 'src/worker/pipelines/residents.ts',
    text: 'known.submitted !== entry.submitted) return true',
    replacement: 'known.submitted > entry.submitted) return true',
  },
  {
    name: 'older-store-taken',
    swarm: 'clusters',
    bend: 'store-put-back',
    file: 'src/worker/high-water.ts',
    text: 'if (seen.n >= chain.cluster.next) return this.wentBack(seen, chain.cluster, done)',
    replacement: 'if (seen.n >= chain.cluster.next) return this.pass(done)',
  },
  {
    name: 'other-record-in-its-place',
    swarm: 'clusters',
    bend: 'store-put-back',
    file: 'src/worker/high-water.ts',
    text: 'record === null || record.nonce === seen.nonce',
    replacement: 'record === null || record.nonce.length === seen.nonce.length',
  },
  {
    name: 'no-number-left-out',
    swarm: 'clusters',
    bend: 'epochs-put-back',
    seed: 42,
    file: 'src/worker/high-water.ts',
    text: 'this.seen = Math.max(this.seen, generation) + 1',
    replacement: 'this.seen = Math.max(this.seen, generation)',
  },
  {
    name: 'number-used-again',
    swarm: 'clusters',
    bend: 'store-put-back',
    file: 'src/cluster/generation.ts',
    text: 'const last = Math.max(cluster.generation, world.seen)',
    replacement: 'const last = cluster.generation',
  },
  {
    name: 'seen-by-others-not-heard',
    swarm: 'clusters',
    bend: 'store-put-back',
    file: 'src/worker/seat/seat.ts',
    text: 'Math.max(own.seen, seenBy(this.beating))',
    replacement: 'Math.max(own.seen, 0 * seenBy(this.beating))',
  },
  {
    name: 'letters-of-who-is-gone',
    swarm: 'clusters',
    file: 'src/worker/execution/takers.ts',
    text: 'return index >= 0 ? index : chosenBy(worker, generation)',
    replacement: 'return index >= 0 ? index : -1',
  },
  {
    name: 'barrier-before-its-epoch',
    swarm: 'clusters',
    file: 'src/worker/execution/far-input.ts',
    text: "head.kind === 'barrier' && head.epoch > this.begun",
    replacement: 'false',
  },
  {
    name: 'no-credit-returned',
    swarm: 'clusters',
    file: 'src/worker/execution/far-input.ts',
    text: 'this.inlet.taken(credit)',
    replacement: '',
  },
  {
    name: 'stream-given-by-an-earlier-epoch',
    swarm: 'clusters',
    bend: 'streams-that-stray',
    file: 'src/ingest/homes.ts',
    text: '|| sessions !== stream.sessions + 1) return',
    replacement: '|| sessions > stream.sessions + 1) return',
  },
  {
    name: 'seal-ignored',
    swarm: 'clusters',
    bend: 'gone-on-without',
    file: 'src/ingest/vouch.ts',
    text: 'this.seals.isSealed((error, sealed) => {',
    replacement: 'this.seals.isSealed((error, found) => {\n      const sealed = found && error !== null',
  },
  {
    name: 'splits-read-by-everyone',
    swarm: 'clusters',
    file: 'src/worker/execution/sources.ts',
    text: 'if (readerOf(generation, pipeline, task.step, name) !== generation.self) continue',
    replacement: '',
  },
]
