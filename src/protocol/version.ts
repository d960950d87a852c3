/**
 * What two versions may say to each other.
 *
 * Version 4 has values of format 2 (`base/codec/format.ts`, Q4).
 *
 * V1. Whoever dials names the newest and the oldest version that it speaks; the other answers with the newest that
 *     both speak, and from then on both write and read as that version does.
 * V2. A release speaks its own version and the one before it, so that a cluster is upgraded one worker at a time.
 */
import { FORMAT_EXACT, FORMAT_PLAIN } from '../base/codec/format.ts'

/** The newest version that this program speaks. */
export const NEWEST_VERSION = 4
/** The oldest version that this program speaks. */
export const OLDEST_VERSION = 3

export interface VersionRange {
  readonly newest: number
  readonly oldest: number
}

export const spokenVersions: VersionRange = { newest: NEWEST_VERSION, oldest: OLDEST_VERSION }

/** The newest version that both speak, or `null` where there is none. */
export function agreedVersion(ours: VersionRange, theirs: VersionRange): number | null {
  const version = Math.min(ours.newest, theirs.newest)
  return version >= ours.oldest && version >= theirs.oldest ? version : null
}

/** The first version whose speakers read values of format 2, on the wire and in the store. */
const EXACT_SINCE = 4

/** The newest format of values that who speaks `version` reads. */
export function valuesFormatOf(version: number): number {
  return version < EXACT_SINCE ? FORMAT_PLAIN : FORMAT_EXACT
}
