/** What a user does wrong, or the machine: each with the code, the status, and what to do about it. */
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { seal } from '../../src/checkpoint/envelope.ts'
import { folder, potoroo, ran } from './fixture.ts'

const IMPORTS = "import { lines, pipeline, stdoutSink, tcpSource } from 'potoroo'\n"
const counting = (options: { name?: string; step?: string; key?: string; answer?: string } = {}) => {
  const { name = 'count', step = 'count', key = 'line', answer = "line + ' ' + ++state.total" } = options
  return `${IMPORTS}
export default pipeline('${name}', (p) => {
  p.source('lines', tcpSource({ port: 0, framing: lines() }))
    .keyBy('by-line', (line) => ${key})
    .mapWithState('${step}', { init: () => ({ total: 0 }), step: (state, line) => ${answer} })
    .sink('print', stdoutSink())
})
`
}

/** A pipeline file in a folder, and how to run it there. */
function app(text: string) {
  const cwd = folder()
  const write = (file: string, content: string) => writeFileSync(join(cwd, file), content)
  write('p.js', text)
  const run = (args: readonly string[] = [], input = '', env: NodeJS.ProcessEnv = {}) =>
    ran(['run', 'p.js', '--stdin', '--stdout', ...args], { cwd, input, env: { ...process.env, ...env } })
  return { cwd, write, run }
}

const files: readonly (readonly [what: string, text: string, status: number, says: RegExp])[] = [
  [
    'no default export',
    `${IMPORTS}export const p = pipeline('p', () => {})`,
    2,
    /E_PIPELINE_EXPORT: .*"p" is exported by name only\n .*export default/,
  ],
  [
    'a file that throws',
    `${IMPORTS}throw new Error('no licence')`,
    2,
    /E_PIPELINE_THREW: .*p\.js:2:\d+.*no licence\n .*only describes/,
  ],
  [
    'a package that is not installed',
    "import 'absent-package'",
    2,
    /E_PIPELINE_IMPORT: .*p\.js:1.*"absent-package": no such package is installed\n .*npm/,
  ],
  ['a name that is used twice', counting().replace("'print'", "'count'"), 2, /E_PIPELINE: .*\n.*count/],
  [
    'an async function in map',
    counting().replace('.keyBy(', ".map('ask', async (line) => line).keyBy("),
    2,
    /E_PIPELINE[\s\S]*ask[\s\S]*asyncMap/,
  ],
  [
    'a sum in front of a sink that promises ids',
    `${IMPORTS.replace('import {', 'import { webhookSink,')}
export default pipeline('p', (p) => {
  p.source('lines', tcpSource({ port: 0 })).keyBy('by-line', (line) => line).reduce('sum', (a, b) => a + b)
    .sink('hook', webhookSink({ url: 'http://127.0.0.1:9/' }))
})`,
    2,
    /E_PIPELINE[\s\S]*hook: .*"sum" emits.*mapWithState; or use fileSink.*; or say promise: 'at-least-once'/,
  ],
]

test.each(files)('%s is refused with its place and a remedy', async (_what, text, status, says) => {
  const refused = await app(text).run()
  expect(refused).toMatchObject({ status, out: '' })
  expect(refused.err).toMatch(says)
})

/** Records that do not get through, while those around them do. */
const records: readonly (readonly [what: string, text: string, input: string, out: string, says: RegExp])[] = [
  [
    'a key that is NaN',
    counting({ key: 'Number(line)' }),
    '7\nx\n7\n',
    '7 1\n7 2\n',
    /keyBy step "by-line" returned NaN, which cannot be a key/,
  ],
  [
    'a key that is no key',
    counting({ key: "line === 'x' ? {} : line" }),
    'a\nx\na\n',
    'a 1\na 2\n',
    /which cannot be a key; return a string, a number/,
  ],
  [
    'a key over the limit',
    counting({ key: "line === 'x' ? 'x'.repeat(100000) : line" }),
    'a\nx\n',
    'a 1\n',
    /a key longer than \d+ characters.*limit keyLength/,
  ],
  [
    'a promise',
    counting({ answer: "line === 'x' ? Promise.resolve(1) : line" }),
    'a\nx\nb\n',
    'a\nb\n',
    /a step has answered with a promise.*asyncMap/,
  ],
]

