/**
 * Watches the store of a cluster from outside, record by record and file by file, with a small fold of its own: what is
 * said of one pipeline, and of the cluster.
 *
 * W1. What stands in the chain or in a manifest never changes, but that records are shortened which are over.
 * W2. Generations that count follow one another without a gap; the epochs of a pipeline that count only rise.
 * W3. An epoch names a manifest that is there and is of its own number.
 * W4. In one generation a key group is at work on one worker, the one that the generation names.
 * W5. A store that is put back is another one from then on; no generation that is made in it has the number of one that
 *     there was.
 */
import { PotorooError } from '../../../src/base/errors.ts'
import type { PipelineEntry } from '../../../src/checkpoint/cluster.ts'
import { chainNumberOf } from '../../../src/checkpoint/layout.ts'
import { decodeManifest, type Manifest } from '../../../src/checkpoint/manifest.ts'
import { type ChainRecord, type DecodedRecord, decodeRecord, withoutCluster } from '../../../src/checkpoint/record.ts'
import { Refused, type Volume } from '../../../src/sim/volume.ts'
import type { Execution } from '../../../src/worker/execution/execution.ts'

export const STORE = '/store'
export const CHAIN = `${STORE}/chain`

/** A run of a pipeline, as it was seen. */
export interface RunSeen {
  readonly run: number
  /** The manifest of the savepoint that it began with. */
  readonly from: string | null
  /** The programs that it had before its first epoch; `null` where that was not seen. */
  readonly programs: string[] | null
  epochs: number
  gone: boolean
}

/** What a record has made of a pipeline: it runs this program, was drained with it, or is gone. */
export interface Fate {
  /** The number of the record. */
  readonly n: number
  readonly hash: string | null
  readonly drained: boolean
  /** What came before was not all seen. */
  readonly missed: boolean
}

export class ChainWatch {
  readonly complaints: string[] = []
  generation = 0
  /** The last epoch that counts, of the pipeline that runs. */
  last: Manifest | null = null
  /** The manifests of those that were there to be looked at. */
  readonly manifests = new Map<number, Manifest>()
  /** Where that one stands in the store. */
  lastPath = ''
  /** Epochs that have counted so far. */
  epochs = 0
  /** Drains for good that were seen, of all pipelines. */
  drains = 0
  /** The hashes of the programs that the pipeline was given, in their order. */
  readonly programs: string[] = []
  /** The runs of each pipeline, those too that are gone. */
  readonly runs = new Map<string, RunSeen[]>()
  /** What became of each pipeline, record by record. */
  private readonly fates = new Map<string, Fate[]>()
  private readonly volume: Volume
  private readonly pipeline: string
  private readonly seen = new Map<string, Buffer>()
  private next = 0
  /** That of the volume when it was looked at last. */
  private version = -1
  private highest = 0
  /** The last generation of stores before this one, and whether this one is read for the first time (W5). */
  private spent = 0
  private old = false
  /** Who had a key group at work, by generation and key group (W4). */
  private readonly owners = new Map<string, string>()

  constructor(volume: Volume, pipeline: string) {
    this.volume = volume
    this.pipeline = pipeline
  }

  /** Reads what is new. */
  look(): void {
    if (this.version === this.volume.version) return
    this.version = this.volume.version
    this.readOn()
  }

  private readOn(): void {
    for (let decoded = this.record(); decoded !== null; decoded = this.record()) {
      this.next++
      this.fold(decoded.record)
    }
    if (this.jump()) this.readOn()
  }

  /** The record that comes next, `null` where there is none. */
  private record(): DecodedRecord | null {
    const path = `${CHAIN}/${String(this.next).padStart(10, '0')}`
    const bytes = this.read(path)
    if (bytes === null) return null
    const decoded = decodeRecord(path, this.next, bytes)
    if (decoded instanceof PotorooError) {
      this.complain(`${path}: ${decoded.message}`)
      return null
    }
    this.seen.set(path, bytes)
    return decoded
  }

