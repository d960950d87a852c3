/**
 * Whether another process lives under this worker's name, for its data folder was copied or it was given the same name.
 * Judged by the beat that stands in the store whenever this process is about to write its own
 * (`worker/seat/heartbeats.ts`, B2). Pure.
 *
 * N1. Only a beat that moves in front of this process, in an incarnation that is not its own, tells of somebody: what
 *     an earlier process has left stands still, and one late write of it may come. Nobody is accused after fewer than
 *     three.
 * N2. Who has found its own beat since accuses nobody, and is alone again once it has found it as often in a row: the
 *     other one has ended. In another incarnation it has to move twice more: the first time it may have been written
 *     before it ended.
 * N3. One of the two ends, not both: a member stays, and where neither is one, the one with the lower incarnation does.
 * N4. Who is no member waits while it finds another's beat: the two would take the seat from each other, again and
 *     again, each in an incarnation too young to accuse.
 * N5. So does who has not looked yet, and who has found the beat of a member, until that is known to have ended, by
 *     evidence or by the quiet of N2: the newcomer would take the seat of one that lives, where nobody else is there to
 *     say so.
 */
import type { Beat } from './beats.ts'

const MOVES = 3

export interface Namesake {
  readonly own: string
  /** What stands under the name has been read (N5). */
  readonly looked: boolean
  /** The incarnation of this process before that. */
  readonly before: string
  /** The beat of another incarnation that was found last. */
  readonly other: Beat | null
  /** How often such a beat has moved. */
  readonly moves: number
  /** How often in a row none of another was found. */
  readonly quiet: number
}

export const noNamesake: Namesake = { own: '', looked: false, before: '', other: null, moves: 0, quiet: 0 }

/** What follows from it for a worker whose name nobody else can have. */
export const nobodyElse: Namesake = { ...noNamesake, looked: true }

/** The same process goes on as `own`. */
export function drawAnew(known: Namesake, own: string): Namesake {
  const moves = Math.min(known.moves, MOVES - 2)
  return own === known.own ? known : { ...known, own, before: known.own, moves }
}

/**
 * What is known after `found` was read under the name of this process. `stood`: another one has had the time of a beat
 * to write since this one had.
 */
export function watchNamesake(known: Namesake, found: Beat | null, stood: boolean): Namesake {
  if (found === null || found.incarnation === known.own || found.incarnation === known.before) {
    if (!stood) return { ...known, looked: true }
    const quiet = known.quiet + 1
    const next = { ...known, looked: true, quiet }
    return quiet < MOVES ? next : { ...next, other: null, moves: 0 }
  }
  const { other } = known
  const stands = other === null || (other.incarnation === found.incarnation && found.counter <= other.counter)
  return { ...known, looked: true, other: found, moves: known.moves + (stands ? 0 : 1), quiet: 0 }
}

/**
 * Whether another process lives under the name: `perhaps`, it has written a moment ago (N4); `yes`, and this one has to
 * end.
 */
export type Twice = 'no' | 'perhaps' | 'yes'

/**
 * What follows for this process where it is no member; `members` are the incarnations of those, `gone` those that are
 * known to have ended.
 */
export function isTwice(known: Namesake, members: readonly string[], gone: ReadonlySet<string> = new Set()): Twice {
  const { own, looked, other, moves, quiet } = known
  if (!looked) return 'perhaps'
  if (other === null) return 'no'
  const lives = members.includes(other.incarnation) && !(moves === 0 && gone.has(other.incarnation))
  if (moves === 0 || quiet > 0) return lives ? 'perhaps' : 'no'
  return moves >= MOVES && (members.includes(other.incarnation) || own > other.incarnation) ? 'yes' : 'perhaps'
}
