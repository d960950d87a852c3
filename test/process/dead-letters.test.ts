/**
 * Dead letters over `kill -9`: each there once, tried again once, gone for good once they are purged; and after the end
 * of a run.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { connect } from '../../src/client.ts'
import { folder, type Program, potoroo, ran } from './fixture.ts'

const LINES = 20_000
/** Every so many lines one cannot be decoded, and one makes its step throw. */
const EVERY = 100

const SUM = `
import { json, nullSink, pipeline, tcpSource } from 'potoroo'

export default pipeline('sum', { parameters: { port: 7001, most: 9 } }, (p) => {
  const { port, most } = p.parameters
  p.source('numbers', tcpSource({ port, protocol: 'acked', decode: json<number>() }))
    .keyBy('all', () => 'all')
    .mapWithState('sum', {
      init: () => ({ sum: 0, count: 0 }),
      step: (state, n) => {
        state.sum += n
        state.count++
        if (n > most) throw new Error(\`\${n} is too much\`)
      },
    })
    .sink('nowhere', nullSink())
})
`

/** Line `i`, from 0 on: 1, a record that throws (50), or none at all. */
function line(i: number): string {
  if (i % EVERY === 0) return 'no number'
  return i % EVERY === 50 ? '50' : '1'
}

interface Listed {
  readonly count: number
  readonly letters: readonly { readonly id: string; readonly step: string; readonly position: number }[]
}

test('a letter is there once, and what is tried again counts once, through kills', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'sum.ts'), SUM)
  const port = await freePort()
  const command = async (...args: string[]) => {
    const ended = await ran(args, { cwd })
    expect(ended, ended.err).toMatchObject({ status: 0 })
    return ended.out
  }
  const list = async () =>
    JSON.parse(await command('dead-letters', 'list', 'sum', '--limit', '1000', '--json')) as Listed
  const state = async () => JSON.parse(await command('query', 'sum', 'sum', 'all', '--json')).found.state

  const startWorker = async (said: RegExp): Promise<Program> => {
    // Checkpoints come thick and fast, so that kills meet them at every stage.
    const started = potoroo(['worker', '--log-format', 'json', '--limit', 'checkpointIntervalMs=50'], { cwd })
    await started.said(said)
    return started
  }

  let worker = await startWorker(/worker\.started/)
  await command('submit', 'sum.ts', '--param', `port=${port}`)
  await worker.said(/step\.listening/)

  const client = await connect({
    port,
    source: 'numbers',
    producer: 'test',
    maxOutstanding: 16 << 10,
    maxBackoffMs: 100,
  })
  for (let i = 0; i < LINES; i++) {
    await client.send(line(i))
    if (i === LINES * 0.3 || i === LINES * 0.7) {
      worker.kill('SIGKILL')
      await worker.ended
      worker = await startWorker(/step\.listening/)
    }
  }
  await client.flush('stable')
  client.close()

  const failing = (LINES / EVERY) * 2
  const good = LINES - failing
  const letters = await list()
  expect(letters.count).toBe(failing)
  expect(new Set(letters.letters.map(({ id }) => id)).size).toBe(failing)
  const positions = letters.letters.map(({ position }) => position).sort((a, b) => a - b)
  const expected = Array.from({ length: LINES }, (_, i) => i + 1).filter((n) => line(n - 1) !== '1')
  expect(positions).toEqual(expected)
  expect(await state()).toEqual({ sum: good, count: good })

  // A mended pipeline takes the values that threw; what is no number stays.
  await command('submit', 'sum.ts', '--param', `port=${port}`, '--param', 'most=99')
  const phase = async () => JSON.parse(await command('status', 'sum', '--json')).phase
  await expect.poll(phase).toBe('running')
  expect(await command('dead-letters', 'replay', 'sum', '--all')).toMatch(/200 dead letters tried again; 200 cannot/)
  const threw = LINES / EVERY
  const after = { sum: good + 50 * threw, count: good + threw }
  worker.kill('SIGKILL')
  await worker.ended
  worker = await startWorker(/step\.listening/)
  expect(await state()).toEqual(after)
  expect((await list()).count).toBe(threw)

  expect(await command('dead-letters', 'purge', 'sum', '--all')).toMatch(/200 dead letters purged/)
  worker.kill('SIGKILL')
  await worker.ended
  worker = await startWorker(/step\.listening/)
  expect((await list()).count).toBe(0)
  expect(await state()).toEqual(after)
})

test('the letters of a pipeline that has ended are those of its last checkpoint', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'sum.ts'), SUM)
  const command = (...args: string[]) => ran(args, { cwd })
  const input = [1, 2, 50, 3].map((n) => `${n}\n`).join('')
  const run = await ran(['run', 'sum.ts', '--stdin', '--stdout'], { cwd, input })
  expect(run.err).toContain('`potoroo dead-letters list sum` shows them')
  const listed = await command('dead-letters', 'list', 'sum')
  expect(listed.out).toMatch(/sum-3-\S+ +\S+ +Error: 50 is too much/)
  expect(listed.err).toBe('no worker that runs sum answers: as its last checkpoint has them\n1 of 1 dead letter\n')
  const id = /sum-3-\S+/.exec(listed.out)![0]
  expect((await command('dead-letters', 'show', 'sum', id)).out).toContain('given     50')
  expect((await command('dead-letters', 'show', 'sum', 'sum-4')).err).toContain('E_NO_LETTER')
  expect((await command('dead-letters', 'purge', 'sum', '--all')).err).toContain('E_NO_WORKER')
})