  /** Where records have been removed since the last look: goes on at the last that says what was before it. */
  private jump(): boolean {
    const names = this.volume.list(CHAIN)
    if (names instanceof Refused) return false
    const missed = this.next
    for (let i = names.length - 1; i >= 0; i--) {
      const n = chainNumberOf(names[i]!)
      // Records have names that sort as their numbers do, and stand before whatever else there is.
      if (n === null) continue
      if (n <= missed) break
      this.next = n
      const before = this.record()?.before
      if (before === null || before === undefined) continue
      for (const name of new Set([...this.fates.keys(), ...before.pipelines.keys()])) {
        const { hash = null, drained = false } = before.pipelines.get(name) ?? {}
        this.noteFate(name, { n: n - 1, hash, drained, missed: true })
      }
      this.noteRuns(before.pipelines)
      const entry = before.pipelines.get(this.pipeline)
      if (entry !== undefined) {
        this.highest = Math.max(this.highest, entry.highest)
        this.submitted(entry.hash)
      }
      this.generation = Math.max(this.generation, before.generation)
      return true
    }
    this.next = missed
    return false
  }

  /** An older store has been put in the place of this one (W5). */
  putBack(): void {
    this.spent = Math.max(this.spent, this.generation)
    this.seen.clear()
    this.last = null
    ;[this.next, this.generation, this.highest, this.version] = [0, 0, 0, -1]
    this.old = true
    this.look()
    this.old = false
  }

  /** The number of the record that comes next. */
  get length(): number {
    this.look()
    return this.next
  }

  /** The weather has damaged the object `path` of the store: it says something else from now on. */
  damaged(path: string): void {
    this.seen.delete(`${STORE}/${path}`)
  }

  /** Everything that is there says what it said (W1). */
  compare(): void {
    for (const [path, bytes] of this.seen) {
      const now = this.read(path)
      if (now === null || now.equals(bytes)) continue
      const n = path.startsWith(`${CHAIN}/`) ? chainNumberOf(path.slice(CHAIN.length + 1)) : null
      // The first record of an era that is over: it says what it said, but for the cluster.
      if (n === null || withoutCluster(path, n, bytes)?.equals(now) !== true) this.complain(`${path} has changed`)
    }
  }

  /** What `worker` has at work (W4). */
  holds(worker: string, { generation, stores }: Execution): void {
    for (const [step, store] of stores) {
      for (const [group, table] of store.tables.entries()) {
        if (table === null || table.size === 0) continue
        const at = `${generation.number} ${step} ${group}`
        const known = this.owners.get(at) ?? worker
        this.owners.set(at, known)
        const named = generation.members[generation.owners[group]!]?.worker
        if (known !== worker || named !== worker) {
          this.complain(`generation ${generation.number}: ${step} ${group} is ${named}'s, at ${known} and at ${worker}`)
        }
      }
    }
  }

  private fold(record: ChainRecord): void {
    if (record.kind === 'generation') {
      const { generation, after = generation - 1 } = record
      if (after === this.generation) {
        this.generation = generation
        if (!this.old && generation <= this.spent) {
          this.complain(
            `generation ${generation} has a number that was used before the store was put back, up to ${this.spent}`,
          )
        }
        if (record.bases.some(([name]) => name === this.pipeline)) this.last = null
      }
      return
    }
    if (record.generation !== this.generation) return
    this.noteRun(record)
    if (record.pipeline !== this.pipeline) return
    if (record.kind === 'submit') this.submitted(record.hash!)
    if (record.kind !== 'epoch') return
    if (record.epoch <= this.highest) this.complain(`epoch ${record.epoch} comes behind ${this.highest}`)
    this.highest = record.epoch
    this.epochs++
    const path = `${STORE}/${record.manifest}`
    const bytes = this.read(path)
    // It may be swept already where this look is late.
    if (bytes === null) return
    this.seen.set(path, bytes)
    const examined = decodeManifest(path, bytes)
    if (examined.kind !== 'intact') return this.complain(`${path} is ${examined.kind}`)
    const { value } = examined
    if (value.epoch !== record.epoch || value.generation !== record.generation) {
      this.complain(`${path} is of epoch ${value.epoch} in generation ${value.generation}`)
    }
    this.last = value
    this.manifests.set(record.epoch, value)
    this.lastPath = record.manifest
  }

