/**
 * Values as a reader knows them that reads blocks of format 1 alone (`format.ts`, Q4): where a worker of the release
 * before has to read them, they are what they were to it.
 */

/** `value`, which can be written, with `undefined` for each hole, and with a prototype for each object. */
export function plainly(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  // Not by `map`, which passes over holes.
  if (Array.isArray(value)) return Array.from(value, plainly)
  if (value instanceof Map) return new Map(Array.from(value, ([key, one]) => [plainly(key), plainly(one)]))
  if (value instanceof Set) return new Set(Array.from(value, plainly))
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plainly(one)]))
}
