/** Names for the lives of a producer. */
import { randomBytes } from 'node:crypto'

/** A name that no other life of any producer has. */
export function newIncarnation(): string {
  return randomBytes(8).toString('hex')
}
