import { expect, test } from 'vitest'
import { FORMAT_EXACT, FORMAT_PLAIN } from '../../src/base/codec/format.ts'
import {
  agreedVersion,
  NEWEST_VERSION,
  OLDEST_VERSION,
  spokenVersions,
  valuesFormatOf,
} from '../../src/protocol/version.ts'

test('two peers agree on the newest version that both speak, in either order', () => {
  const cases: [newest: number, oldest: number, newest2: number, oldest2: number, agreed: number | null][] = [
    [1, 1, 1, 1, 1],
    [3, 2, 2, 1, 2],
    [3, 2, 5, 3, 3],
    [3, 3, 2, 1, null],
    [9, 1, 4, 2, 4],
  ]
  for (const [newest, oldest, newest2, oldest2, agreed] of cases) {
    const [a, b] = [
      { newest, oldest },
      { newest: newest2, oldest: oldest2 },
    ]
    expect(agreedVersion(a, b)).toBe(agreed)
    expect(agreedVersion(b, a)).toBe(agreed)
  }
})

test('who speaks version 3 reads values of the first format alone', () => {
  expect([3, 4, 5].map(valuesFormatOf)).toEqual([FORMAT_PLAIN, FORMAT_EXACT, FORMAT_EXACT])
})

test('this program speaks its own version and at most the one before it (V2)', () => {
  expect(agreedVersion(spokenVersions, spokenVersions)).toBe(NEWEST_VERSION)
  expect(NEWEST_VERSION - OLDEST_VERSION).toBeLessThanOrEqual(1)
})
