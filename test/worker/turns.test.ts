import { expect, test } from 'vitest'
import { Turns } from '../../src/worker/turns.ts'

test('what a turn asks for comes when the turn is over', () => {
  const turns = new Turns()
  const said: string[] = []
  turns.take(() => {
    turns.take(() => said.push('second'))
    said.push('first')
  })
  expect(said).toEqual(['first', 'second'])
})

test('U1: behind a turn that throws the others go on, in their order', () => {
  const turns = new Turns()
  const said: string[] = []
  const throwing = (): void => {
    turns.take(() => said.push('asked before'))
    throw new Error('thrown')
  }
  expect(() => turns.take(throwing)).toThrow('thrown')
  turns.take(() => said.push('later'))
  expect(said).toEqual(['asked before', 'later'])
})
