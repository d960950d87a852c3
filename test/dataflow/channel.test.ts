import { expect, test } from 'vitest'
import { Batch, type Element, type Marker } from '../../src/dataflow/batch.ts'
import { Channel } from '../../src/dataflow/channel.ts'

function watermark(time: number): Marker {
  return { kind: 'watermark', time }
}

function drain(channel: Channel): Element[] {
  const elements: Element[] = []
  for (let next = channel.shift(); next !== undefined; next = channel.shift()) elements.push(next)
  return elements
}

test('H2: a channel takes a watermark behind each of its batches, and an end behind a barrier', () => {
  const channel = new Channel(0, 8)
  const barrier: Marker = { kind: 'barrier', generation: 1, epoch: 1, purpose: 'checkpoint' }
  const sent: Element[] = []
  for (let i = 0; channel.room; i++) {
    sent.push(new Batch(1), watermark(i))
    channel.push(sent.at(-2) as Batch)
    channel.mark(sent.at(-1) as Marker)
  }
  for (const marker of [barrier, watermark(100), { kind: 'end' } as const]) {
    sent.push(marker)
    channel.mark(marker)
  }
  expect(drain(channel)).toEqual(sent)
})

test('H2: of watermarks with no batch between them the last one counts', () => {
  const channel = new Channel(0, 1)
  const batch = new Batch(1)
  for (let time = 0; time < 100; time++) channel.mark(watermark(time))
  channel.push(batch)
  channel.mark(watermark(100))
  channel.mark(watermark(101))
  expect(drain(channel)).toEqual([watermark(99), batch, watermark(101)])
})
