/** A volume that hangs: what reads it waits, and the worker goes on with everything else. */
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, potoroo } from './fixture.ts'

/** Who opens a pipe that nobody writes waits in the system, as with a file of a volume whose server is gone. */
const HANGS = 8

const READER = `
import { readFile } from 'node:fs/promises'
import { generatorSource, nullSink, pipeline } from 'potoroo'

export default pipeline('reads', (p) => {
  const numbers = p.source('numbers', generatorSource({ value: (n) => n, rate: 100 }))
  numbers.sink('nowhere', nullSink())
  numbers
    .filter('few', (n) => n < ${HANGS})
    .asyncMap('look-up', () => readFile('pipe'), { concurrency: ${HANGS}, timeoutMs: 600_000 })
    .sink('never', nullSink())
})
`

test('as many reads as hang, checkpoints are made', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'reads.ts'), READER)
  expect(spawnSync('mkfifo', [join(cwd, 'pipe')]).status).toBe(0)
  const chain = join(cwd, 'data/store/chain')
  const run = potoroo(['run', 'reads.ts', '--data', 'data', '--limit', 'checkpointIntervalMs=200'], { cwd })
  await run.said(/starts with nothing/)
  const records = (): number => readdirSync(chain).length
  const before = records()
  await expect.poll(records, { interval: 100 }).toBeGreaterThan(before + 5)
})