test.each(records)('%s is a dead letter, with what to do', async (_what, text, input, out, says) => {
  const done = await app(text).run([], input)
  expect(done).toMatchObject({ status: 0, out })
  expect(done.err.replaceAll('\n  ', '; ')).toMatch(says)
  expect(done.err).toMatch(/ended with epoch \d+ \(\d keys?, 1 dead letter\)/)
})

test('an empty key is a key, and 1 and "1" are two', async () => {
  const { run } = app(counting({ key: "line === 'number' ? 1 : line === 'text' ? '1' : ''" }))
  const done = await run([], 'number\ntext\nnumber\nnone\nnone\n')
  expect(done).toMatchObject({ status: 0, out: 'number 1\ntext 1\nnumber 2\nnone 1\nnone 2\n' })
  expect(done.err).toMatch(/\(3 keys\)/)
})

test.each([
  ['waits for ever while it loads', 'await new Promise(() => setInterval(() => {}, 1000))', 'waits'],
  ['computes for ever while it loads', 'for (;;) {}', 'computes'],
  [
    'computes for ever while it builds',
    "import { pipeline } from 'potoroo'\nexport default pipeline('p', () => { for (;;) {} })",
    'computes',
  ],
])('a file that %s is given up', async (_what, text, does) => {
  const { cwd } = app(text)
  const refused = await ran(['run', 'p.js', '--limit', 'loadTimeoutMs=1500'], { cwd })
  expect(refused.status).toBe(2)
  expect(refused.err).toMatch(
    new RegExp(`E_PIPELINE_SLOW: .* was not loaded after 1.5 s: it ${does}\n .*an await or an endless loop`),
  )
})

test('a record over the limit: its connection is closed, or its producer told, with what to do, and others go on', async () => {
  const long = `good\n${'x'.repeat(3000)}\nnever\n`
  const plain = potoroo(['run', 'p.js', '--limit', 'recordBytes=1024'], { cwd: app(counting()).cwd })
  const [, port] = await plain.said(/lines listens on 127\.0\.0\.1:(\d+)/)
  await ran(['send', port!], { input: long })
  await plain.said(
    /E_CONNECTION_CLOSED: .* a record of 3000 bytes is over the limit of 1024 \(recordBytes\)\n .*the framing of the source/,
  )
  await ran(['send', port!], { input: 'good\n' })
  await plain.said(/good 2\n/)
  const acked = potoroo(['run', 'p.js', '--limit', 'recordBytes=1024'], {
    cwd: app(counting().replace('port: 0', "port: 0, protocol: 'acked'")).cwd,
  })
  const [, door] = await acked.said(/lines listens on 127\.0\.0\.1:(\d+)/)
  const sender = potoroo(['send', door!, '--acked', 'lines'])
  sender.child.stdin!.end(long)
  // It is refused as it is given, or, where the worker says only later what it takes, as it lies in the outbox.
  const given = 'E_RECORD_TOO_LONG: a record of 3000 bytes is over the limit of 1024 \\(recordBytes\\)'
  const kept = 'E_OUTBOX_RECORD: record 2 in the outbox in memory has 3000 bytes, and worker \\S+ takes 1024 at most'
  await sender.said(new RegExp(`(?:${given}|${kept})\n .*raise the limit recordBytes`))
})

test('a port that the pipeline has given out twice is in use by itself', async () => {
  const port = await freePort()
  const twice = counting()
    .replace('port: 0', `port: ${port}`)
    .replace('stdoutSink()', `tcpServerSink({ port: ${port}, encode: String })`)
  const { cwd } = app(twice.replace('import {', 'import { tcpServerSink,'))
  const refused = await ran(['run', 'p.js'], { cwd })
  expect(refused).toMatchObject({
    status: 1,
    err: expect.stringMatching(
      /E_PORT_IN_USE: .* by this worker itself, for another step.*: step "\w+" cannot listen there/,
    ),
  })
})

