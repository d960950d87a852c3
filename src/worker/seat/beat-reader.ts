/**
 * Reads the beats in the store and judges those of the other workers them by how they move (PROTOCOLS 4).
 *
 * R1. Whose beats there are is asked by `list`: all of it is a hint, and who is left out once is read the next time.
 * R2. What a beat tells of generations is as true when it has stopped: whoever wrote it may have died since.
 */
import type { Limits } from '../../base/limits.ts'
import { BEATS, beat as beatPath, isEscapedName, unescapeName } from '../../checkpoint/layout.ts'
import type { Store } from '../../checkpoint/store.ts'
import {
  type Beat,
  type BeatView,
  beatingOf,
  decodeBeat,
  isYoung,
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
  /** The greatest generation that there may have been, as all tell whose beats were read (R2). */
  readonly seen: number
}

export interface ReadsBeats {
  /** Reads once; `gone` are incarnations that are dead by evidence, as it is asked when all has been read. */
  read(gone: () => ReadonlySet<string>, done: (others: Others) => void): void
}

/** For a store that nobody else reaches. */
export const nobodyElse: ReadsBeats = { read: (_, done) => done({ beats: [], young: false, seen: 0 }) }

export class BeatReader implements ReadsBeats {
  private readonly seams: { readonly store: Store; readonly clock: Clock; readonly limits: Limits }
  private view: BeatView
  private seen = 0

  constructor(seams: BeatReader['seams'], self: string) {
    this.seams = seams
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
    this.view = watchBeats(this.view, beats, clock.monotonic(), settings)
    this.seen = Math.max(this.seen, ...beats.map(({ seen = 0 }) => seen))
    return { beats: beatingOf(this.view, gone, settings), young: isYoung(this.view, settings), seen: this.seen }
  }
}
