/** `potoroo doctor`: one fault at a time is put up, and has to be found with its remedy. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { seal } from '../../src/checkpoint/envelope.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { folder, launcher, potoroo, ran } from './fixture.ts'

const COUNT = `
import { pipeline, stdoutSink, tcpSource } from 'potoroo'

export default pipeline('count', { parameters: { port: 0 } }, (p) => {
  p.source('lines', tcpSource({ port: p.parameters.port })).sink('print', stdoutSink())
})
`
const DATA = '.potoroo/count'

const model = mkdtempSync(join(tmpdir(), 'potoroo-doctor-'))
beforeAll(async () => {
  writeFileSync(join(model, 'count.ts'), COUNT)
  const program = spawn(process.execPath, [launcher, 'run', 'count.ts', '--stdin'], {
    cwd: model,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  program.stdin.end('x\n')
  expect(await once(program, 'exit')).toEqual([0, null])
})
afterAll(() => rmSync(model, { recursive: true }))

/** A folder in which the pipeline has run. */
function used(): string {
  const cwd = folder()
  cpSync(model, cwd, { recursive: true })
  return cwd
}

async function examined(cwd: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { status, out, err } = await ran(['doctor', '--json', ...args], { cwd, env: { ...process.env, ...env } })
  expect(err).toBe('')
  const { findings } = JSON.parse(out) as { findings: Finding[] }
  return { status, findings, wrong: findings.filter(({ verdict }) => verdict === 'wrong') }
}

test('a machine on which all is well has nothing wrong, and says what was looked at', async () => {
  const cwd = used()
  const { status, findings, wrong } = await examined(cwd, ['count.ts'])
  expect({ status, wrong }).toEqual({ status: 0, wrong: [] })
  const checks = new Set(findings.map(({ check }) => check))
  for (const check of ['node', 'flags', 'memory', 'open files', 'settings', 'data folder', 'tokens', 'pipeline']) {
    expect(checks).toContain(check)
  }
  expect(readdirSync(join(cwd, DATA)).filter((name) => name.startsWith('.doctor'))).toEqual([])
  const { out } = await ran(['doctor'], { cwd })
  expect(out).toMatch(/good {4}data folder {2}\.potoroo\/count is used by nobody\n[\s\S]*\nnothing is wrong\n$/)
})

test('workers of `up`, and the store beside them, are looked at when all have ended', async () => {
  const cwd = used()
  mkdirSync(join(cwd, '.potoroo/c'))
  renameSync(join(cwd, DATA, 'store'), join(cwd, '.potoroo/c/store'))
  rmSync(join(cwd, DATA, 'journal'), { recursive: true })
  renameSync(join(cwd, DATA), join(cwd, '.potoroo/c/w1'))
  const said = (await examined(cwd)).findings.map(({ check, what }) => `${check}: ${what}`)
  expect(said).toContain('data folder: .potoroo/c/w1 is used by nobody')
  expect(said).toContain('store: .potoroo/c/store holds the state of count (1024 key groups)')
  const again = (await examined(cwd, ['--store', join(cwd, '.potoroo/c/store')])).findings
  expect(again.filter(({ what }) => what.includes('holds the state of count'))).toHaveLength(1)
})

const newest = (cwd: string): string => {
  const chain = join(cwd, DATA, 'store/chain')
  return join(chain, readdirSync(chain).sort().at(-1)!)
}
const cluster = (cwd: string): string => join(cwd, DATA, 'store/cluster')

