/** A package that another version is put in the place of while a worker runs out of it, as by `npm install`. */
import { cpSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, launcher, Program, ran } from './fixture.ts'

const COUNT = `
import { lines, pipeline, stdoutSink, tcpSource } from 'potoroo'

export default pipeline('count', (p) => {
  p.source('lines', tcpSource({ port: 0, framing: lines() })).sink('print', stdoutSink())
})
`

/** As long as the worker loads it, another thread watches that. */
const WAITS = "if ('LONG' in process.env) await new Promise((resolve) => setTimeout(resolve, 8000))"

/** What a file of another version may do in a thread of this one. */
const OTHERS: readonly (readonly [does: string, text: string, reason: RegExp])[] = [
  ['throws', "throw new Error('of another version')", /of another version/],
  ['imports what is gone', "import './gone.js'", /Cannot find module .*gone\.js/],
  ['ends', '', /it has ended/],
  [
    'says something else',
    "import { parentPort } from 'node:worker_threads'\nparentPort.postMessage('hello')",
    /it says what is not known/,
  ],
]
const THREADS = ['load-trial-thread', 'load-watch']

test.each(THREADS)('a worker whose %s is of another version refuses what is submitted, and goes on', async (thread) => {
  const cwd = folder()
  const installed = join(cwd, 'node_modules/potoroo')
  // The files themselves, and what they depend on by a link.
  cpSync(dirname(dirname(launcher)), installed, { recursive: true, verbatimSymlinks: true })
  writeFileSync(join(cwd, 'count.ts'), COUNT)
  writeFileSync(join(cwd, 'waits.ts'), `${COUNT}${WAITS}\n`)
  const worker = new Program(process.execPath, [join(installed, 'src/launch.js'), 'worker'], {
    cwd,
    env: { ...process.env, LONG: '1' },
  })
  await worker.said(/worker\.seated|waits for/)
  const file = join(installed, `dist/worker/loading/${thread}.js`)
  expect(readdirSync(dirname(file))).toContain(`${thread}.js`)
  const own = join(cwd, 'own.js')
  cpSync(file, own)
  for (const [does, text, reason] of OTHERS) {
    writeFileSync(file, text)
    const refused = await ran(['submit', 'waits.ts'], { cwd })
    expect(refused.err, does).toMatch(/E_LOAD_THREAD: .*\n .*restart the worker/)
    expect(refused.err, does).toMatch(reason)
    expect(refused.status, does).toBe(1)
  }
  cpSync(own, file)
  expect(await ran(['submit', 'count.ts'], { cwd })).toMatchObject({ status: 0 })
  expect(worker.child.exitCode).toBeNull()
})
