/** One record becomes more dead letters than can be kept: its pipeline fails, and nothing else does. */
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { Workshop } from './workshop.ts'

/** Each record becomes twenty of 8 MiB, of which `step` makes something. */
const steps = (step: string): string => `
    .flatMap('split', (line) => Array.from({ length: 20 }, (_, n) => ({ n, doc: line.repeat(8 << 20) })))
    .keyBy('by-number', ({ n }) => n)
    .mapWithState('count', { init: () => ({ n: 0 }), step: (state) => { ${step} } })`

test('a pipeline fails by name where one record becomes too many letters, and a mended program goes on in front of it', async () => {
  const desk = new Workshop()
  const worker = await desk.start({ checkpointIntervalMs: 50 })
  const failing = await desk.runLines(worker, steps("throw new Error('a mistake')"))
  await expect.poll(() => failing.addresses.get('in')).toBeDefined()
  const [host, port] = failing.addresses.get('in')!.split(':')
  const socket = connect(Number(port), host)
  socket.on('error', () => {}).end('x\n')
  await expect.poll(() => failing.phase, { timeout: 20_000 }).toBe('failed')
  expect(desk.failed.map(({ code, details }) => [code, details.step, details.reason])).toEqual([
    ['E_DEAD_LETTERS_FLOOD', 'count', 'Error: a mistake'],
  ])
  const mended = await desk.runLines(worker, steps('state.n++'))
  await expect.poll(() => mended.execution.status.keys).toBe(20)
  expect(mended.execution.deadLetters.count).toBe(0)
})
