import { expect, test } from 'vitest'
import { Hellos } from '../../src/ingest/hellos.ts'
import { Stream } from '../../src/ingest/stream.ts'

const stream = (name: string) => new Stream('source', name, 'one', true)

test('who waits for a stream hears when its home is known, once, and who has gone does not', () => {
  const hellos = new Hellos()
  const [a, b] = [stream('a'), stream('b')]
  const heard: string[] = []
  const [first, second, third] = ['first', 'second', 'third'].map((name) => () => void heard.push(name)) as [
    () => void,
    () => void,
    () => void,
  ]
  hellos.waitFor(a, first)
  hellos.waitFor(a, second)
  hellos.waitFor(b, third)
  hellos.forget(first)
  hellos.answer(a)
  hellos.answer(a)
  expect(heard).toEqual(['second'])
  hellos.gather()
  hellos.answer(b)
  expect(heard).toEqual(['second'])
  hellos.answerAll()
  hellos.answerAll()
  expect(heard).toEqual(['second', 'third'])
})

test('one that is asked again while it is answered waits again', () => {
  const hellos = new Hellos()
  const a = stream('a')
  let asked = 0
  const later = (): void => {
    if (++asked < 3) hellos.waitFor(a, later)
  }
  hellos.waitFor(a, later)
  for (let time = 0; time < 5; time++) hellos.answer(a)
  expect(asked).toBe(3)
})

test('as many as may wait come and go in no time', { timeout: 2000 }, () => {
  const hellos = new Hellos()
  const all = Array.from({ length: 20_000 }, (_, n) => ({ stream: stream(`${n}`), later: () => {} }))
  for (const { stream, later } of all) hellos.waitFor(stream, later)
  for (const { later } of all.toReversed()) hellos.forget(later)
  hellos.answerAll()
})
