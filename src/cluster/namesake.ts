/**
 * Whether another process lives under this worker's name, as the beat in the store says that stands under it: a data folder that
 * was copied, or a setting. Pure.
 *
 * N1. Only a beat that moves in front of this reader, in an incarnation that is not of this process, tells of somebody: what an
 *     earlier process has left stands still, and one late write of it may come. Nobody is accused after fewer than three.
 */
import type { Beat } from './beats.ts'

const MOVES = 3

export interface Namesake {
  readonly own: string
  /** The incarnation of this process before that. */
  readonly before: string
  /** The beat of another incarnation that was found last. */
  readonly other: Beat | null
  /** How often such a beat has moved. */
  readonly moves: number
}

export const noNamesake: Namesake = { own: '', before: '', other: null, moves: 0 }

/** What is known after `found` was read under the name of this process, whose incarnation is `own`. */
export function watchNamesake(known: Namesake, own: string, found: Beat | null): Namesake {
  const now = own === known.own ? known : { ...known, own, before: known.own }
  if (found === null || found.incarnation === own || found.incarnation === now.before) return now
  const { other } = now
  const moved = other !== null && other.incarnation === found.incarnation && found.counter > other.counter
  return { ...now, other: found, moves: now.moves + (moved ? 1 : 0) }
}

export function isTwice({ moves }: Namesake): boolean {
  return moves >= MOVES
}
