/**
 * What this worker knows of the others by their beats, as of its last look at them: who beats and whom they hear, what
 * their data folders have seen, and whether another process lives under its own name.
 *
 * T1. It says nothing that a record of the chain could contradict: what follows from it is for the tables to decide.
 * T2. What is known of another process of this name outlives incarnations: that one may be why they change.
 */
import type { Beat } from '../../cluster/beats.ts'
import { drawAnew, isTwice, type Namesake, watchNamesake } from '../../cluster/namesake.ts'
import { type Beating, beatingFrom } from '../../cluster/standing.ts'
import type { Others } from './beat-reader.ts'

export class Outlook {
  /** Nobody, before the first look. */
  beating: Beating = { beats: new Map(), young: true, twice: 'no', late: new Set() }
  /** The greatest generation that there may have been, as the beats tell. */
  seen = 0
  private namesake: Namesake

  /** `namesake`: what is known before anything was found. */
  constructor(namesake: Namesake) {
    this.namesake = namesake
  }

  /** This worker goes on as `incarnation` (T2). */
  drawn(incarnation: string): void {
    this.namesake = drawAnew(this.namesake, incarnation)
  }

  /** What stood under this worker's name (`watch.ts`). */
  found(beat: Beat | null, stood: boolean): void {
    this.namesake = watchNamesake(this.namesake, beat, stood)
  }

  /**
   * The beats have been read; `own` is what this worker says, `members` are the incarnations of the generation that
   * stands, `gone` those that are known to have ended.
   */
  look(own: Beat, { beats, young, late, seen }: Others, members: readonly string[], gone: ReadonlySet<string>): void {
    this.beating = beatingFrom(own, beats, young, isTwice(this.namesake, members, gone), late)
    this.seen = seen
  }
}