test('what is submitted and cannot begin is said to be so, and who drains or cancels it stands in the log', async () => {
  const port = await freePort()
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { cwd, write } = app(counting())
  write('q.js', counting({ name: 'other' }).replace('port: 0', `port: ${port}`))
  const worker = potoroo(['worker', '--log-format', 'json'], { cwd })
  await worker.said(/worker\.seated/)
  expect(await ran(['submit', 'p.js'], { cwd })).toMatchObject({ status: 0, err: '' })
  const second = await ran(['submit', 'q.js'], { cwd })
  expect(second).toMatchObject({ status: 1, out: expect.stringMatching(/^other submitted, program /) })
  expect(second.err).toMatch(/^other failed: E_PORT_IN_USE: .*\n .*another port\n .*potoroo submit FILE/)
  const { status, out } = await ran(['submit', 'q.js', '--json'], { cwd })
  expect([status, JSON.parse(out)]).toMatchObject([1, { phase: 'failed', error: { code: 'E_PORT_IN_USE' } }])
  expect(await ran(['drain', 'count'], { cwd })).toMatchObject({ status: 0 })
  await worker.said(/"pipeline":"count".*"code":"pipeline\.drained"/)
  expect(await ran(['cancel', 'other'], { cwd })).toMatchObject({ status: 0 })
  await worker.said(/"pipeline":"other".*"code":"pipeline\.cancelled"/)
})

test.each([
  ['a timer', 'setTimeout(() => { throw new TypeError("late") })', /E_STRAY: .* at .*p\.js:\d+:\d+: late\n .*await it/],
  ['a promise', 'Promise.reject(new Error("alone"))', /E_STRAY: .* at .*p\.js:\d+:\d+: alone\n .*await it/],
  ['no error at all', 'setTimeout(() => { throw "a text" })', /E_STRAY: .*waits for it: a text\n/],
])('what a step leaves behind ends the worker, and is not said to be ours: %s', async (_what, left, says) => {
  const { cwd } = app(counting({ answer: `(${left}, line)` }))
  const run = potoroo(['run', 'p.js', '--stdin'], { cwd })
  run.child.stdin!.write('a\n')
  expect((await run.ended).status).toBe(1)
  expect(run.err).toMatch(says)
  expect(run.err).not.toMatch(/bug in potoroo/)
})

const PLACE = ' at \\S*q\\.js:\\d+:\\d+'

test.each([
  ['a promise in a field of a record', '({ line, more: Promise.reject(new Error("alone")) })', PLACE],
  ['a timer', '(setTimeout(() => { throw new Error("alone") }), line)', PLACE],
  [
    'a pipe of its own that has broken',
    '(setTimeout(() => { throw Object.assign(new Error("alone"), { code: "EPIPE" }) }), line)',
    PLACE,
  ],
  ['an emitter that nobody listens to', '(process.getBuiltinModule("fs").createReadStream("/not/alone"), line)', ''],
])(
  'what a submitted pipeline leaves behind fails it by name, at each start, and no other: %s',
  async (_what, answer, place) => {
    const ports = [await freePort(), await freePort()] as const
    const at = (text: string, port: number) => text.replace('port: 0', `port: ${port}`)
    const { cwd, write } = app(at(counting(), ports[0]))
    write('q.js', at(counting({ name: 'other', answer }), ports[1]))
    const start = () => potoroo(['worker', '--log-format', 'json'], { cwd })
    const failed = new RegExp(
      `"pipeline":"other","error":"E_STRAY","message":"[^"]* waits for it${place}: [^"]*alone\\W*".*"code":"pipeline\\.failed"`,
    )
    const worker = start()
    await worker.said(/worker\.seated/)
    for (const file of ['p.js', 'q.js']) expect(await ran(['submit', file], { cwd })).toMatchObject({ status: 0 })
    await ran(['send', String(ports[1])], { input: 'a\n' })
    await worker.said(failed)
    await ran(['send', String(ports[0])], { input: 'a\n' })
    await worker.said(/^a 1$/m)
    worker.kill('SIGKILL')
    await worker.ended
    const next = start()
    await next.said(failed)
    await ran(['send', String(ports[0])], { input: 'a\n' })
    await next.said(/^a 2$/m)
  },
)

