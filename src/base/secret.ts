/** Secrets: comparing them, and whether they can be shown at all. */

/**
 * Whether two secrets are equal, in a time that depends on the length of `given` alone, so that nobody can find the
 * secret out letter by letter.
 */
export function sameSecret(given: string, expected: string): boolean {
  let difference = given.length ^ expected.length
  for (let i = 0; i < given.length; i++) {
    // Beyond the end `charCodeAt` is NaN, which counts as 0; the lengths differ then.
    difference |= given.charCodeAt(i) ^ expected.charCodeAt(i)
  }
  return difference === 0
}

/** Whether a header can carry `secret`; no client sends another. */
export function isSendable(secret: string): boolean {
  return /^[\x21-\x7e]+$/.test(secret)
}
