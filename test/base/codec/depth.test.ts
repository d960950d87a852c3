/** What is too deep to be written is found quickly, and where it is, slowly: both find the same. */
import { expect, test } from 'vitest'
import { findFault, isDeeper, tooDeep } from '../../../src/base/codec/fault.ts'

const wraps: Record<string, (value: unknown) => unknown> = {
  'a list': (value) => [0, value],
  'an object': (value) => ({ n: 0, value }),
  'a value of a map': (value) => new Map([['key', value]]),
  'a key of a map': (value) => new Map([[value, 0]]),
  'a set': (value) => new Set([0, value]),
}
const innermost: readonly unknown[] = [7, 'text', null, [], {}, new Uint8Array(2), new Date(0)]

test.for(Object.entries(wraps))('in %s', ([, wrap]) => {
  for (const inner of innermost) {
    let value = inner
    for (let levels = 0; levels < 8; levels++, value = wrap(value)) {
      for (let most = 1; most < 8; most++) {
        const isFound = findFault([value], 1, most)?.got === tooDeep(most)
        expect(isDeeper(value, most), `${levels} levels, ${most} at most`).toBe(isFound)
      }
    }
  }
})