test('who ends the process by itself is named', async () => {
  const ended = await app(counting({ answer: 'process.exit(3)' })).run([], 'a\n')
  expect(ended).toMatchObject({ status: 3, out: '' })
  expect(ended.err).toMatch(/E_EXIT: .*with status 3 at .*p\.js:\d+:\d+\n .*throw in its place/)
})

test('a data folder that another pipeline has used takes this one beside it', async () => {
  const { write, run } = app(counting())
  expect(await run(['--data', 'data'], 'a\n')).toMatchObject({ status: 0, out: 'a 1\n' })
  write('p.js', counting({ name: 'other' }))
  const other = await run(['--data', 'data'], 'a\n')
  expect(other).toMatchObject({ status: 0, out: 'a 1\n' })
  expect(other.err).toMatch(/other: starts with nothing/)
  write('p.js', counting())
  expect(await run(['--data', 'data'], 'a\n')).toMatchObject({ status: 0, out: 'a 2\n' })
})

test('a data folder of a newer format, of other key groups, in use, or that cannot be made, is refused', async () => {
  const { cwd, write, run } = app(counting())
  expect(await run(['--data', 'data'], 'a\n')).toMatchObject({ status: 0 })
  expect(await run(['--data', 'data', '--limit', 'keyGroups=64'])).toMatchObject({
    status: 2,
    err: expect.stringMatching(/E_STORE_KEY_GROUPS: the store was made with 1024 key groups, and .* told 64\n .*leave/),
  })
  expect(await run(['--data', 'data'], 'a\n', { POTOROO_LIMITS_KEY_GROUPS: '1024' })).toMatchObject({ out: 'a 2\n' })

  const running = potoroo(['run', 'p.js', '--data', 'data'], { cwd })
  await running.said(/lines listens on/)
  expect(await run(['--data', 'data'])).toMatchObject({
    status: 1,
    err: expect.stringMatching(/E_DATA_LOCKED: .*data\n .*--data/),
  })
  running.kill('SIGTERM')
  await running.ended

  const newest = readdirSync(join(cwd, 'data/store/chain')).sort().at(-1)!
  writeFileSync(join(cwd, 'data/store/chain', newest), seal({ kind: 'record', version: 9 }, {}))
  expect(await run(['--data', 'data'])).toMatchObject({
    status: 1,
    err: expect.stringMatching(
      /E_STORE_VERSION: .* has format version 9, and this program reads up to 1\n .*newer one/,
    ),
  })
  write('file', '')
  expect(await run(['--data', 'file/data'])).toMatchObject({
    status: 1,
    err: expect.stringMatching(/E_DISK: .*file\/data/),
  })
})

test('a token that is missing, wrong or only for looking is said, with where the right one is', async () => {
  const { cwd } = app(counting())
  const running = potoroo(['run', 'p.js', '--data', 'data'], { cwd })
  await running.said(/lines listens on/)
  const { address } = (await import(join(cwd, 'data/control.json'), { with: { type: 'json' } })).default
  const ask = (...args: readonly string[]) => ran([...args, '--control', address], { cwd })
  const denied = (reason: RegExp) => ({
    status: 2,
    err: expect.stringMatching(new RegExp(`E_CONTROL_DENIED: .*${reason.source}.*\\n .*control.json names the file`)),
  })
  expect(await ask('list')).toMatchObject(denied(/a token is needed/))
  writeFileSync(join(cwd, 'wrong'), 'x'.repeat(43))
  expect(await ask('list', '--token-file', 'wrong')).toMatchObject(denied(/token/))
  expect(await ask('list', '--token-file', 'absent')).toMatchObject({
    status: 1,
    err: expect.stringMatching(/E_FILE: .*absent/),
  })
  expect(await ask('list', '--token-file', 'data/read.token')).toMatchObject({ status: 0 })
  expect(await ask('cancel', 'count', '--token-file', 'data/read.token')).toMatchObject(denied(/may only look/))
  mkdirSync(join(cwd, 'elsewhere'))
  expect(await ran(['list'], { cwd: join(cwd, 'elsewhere') })).toMatchObject({
    status: 1,
    err: expect.stringMatching(/E_NO_WORKER: .*\n .*potoroo run FILE/),
  })
})