  /** The last run of `pipeline`, where that is not gone. */
  lastRun(pipeline: string): RunSeen | null {
    const last = this.runs.get(pipeline)?.at(-1)
    return last === undefined || last.gone ? null : last
  }

  /**
   * Whether `pipeline` has been as `was` says at some time since the record `n` was the next; `null` where that was not
   * seen. `null` is a pipeline that is not there.
   */
  hasBeen(pipeline: string, n: number, was: (fate: Fate | null) => boolean): boolean | null {
    this.look()
    const fates = this.fates.get(pipeline) ?? []
    const first = fates.findLastIndex((fate) => fate.n < n)
    const lasting = [first < 0 ? null : fates[first]!, ...fates.slice(first + 1)]
    if (lasting.some((fate) => was(fate?.hash == null ? null : fate))) return true
    return fates.slice(first + 1).some(({ missed }) => missed) ? null : false
  }

  /** What was said of `pipeline` last; `null`: it is not there. */
  fateOf(pipeline: string): Fate | null {
    const last = this.fates.get(pipeline)?.at(-1)
    return last === undefined || last.hash === null ? null : last
  }

  /** What had been said of `pipeline` in front of the record `n`. */
  fateBefore(pipeline: string, n: number): Fate | null {
    const fate = this.fates.get(pipeline)?.findLast((one) => one.n < n)
    return fate === undefined || fate.hash === null ? null : fate
  }

  private noteFate(pipeline: string, fate: Fate): void {
    this.fates.set(pipeline, [...(this.fates.get(pipeline) ?? []), fate])
  }

  private runsOf(pipeline: string): RunSeen[] {
    const runs = this.runs.get(pipeline) ?? []
    this.runs.set(pipeline, runs)
    return runs
  }

  /** What runs there are in front of a record, those before it not having been seen. */
  private noteRuns(pipelines: ReadonlyMap<string, PipelineEntry>): void {
    for (const name of this.runs.keys()) {
      const last = this.lastRun(name)
      // A run that begins behind this record would be taken for that one.
      if (last !== null && last.run !== pipelines.get(name)?.run) last.gone = true
    }
    for (const [name, { run, from }] of pipelines)
      if (this.lastRun(name) === null) this.runsOf(name).push({ run, from, programs: null, epochs: 0, gone: false })
  }

  private noteRun(record: Exclude<ChainRecord, { kind: 'generation' }>): void {
    const run = this.lastRun(record.pipeline)
    if (record.kind === 'epoch' && run !== null) run.epochs++
    if (record.kind === 'epoch' && record.drained) {
      this.drains++
      const { hash = null } = this.fates.get(record.pipeline)?.at(-1) ?? {}
      this.noteFate(record.pipeline, { n: record.n, hash, drained: true, missed: false })
    }
    if (record.kind !== 'submit') return
    const { n, hash, from, pipeline } = record
    this.noteFate(pipeline, { n, hash, drained: false, missed: false })
    if (hash === null) {
      if (run !== null) run.gone = true
    } else if (run === null) this.runsOf(pipeline).push({ run: n, from, programs: [hash], epochs: 0, gone: false })
    else if (run.epochs === 0) run.programs?.push(hash)
  }

  private submitted(hash: string): void {
    if (hash !== this.programs.at(-1)) this.programs.push(hash)
  }

  private read(path: string): Buffer | null {
    const inode = this.volume.open(path, 'read')
    return 'sync' in inode ? inode.read(0, inode.size) : null
  }

  private complain(what: string): void {
    if (this.complaints.length < 5) this.complaints.push(what)
  }
}
