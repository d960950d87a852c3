/** What a task takes from its channels, and when it passes a barrier. */
import { expect, test } from 'vitest'
import { type Barrier, Batch, type Element } from '../../src/dataflow/batch.ts'
import { Channel } from '../../src/dataflow/channel.ts'
import { Inputs } from '../../src/dataflow/inputs.ts'

const barrierOf = (epoch: number): Barrier => ({ kind: 'barrier', generation: 1, epoch, purpose: 'checkpoint' })

function taken(inputs: Inputs): Element[] {
  const elements: Element[] = []
  for (let next = inputs.next(); next !== undefined; next = inputs.next()) elements.push(next)
  return elements
}

test('I1: behind a barrier nothing is taken until it has come on all inputs', () => {
  const [one, other] = [new Channel(0, 8), new Channel(1, 8)]
  const inputs = new Inputs([one, other])
  const [late, before] = [new Batch(1), new Batch(1)]
  one.mark(barrierOf(1))
  one.push(late)
  expect(taken(inputs)).toEqual([])
  other.push(before)
  expect(taken(inputs)).toEqual([before])
  other.mark(barrierOf(1))
  expect(taken(inputs)).toEqual([barrierOf(1), late])
})

test('I2: nor until it has come on inputs that have ended: what is given back to a step goes on behind their end', () => {
  const [one, other] = [new Channel(0, 8), new Channel(1, 8)]
  const inputs = new Inputs([one, other])
  const back = new Batch(1)
  other.mark({ kind: 'end' })
  one.mark(barrierOf(1))
  expect(taken(inputs)).toEqual([])
  other.push(back)
  other.mark(barrierOf(1))
  expect(taken(inputs)).toEqual([back, barrierOf(1)])
  one.mark({ kind: 'end' })
  expect(taken(inputs)).toEqual([{ kind: 'end' }])
  for (const channel of [one, other]) channel.mark(barrierOf(2))
  expect(taken(inputs)).toEqual([barrierOf(2)])
})
