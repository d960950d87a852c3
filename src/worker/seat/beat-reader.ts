/**
 * Reads the beats in the store and judges those of the other workers them by how they move (PROTOCOLS 4).
 *
 * R1. Whose beats there are is asked by `list`: all of it is a hint, and who is left out once is read the next time.
 */
import type { Limits } from '../../base/limits.ts'
import { BEATS, beat as beatPath, unescapeName } from '../../checkpoint/layout.ts'
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

/** The beats of others that count; `young`: it is too early to say of anyone that its beat has stopped. */
export interface Others {
  readonly beats: readonly Beat[]
  readonly young: boolean
}

export interface ReadsBeats {
  /** Reads once; `gone` are incarnations that are dead by evidence, as it is asked when all has been read. */
  read(gone: () => ReadonlySet<string>, done: (others: Others) => void): void
}

/** For a store that nobody else reaches. */
export const nobodyElse: ReadsBeats = { read: (_, done) => done({ beats: [], young: false }) }

export class BeatReader implements ReadsBeats {
  private readonly seams: { readonly store: Store; readonly clock: Clock; readonly limits: Limits }
  private view: BeatView

  constructor(seams: BeatReader['seams'], self: string) {
    this.seams = seams
    this.view = startBeatView(self, seams.clock.monotonic())
  }

  read(gone: () => ReadonlySet<string>, done: (others: Others) => void): void {
    const { store } = this.seams
    store.list(BEATS, (_, names) => {
      const workers = (names ?? []).map(unescapeName)
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
    return { beats: beatingOf(this.view, gone, settings), young: isYoung(this.view, settings) }
  }
}
