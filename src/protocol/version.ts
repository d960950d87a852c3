/**
 * What two versions may say to each other.
 *
 * V1. Whoever dials names the newest and the oldest version that it speaks; the other answers with the newest that
 *     both speak, and from then on both write and read as that version does.
 * V2. A release speaks its own version and the one before it, so that a cluster is upgraded one worker at a time.
 */

/** The newest version that this program speaks. */
export const NEWEST_VERSION = 3
/** The oldest version that this program speaks. */
export const OLDEST_VERSION = 2

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
