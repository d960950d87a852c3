/** A number from 0 to 2^31 - 1 that depends on all of its arguments. */
export function mixed(salt: number, life: string, sequence: number): number {
  let hash = salt ^ Math.imul(sequence, 0x9e3779b1)
  for (let i = 0; i < life.length; i++) hash = Math.imul(hash ^ life.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 1
}
