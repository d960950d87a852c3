/** Names that users give, as names of files. */

/** The longest name of a file on the usual file systems, in bytes. */
const NAME_BYTES = 255
/** What stands beside a user's name in the longest file name: numbers, incarnation, separators. */
const NUMBERS_BYTES = 80

/** Bytes that a user's name may take in the name of a file. */
export const OWN_NAME_BYTES = NAME_BYTES - NUMBERS_BYTES

/**
 * `name` in the letters of a path: a-z, 0-9, `_` and `-` as they are, every other byte of its UTF-8 as `%` and two
 * digits, half a surrogate pair as `%u` and four. So two names never share a path, also where upper and lower case are
 * one.
 */
export function inFileName(name: string): string {
  return name.replace(/[^a-z0-9_-]/gu, escapeCharacter)
}

function escapeCharacter(character: string): string {
  if (!character.isWellFormed()) return `%u${character.charCodeAt(0).toString(16)}`
  return percents(character)
}

/** Each byte of `text` in UTF-8 as `%` and two digits. */
export function percents(text: string): string {
  return Array.from(Buffer.from(text, 'utf8'), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
}

/** Sorts `names`, in place, by their bytes in UTF-8. */
export function inByteOrder(names: string[]): string[] {
  // Only halves of surrogate pairs stand elsewhere by their units than by their bytes; to compare units is twenty times
  // as fast.
  if (!names.some((name) => SURROGATE.test(name))) return names.sort()
  return names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

const SURROGATE = /[\ud800-\udfff]/
