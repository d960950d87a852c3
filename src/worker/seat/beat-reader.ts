/**
 * Reads the beats in the store and judges those of the other workers them by how they move (PROTOCOLS 4).
 *
 * R1. Whose beats there are is asked by `list`: all of it is a hint, and who is left out once is read the next time.
 * R2. What a beat tells of generations is as true when it has stopped: whoever wrote it may have died since.
 * R3. A beat that lies still for an hour goes: else whoever has been in a cluster would be read for ever, by all of
 *     them, once a second. Who wakes up after that writes another one. Only looks in which this reader's own beat has
 *     moved count (`cluster/beats.ts`, B4).
 */
import type { Limits } from '../../base/limits.ts'
import { BEATS, beat as beatPath, isEscapedName, unescapeName } from '../../checkpoint/layout.ts'
import type { SmallStore } from '../../checkpoint/store.ts'
import {
  type Beat,
  type BeatView,
  beatingOf,
  decodeBeat,
  isYoung,
  lateOf,
  startBeatView,
  watchBeats,
} from '../../cluster/beats.ts'
import { beatSettings } from '../../cluster/settings.ts'
import type { Clock } from '../../env/clock.ts'

/** What the beats say. */
export interface Others {
  /** Those of others that count. */
  readonly beats: readonly Beat[]
  /** It is too early to say of anyone that its beat has stopped. */
  readonly young: boolean
  /** Whose beats have not come in time for long enough to be taken in. */
  readonly late: ReadonlySet<string>
  /** The greatest generation that there may have been, as all tell whose beats were read (R2). */
  readonly seen: number
}

export interface ReadsBeats {
  /** Reads once; `gone` are incarnations that are dead by evidence, as it is asked when all has been read. */
  read(gone: () => ReadonlySet<string>, done: (others: Others) => void): void
}

/** A beat goes after so many looks in which it lay still (R3): there is one for each beat, which is one a second. */
const LOOKS_KEPT = 3600

/** For a store that nobody else reaches. */
export const nobodyElse: ReadsBeats = { read: (_, done) => done({ beats: [], young: false, late: new Set(), seen: 0 }) }

export class BeatReader implements ReadsBeats {
  private readonly seams: { readonly store: SmallStore; readonly clock: Clock; readonly limits: Limits }
  private view: BeatView
  private seen = 0
  private readonly self: string
  /** How each worker's beat was found last, and in how many looks before that (R3). */
  private still = new Map<string, { readonly beat: Beat; readonly looks: number }>()

  constructor(seams: BeatReader['seams'], self: string) {
    this.seams = seams
    this.self = self
    this.view = startBeatView(self, seams.clock.monotonic())
  }

  read(gone: () => ReadonlySet<string>, done: (others: Others) => void): void {
    const { store } = this.seams
    store.list(BEATS, (_, names) => {
      const workers = (names ?? []).filter(isEscapedName).map(unescapeName)
      const beats: Beat[] = []
      let left = workers.length
      if (left === 0) return done(this.judge(beats, gone()))
      for (const worker of workers) {
        store.read(beatPath(worker), (error, bytes) => {
          const beat = error === null ? decodeBeat(worker, bytes) : null
          if (beat !== null) beats.push(beat)
          if (--left === 0) done(this.judge(beats, gone()))
        })
      }
    })
  }

  private judge(beats: readonly Beat[], gone: ReadonlySet<string>): Others {
    const { clock, limits } = this.seams
    const settings = beatSettings(limits)
    this.view = watchBeats(this.view, beats, clock.monotonic(), settings, gone)
    this.seen = Math.max(this.seen, ...beats.map(({ seen = 0 }) => seen))
    this.sweep(beats)
    const { view, seen } = this
    const [young, late] = [isYoung(view, settings), lateOf(view, settings)]
    return { beats: beatingOf(view, gone, settings), young, late, seen }
  }

  /** R3. */
  private sweep(beats: readonly Beat[]): void {
    const { still, self } = this
    const looksOf = (beat: Beat): number => {
      const known = still.get(beat.worker)
      const isSame = known?.beat.counter === beat.counter && known.beat.incarnation === beat.incarnation
      return isSame ? known.looks + 1 : 0
    }
    if (!beats.some((beat) => beat.worker === self && looksOf(beat) === 0)) return
    this.still = new Map(beats.map((beat) => [beat.worker, { beat, looks: looksOf(beat) }]))
    for (const [worker, { looks }] of this.still) {
      if (looks > 0 && looks % LOOKS_KEPT === 0) this.seams.store.remove(beatPath(worker), () => {})
    }
  }
}
