/**
 * What members say to pipelines that are not up yet: in order, each once, with its bytes, and no more than may wait.
 */
import { expect, test } from 'vitest'
import { ByteReader } from '../../src/base/bytes.ts'
import type { ControlMessage } from '../../src/transport/wire.ts'
import { EarlyMessages } from '../../src/worker/pipelines/early.ts'

const message = { kind: 'released', pipelines: [] } as unknown as ControlMessage

function keep(early: EarlyMessages, run: number, bytes: Buffer): boolean {
  return early.keep(run, 'w2', message, new ByteReader(bytes))
}

function heard(early: EarlyMessages, run: number): string[] {
  const all: string[] = []
  early.deliver(run, (from, _message, body) => all.push(`${from} ${Buffer.from(body.bytes(body.remaining))}`))
  return all
}

test('what was said to a pipeline before it was up comes in order, once, to that pipeline', () => {
  const early = new EarlyMessages()
  const said = Buffer.from('a')
  keep(early, 7, said)
  // The memory of a frame is used again.
  said.fill('x')
  keep(early, 8, Buffer.from('b'))
  keep(early, 7, Buffer.from('c'))
  expect(heard(early, 7)).toEqual(['w2 a', 'w2 c'])
  expect(heard(early, 7)).toEqual([])
  expect(heard(early, 8)).toEqual(['w2 b'])
})

test('of what is said to pipelines that are not up only so much may wait, and what was heard waits no more', () => {
  const early = new EarlyMessages()
  const fill = (run: number): number => {
    let count = 0
    while (keep(early, run, Buffer.alloc(0))) count++
    return count
  }
  const most = fill(1)
  expect(fill(2)).toBe(0)
  expect(heard(early, 1)).toHaveLength(most)
  expect(fill(2)).toBe(most)
  early.clear()
  expect(heard(early, 2)).toEqual([])
  expect(fill(3)).toBe(most)
})
