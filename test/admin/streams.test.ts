/** What is shown of producers. */
import { expect, test } from 'vitest'
import { viewStreams } from '../../src/admin/view.ts'
import type { Resident } from '../../src/worker/pipelines/pipelines.ts'

test('each producer that waits is looked at once, however many do', () => {
  const count = 500
  let looks = 0
  const parked = Array.from({ length: count }, (_, i) => ({
    get producer() {
      looks++
      return `p${i}`
    },
    incarnation: 'i',
    first: i + 1,
    last: i + 9,
    home: 'w2',
  }))
  const rows = Array.from({ length: 2 * count }, (_, i) => [`p${i}`, 'i', i, 'w1', 1, 7, true, ''])
  const status = { parked: new Map([['in', parked]]), streams: new Map([['in', rows]]) }
  const shown = viewStreams({ execution: { status } } as unknown as Resident)
  expect(shown).toHaveLength(2 * count)
  expect(shown[3]).toMatchObject({ source: 'in', producer: 'p3', parked: { first: 4, last: 12, home: 'w2' } })
  expect(shown[count]!.parked).toBeNull()
  expect(looks).toBe(count)
})
