/** Names for the lives of a producer. */

/** A name that no other life of any producer has. */
export function newIncarnation(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
