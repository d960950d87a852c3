/**
 * Follows the epochs while everything runs, and reads the indexes of the packs that others have written, so that nobody
 * has to when a member dies. Nothing depends on what comes of it.
 *
 * J1. One object is read at a time, `PAUSE_MS` after the one before; of each pipeline what its last epoch names. So it
 *     takes little of the store from whoever works, however many pipelines and members there are, and falls behind
 *     where that is not enough.
 * J2. Nothing is read while a generation comes up: its members read what they need themselves.
 * J3. A manifest that is longer than `MANIFEST_BYTES` is not looked into: to take it apart would hold up the loop with
 *     every epoch.
 */
import type { Clock, Timer } from '../env/clock.ts'
import { type Cluster, lastEpoch, type PipelineEntry } from './cluster.ts'
import type { Run } from './layout.ts'
import { decodeManifest, isManifestOf, type Manifest } from './manifest.ts'
import type { PackIndexes } from './pack-indexes.ts'
import { readIndex } from './pack-reader.ts'
import type { Store } from './store.ts'

/** So some fifty objects are read in a second, which takes a hundredth of it. */
const PAUSE_MS = 20
/** A thousand packs, or as many streams of producers. */
const MANIFEST_BYTES = 256 << 10

export interface FollowerSeams {
  readonly clock: Clock
  readonly indexes: PackIndexes
  store(): Store
}

export class IndexFollower {
  private readonly seams: FollowerSeams
  /** Pipelines with an epoch that was not looked at, as they are, by name. */
  private readonly waiting = new Map<string, PipelineEntry>()
  /** Whether anything is read now (J2). */
  private follows = false
  /** What is under way counts as long as this is what it was when it began. */
  private turn = 0
  private busy = false
  private pause: Timer | null = null

  constructor(seams: FollowerSeams) {
    this.seams = seams
  }

  /** The members of a generation are at work, this one among them. */
  begin(): void {
    this.follows = true
    this.proceed()
  }

  /** Nothing more is read until `begin` (J2). */
  stop(): void {
    this.follows = false
    this.busy = false
    this.turn++
    this.pause?.cancel()
    this.pause = null
    this.waiting.clear()
  }

  /** An epoch of `pipeline` has been read in the chain, or the pipeline itself has changed there. */
  recorded(pipeline: string, { pipelines }: Cluster): void {
    const entry = pipelines.get(pipeline)
    if (entry === undefined || entry.drained) {
      this.waiting.delete(pipeline)
      this.forgetOthers(pipelines)
    } else {
      this.waiting.set(pipeline, entry)
      this.proceed()
    }
  }

  /** Records have been passed over: `cluster` is what came of them. */
  jumped(cluster: Cluster): void {
    this.forgetOthers(cluster.pipelines)
    for (const pipeline of cluster.pipelines.keys()) this.recorded(pipeline, cluster)
  }

  /** What no pipeline will come back to is of no use. */
  private forgetOthers(pipelines: Cluster['pipelines']): void {
    this.seams.indexes.forgetOthers(
      [...pipelines].flatMap(([pipeline, { run, drained }]) => (drained ? [] : [{ pipeline, run }])),
    )
  }

  private proceed(): void {
    const [first] = this.waiting
    if (this.busy || !this.follows || first === undefined) return
    const [pipeline, entry] = first
    this.waiting.delete(pipeline)
    this.busy = true
    this.look(pipeline, entry, () => {
      this.busy = false
      this.proceed()
    })
  }

  /** Calls `read` after a pause, and `then` with what it answers (J1); neither once it has been stopped. */
  private next<T>(read: (answer: (value: T) => void) => void, then: (value: T) => void): void {
    const { turn } = this
    this.pause = this.seams.clock.after(PAUSE_MS, () => {
      read((value) => {
        if (turn === this.turn) then(value)
      })
    })
  }

  private look(pipeline: string, entry: PipelineEntry, done: () => void): void {
    const last = lastEpoch(entry)
    if (last === null) return done()
    const { indexes } = this.seams
    const run: Run = { pipeline, run: entry.run }
    this.next<Manifest | null>(
      (answer) => this.readManifest(last.manifest, answer),
      (manifest) => {
        if (manifest === null || !isManifestOf(manifest, pipeline, last)) return done()
        indexes.settle(run, manifest)
        const unknown = manifest.packs.filter((pack) => !indexes.has(run, pack))
        const readOne = (at: number): void => {
          const pack = unknown[at]
          if (pack === undefined) return done()
          this.next<Buffer | null>(
            (answer) =>
              readIndex(this.seams.store(), pack, (found) => answer(found.kind === 'intact' ? found.value : null)),
            (index) => {
              // What is damaged is found so by whoever needs it.
              if (index !== null) indexes.keep(run, pack, index)
              readOne(at + 1)
            },
          )
        }
        readOne(0)
      },
    )
  }

  /** `null` where it is damaged, too long (J3), or not to be had. */
  private readManifest(path: string, answer: (manifest: Manifest | null) => void): void {
    this.seams.store().readRange(path, 0, MANIFEST_BYTES + 1, (error, bytes) => {
      if (error !== null || bytes === null || bytes.length > MANIFEST_BYTES) return answer(null)
      const examined = decodeManifest(path, bytes)
      answer(examined.kind === 'intact' ? examined.value : null)
    })
  }
}
