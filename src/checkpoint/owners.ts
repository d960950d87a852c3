/**
 * Who owns each key group, as text: the groups' members as indices of as few bits as the number of members needs, the
 * lowest bit of the first byte first, in base64. 1024 groups of three members take 344 characters.
 */
import { assert } from '../base/assert.ts'

/** Bits of an index into `members` of them; one member needs none. */
function bitsOf(members: number): number {
  return members <= 1 ? 0 : 32 - Math.clz32(members - 1)
}

/** `owners[keyGroup]`, indices below `members`, as text. */
export function encodeOwners(owners: Uint16Array, members: number): string {
  const bits = bitsOf(members)
  const bytes = Buffer.alloc(Math.ceil((owners.length * bits) / 8))
  let at = 0
  for (const owner of owners) {
    assert(owner < Math.max(members, 1), 'an owner is a member')
    for (let bit = 0; bit < bits; bit++, at++) bytes[at >>> 3]! |= ((owner >>> bit) & 1) << (at & 7)
  }
  return bytes.toString('base64')
}

/** The owners of `keyGroups` groups among `members`, from `text`; `null` where it cannot be theirs. */
export function decodeOwners(text: string, keyGroups: number, members: number): Uint16Array | null {
  const bits = bitsOf(members)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== Math.ceil((keyGroups * bits) / 8)) return null
  const owners = new Uint16Array(keyGroups)
  let at = 0
  for (let keyGroup = 0; keyGroup < keyGroups; keyGroup++) {
    let owner = 0
    for (let bit = 0; bit < bits; bit++, at++) owner |= ((bytes[at >>> 3]! >>> (at & 7)) & 1) << bit
    if (owner >= Math.max(members, 1)) return null
    owners[keyGroup] = owner
  }
  return owners
}