/** What is put up in a used folder, and what has to be said of it: the verdict, and a pattern of what and remedy. */
const faults: readonly {
  readonly name: string
  readonly putUp?: (cwd: string) => void
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly verdict: Finding['verdict']
  readonly says: RegExp
}[] = [
  {
    name: 'a token that others can read',
    putUp: (cwd) => chmodSync(join(cwd, DATA, 'admin.token'), 0o644),
    verdict: 'wrong',
    says: /admin\.token can be read by others \(mode 644\).*chmod 600/,
  },
  {
    name: 'an empty token',
    putUp: (cwd) => writeFileSync(join(cwd, DATA, 'read.token'), ''),
    verdict: 'wrong',
    says: /read\.token is empty.*write a token into it/,
  },
  {
    name: 'a token file that is not there',
    env: { POTOROO_SOURCE_TOKEN_FILE: 'absent' },
    verdict: 'wrong',
    says: /POTOROO_SOURCE_TOKEN_FILE=absent: there is no such file/,
  },
  {
    name: 'a setting that does not exist',
    env: { POTOROO_DATTA: 'x' },
    verdict: 'wrong',
    says: /no setting POTOROO_DATTA; did you mean POTOROO_DATA/,
  },
  {
    name: 'a data folder that others can enter',
    putUp: (cwd) => chmodSync(join(cwd, DATA), 0o755),
    verdict: 'notice',
    says: /can be entered by others \(mode 755\).*chmod 700/,
  },
  {
    name: 'a data folder that cannot be written',
    args: ['--data', '/proc/self'],
    verdict: 'wrong',
    says: /\/proc\/self cannot be written.*give it to the user/,
  },
  {
    name: 'a data folder that cannot be made',
    args: ['--data', '/proc/self/data'],
    verdict: 'wrong',
    says: /\/proc\/self\/data is not there, and cannot be made/,
  },
  {
    name: 'a store of a newer format',
    putUp: (cwd) => writeFileSync(cluster(cwd), seal({ kind: 'cluster', version: 2 }, {})),
    verdict: 'wrong',
    says: /format version 2, and this program reads up to 1.*newer one/,
  },
  {
    name: 'a damaged store',
    putUp: (cwd) => writeFileSync(cluster(cwd), readFileSync(cluster(cwd)).subarray(1)),
    verdict: 'wrong',
    says: /damaged object.*copy of the store/,
  },
  {
    name: 'a clock that was set back',
    putUp: (cwd) => utimesSync(newest(cwd), new Date(), new Date(Date.now() + 3_600_000)),
    verdict: 'notice',
    says: /clock was set back.*time server/,
  },
  {
    name: 'a store in memory',
    args: ['--store', '/dev/shm'],
    verdict: 'notice',
    says: /tmpfs, in memory/,
  },
  {
    name: 'flags for all of Node that slow it down',
    env: { NODE_OPTIONS: '--heap-prof' },
    verdict: 'notice',
    says: /NODE_OPTIONS has --heap-prof/,
  },
  {
    name: 'a pipeline that cannot be loaded',
    putUp: (cwd) => writeFileSync(join(cwd, 'bad.ts'), 'export const x = 1'),
    args: ['bad.ts'],
    verdict: 'wrong',
    says: /bad\.ts.*exports no pipeline.*export default pipeline/,
  },
]

test.each(faults)('finds $name', async ({ putUp, args, env, verdict, says }) => {
  const cwd = used()
  putUp?.(cwd)
  const { status, findings } = await examined(cwd, args, env)
  expect(status).toBe(verdict === 'wrong' ? 1 : 0)
  const found = findings
    .filter((one) => one.verdict !== 'good')
    .map((one) => `${one.verdict}: ${one.what} ${one.remedy}`)
  expect(found).toContainEqual(expect.stringMatching(new RegExp(`^${verdict}: .*${says.source}`)))
})

test('a port that somebody has is wrong, and by a worker of this folder is right', async () => {
  const cwd = used()
  const port = await freePort()
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  writeFileSync(join(cwd, 'count.ts'), COUNT.replace('port: 0', `port: ${port}`))
  const { wrong } = await examined(cwd, ['count.ts'])
  expect(wrong).toEqual([
    expect.objectContaining({ what: expect.stringMatching(`port ${port} .* is in use by .*pid ${process.pid}`) }),
  ])
  await new Promise((resolve) => server.close(resolve))

  const running = potoroo(['run', 'count.ts'], { cwd })
  await running.said(/lines listens on/)
  const { findings, wrong: none } = await examined(cwd, ['count.ts'])
  expect(none).toEqual([])
  const said = findings.map(({ what }) => what)
  expect(said).toContainEqual(expect.stringMatching(`is used by worker w1, process ${running.child.pid}`))
  expect(said).toContainEqual(expect.stringMatching(`port ${port} .* is listened on by a worker`))
})

test('a worker that starts says itself what is wrong with its folder, and runs', async () => {
  const cwd = used()
  chmodSync(join(cwd, DATA, 'read.token'), 0o640)
  utimesSync(newest(cwd), new Date(), new Date(Date.now() + 3_600_000))
  writeFileSync(join(cwd, 'source.token'), 'secret', { mode: 0o604 })
  const env = { ...process.env, POTOROO_SOURCE_TOKEN_FILE: 'source.token' }
  const { status, err } = await ran(['run', 'count.ts', '--stdin'], { cwd, input: 'x\n', env })
  expect(status).toBe(0)
  expect(err).toMatch(/warning E_TOKEN_OPEN: .*read\.token can be read by others \(mode 640\)\n +chmod 600/)
  expect(err).toMatch(
    /POTOROO_SOURCE_TOKEN_FILE=source.token can be read by others \(mode 604\)\n +chmod 600 source.token,/,
  )
  expect(err).toMatch(/warning E_CLOCK_BACK: the clock was set back.*\n +synchronise the clock/)
  utimesSync(newest(cwd), new Date(), new Date(Date.now() + 3_600_000))
  const worker = potoroo(['worker', '--data', DATA], { cwd })
  await worker.said(/E_TOKEN_OPEN/)
  await worker.said(/E_CLOCK_BACK/)
  await worker.said(/worker\.started/)
})
