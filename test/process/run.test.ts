/** `potoroo run` as a person meets it: ends, signals, kills, and what it says. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { folder, launcher, potoroo, ran } from './fixture.ts'

const COUNT = `
import { lines, nullSink, pipeline, stdoutSink, tcpSink, tcpSource } from 'potoroo'

export default pipeline('count', { parameters: { port: 7001, sink: 0 } }, (p) => {
  const { port, sink } = p.parameters
  const totals = p
    .source('lines', tcpSource({ port, framing: lines() }))
    .keyBy('by-line', (line) => line)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, line) => \`\${line} \${++state.total}\`,
    })
  if (sink === 0) totals.sink('print', stdoutSink())
  else totals.sink('totals', tcpSink({ port: sink, framing: lines(), encode: String }))
})
`

/** A folder with the pipeline file, and how to run it there. */
function app() {
  const cwd = folder()
  writeFileSync(join(cwd, 'count.ts'), COUNT)
  return {
    cwd,
    run: (...args: string[]) => potoroo(['run', 'count.ts', ...args], { cwd }),
    ran: (args: string[], input = '') => ran(args, { cwd, input }),
  }
}

test('reads standard input to its end, and goes on from its state the next time', async () => {
  const { ran } = app()
  const first = await ran(['run', 'count.ts', '--stdin', '--stdout'], 'a\nb\na\n')
  expect(first).toMatchObject({ status: 0, out: 'a 1\nb 1\na 2\n' })
  expect(first.err).toMatch(/starts with nothing/)
  expect(first.err).toMatch(/ended with epoch \d+ \(2 keys\)/)
  const second = await ran(['run', 'count.ts', '--stdin', '--stdout'], 'a\nc')
  expect(second).toMatchObject({ status: 0, out: 'a 3\nc 1\n' })
  expect(second.err).toMatch(/continues from epoch \d+ \(2 keys\); --fresh starts anew/)
  const fresh = await ran(['run', 'count.ts', '--stdin', '--stdout', '--fresh'], 'a\n')
  expect(fresh).toMatchObject({ status: 0, out: 'a 1\n' })
})

test('ends with its reason where whoever reads its output has had enough, however much there is to come', async () => {
  const { cwd } = app()
  const input = Array.from({ length: 100_000 }, (_, n) => `line ${n}\n`).join('')
  const run = potoroo(['run', 'count.ts', '--stdin', '--stdout'], { cwd })
  const { stdin, stdout } = run.child
  stdin!.on('error', () => {}).end(input)
  stdout!.once('data', () => stdout!.destroy())
  expect(await run.ended).toMatchObject({ status: 1 })
  expect(run.err).toMatch(/E_STANDARD_OUTPUT: .*EPIPE/)
})

test('what it says to a file on a full disk is lost, and nothing else', () => {
  const { cwd } = app()
  const full = openSync('/dev/full', 'w')
  const args = [launcher, 'run', 'count.ts', '--stdin', '--stdout']
  const { status, stdout } = spawnSync(process.execPath, args, { cwd, input: 'a\n', stdio: ['pipe', 'pipe', full] })
  closeSync(full)
  expect({ status, out: String(stdout) }).toEqual({ status: 0, out: 'a 1\n' })
})

test('says that standard output takes nothing, also where the input has ended by then', () => {
  const { cwd } = app()
  const full = openSync('/dev/full', 'w')
  const args = [launcher, 'run', 'count.ts', '--stdin', '--stdout']
  const { status, stderr } = spawnSync(process.execPath, args, { cwd, input: 'a\n', stdio: ['pipe', full, 'pipe'] })
  closeSync(full)
  expect({ status, err: String(stderr) }).toEqual({
    status: 1,
    err: expect.stringMatching(/error E_STANDARD_OUTPUT: .*ENOSPC/),
  })
})

test('counts on after kill -9, and ends with 0 at SIGTERM', async () => {
  const { run, ran } = app()
  const port = await freePort()
  const first = run('--param', `port=${port}`)
  await first.said(/lines listens on/)
  expect(await ran(['send', String(port)], 'x\nx\nx\n')).toMatchObject({ status: 0 })
  await first.said(/x 3\n/)
  first.kill('SIGKILL')
  await first.ended

  const second = run('--param', `port=${port}`)
  await second.said(/lines listens on/)
  expect(await ran(['send', String(port)], 'x\n')).toMatchObject({ status: 0 })
  await second.said(/x 4\n/)
  second.kill('SIGTERM')
  expect(await second.ended, second.err).toEqual({ status: 0, signal: null })
  expect(second.err).toMatch(/ended with epoch/)
})

test('what was compiled is there for the next start, also after kill -9', async () => {
  const { cwd } = app()
  const compiled = folder()
  const args = ['run', 'count.ts', '--param', `port=${await freePort()}`]
  const run = potoroo(args, { cwd, env: { ...process.env, NODE_COMPILE_CACHE: compiled } })
  await run.said(/lines listens on/)
  run.kill('SIGKILL')
  await run.ended
  // A file for each module.
  expect(readdirSync(compiled, { recursive: true }).length).toBeGreaterThan(100)
})

test('says at once that a port is taken, and by whom', async () => {
  const { ran } = app()
  const port = await freePort()
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  const failed = await ran(['run', 'count.ts', '--param', `port=${port}`])
  server.close()
  expect(failed.status).toBe(1)
  expect(failed.err).toMatch(new RegExp(`error E_PORT_IN_USE: port ${port} on 127.0.0.1 is in use`))
  expect(failed.err).toMatch(new RegExp(`pid ${process.pid}`))
})

test('warns once that a sink has nobody, gives up in time, and ends at once at a second signal', async () => {
  const { run, ran } = app()
  const [port, sink] = [await freePort(), await freePort()]
  // Twice as much as a sink and the channels in front of it hold.
  const lines = Array.from({ length: 200_000 }, (_, i) => `line number ${i}`).join('\n')
  const args = ['--param', `port=${port}`, '--param', `sink=${sink}`]

  const first = run(...args, '--limit', 'drainTimeoutMs=200')
  await first.said(/lines listens on/)
  await ran(['send', String(port)], lines)
  await first.said(
    /E_NO_PEER: step "totals" reaches nobody at 127\.0\.0\.1:\d+: .*refused\n +start the program that listens there/,
  )
  const queued = async () => {
    const { status, out } = await ran(['status', 'count', '--json'])
    return status === 0 ? JSON.parse(out).sinks[0].queuedBytes : 0
  }
  await expect.poll(queued).toBeGreaterThanOrEqual(defaultLimits.writerBytes)
  first.kill('SIGTERM')
  expect(await first.ended).toMatchObject({ status: 1 })
  expect(first.err).toMatch(/E_NOT_DRAINED.*nobody takes the output of totals/)
  expect(first.err.match(/E_NO_PEER/g)).toHaveLength(1)

  const second = run(...args)
  await expect.poll(queued).toBeGreaterThanOrEqual(defaultLimits.writerBytes)
  second.kill('SIGINT')
  await second.said(/once more to end at once/)
  // What follows at once is taken for an echo of the first.
  const killed = () => {
    second.kill('SIGINT')
    return second.child.signalCode
  }
  await expect.poll(killed).toBe('SIGINT')

  // Nothing was lost by either end.
  const third = run(...args)
  const receiver = potoroo(['receive', String(sink), '--count', '200000', '--quiet', '--json'])
  await receiver.said(/"records": 200000/)
  third.kill('SIGTERM')
  expect(await third.ended, third.err).toMatchObject({ status: 0 })
})

test('keeps its state where the savepoint to begin with is absent, and begins anew with one that is there', async () => {
  const { run, ran } = app()
  const port = await freePort()
  const first = run('--param', `port=${port}`)
  await first.said(/lines listens on/)
  await ran(['send', String(port)], 'x\nx\n')
  await first.said(/x 2\n/)
  expect(await ran(['savepoint', 'make', 'count', 'two'])).toMatchObject({ status: 0 })
  await ran(['send', String(port)], 'x\n')
  await first.said(/x 3\n/)
  first.kill('SIGTERM')
  await first.ended

  const again = ['run', 'count.ts', '--stdin', '--stdout', '--fresh', '--from']
  expect(await ran([...again, 'three'], 'x\n')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/E_NO_SAVEPOINT: .* has no savepoint "three": it has two\n/),
  })
  expect(await ran(['run', 'count.ts', '--stdin', '--stdout'], 'x\n')).toMatchObject({ out: 'x 4\n' })
  expect(await ran([...again, 'two'], 'x\n')).toMatchObject({ status: 0, out: 'x 3\n' })
})

test('says that records fail: at the first, the tenth and the hundredth, and how many at the end', async () => {
  const { cwd, ran } = app()
  const strict = "init: (line) => { if (line !== 'good') throw new Error('bad'); return { total: 0 } },"
  writeFileSync(join(cwd, 'count.ts'), COUNT.replace('init: () => ({ total: 0 }),', strict))
  const bad = Array.from({ length: 99 }, (_, i) => `bad ${i}\n`).join('')
  const { status, out, err } = await ran(['run', 'count.ts', '--stdin', '--stdout'], `good\n${bad}good\n`)
  expect({ status, out }).toEqual({ status: 0, out: 'good 1\ngood 2\n' })
  expect(err.match(/E_RECORD_FAILED/g)).toHaveLength(2)
  expect(err).toMatch(/10 records did not get through, the last one in step "count": bad/)
  expect(err).toMatch(/ended with epoch \d+ \(1 key, 99 dead letters\)/)
})

test('says where it has left standard input, and ends in order with the status of a failure', async () => {
  const { ran } = app()
  const line = ['run', 'count.ts', '--stdin', '--stdout', '--limit', 'recordBytes=10']
  const { status, out, err } = await ran(line, `good\n${'x'.repeat(20)}\nnever\n`)
  expect({ status, out }).toEqual({ status: 1, out: 'good 1\n' })
  expect(err).toMatch(
    /E_INPUT_LEFT: step "lines" reads no further in standard input: a record of 20 bytes is over the limit/,
  )
  expect(err).toMatch(/ended with epoch \d+ \(1 key\)/)
})

test.each(['drain', 'cancel'])('ends when it is asked from elsewhere to %s its pipeline', async (command) => {
  const { run, ran } = app()
  const running = run('--param', `port=${await freePort()}`)
  await running.said(/listens on/)
  const asked = await ran([command, 'count'])
  expect(asked, asked.err).toMatchObject({ status: 0 })
  expect(await running.ended, running.err).toEqual({ status: 0, signal: null })
  expect(running.err).toMatch(command === 'drain' ? /count: ended with epoch \d+ / : /count: cancelled\n$/)
})

test('takes a changed program from elsewhere, and no other pipeline', async () => {
  const { cwd, run, ran } = app()
  const port = await freePort()
  const running = run('--param', `port=${port}`)
  await running.said(/lines listens on/)
  writeFileSync(join(cwd, 'other.ts'), COUNT.replace("pipeline('count'", "pipeline('other'"))
  const refused = await ran(['submit', 'other.ts', '--param', 'port=0'])
  expect(refused.status).toBe(2)
  expect(refused.err).toContain('E_RUNS_ANOTHER: pipeline "other" cannot be submitted here: this process runs "count"')
  expect(await ran(['submit', 'count.ts', '--param', `port=${port}`, '--fresh'])).toMatchObject({ status: 0 })
  running.kill('SIGTERM')
  expect(await running.ended).toMatchObject({ status: 0 })
})

test('counts keys that it has not looked at, too', async () => {
  const { ran } = app()
  const line = ['--stdin', '--stdout']
  const words = Array.from({ length: 20_000 }, (_, i) => `${i}\n`).join('')
  expect((await ran(['run', 'count.ts', ...line], words)).err).toMatch(/ended with epoch \d+ \(20,000 keys\)/)
  const again = await ran(['run', 'count.ts', ...line], '7\n')
  expect(again.err).toMatch(/continues from epoch \d+ \(20,000 keys\)[\s\S]*ended with epoch \d+ \(20,000 keys\)/)
  expect((await ran(['run', 'count.ts', ...line], '')).err).toMatch(/continues from epoch \d+ \(20,000 keys\)/)
})

test('drops the state of a step that is named, and no other', async () => {
  const { cwd, ran } = app()
  const line = ['--stdin', '--stdout']
  await ran(['run', 'count.ts', ...line], 'x\n')
  writeFileSync(join(cwd, 'count.ts'), COUNT.replace("'count', {\n      init", "'total', {\n      init"))
  const refused = await ran(['run', 'count.ts', ...line], 'x\n')
  expect(refused).toMatchObject({ status: 2, out: '', err: expect.stringMatching(/E_STEP_GONE[\s\S]*--drop count/) })
  expect(await ran(['run', 'count.ts', ...line, '--drop', 'count'], 'x\n')).toMatchObject({ status: 0, out: 'x 1\n' })
  // Its name, used again, begins anew: nothing of the old state comes back.
  writeFileSync(join(cwd, 'count.ts'), COUNT)
  expect(await ran(['run', 'count.ts', ...line, '--drop', 'total'], 'x\n')).toMatchObject({ out: 'x 1\n' })
  expect(await ran(['run', 'count.ts', ...line], 'x\n')).toMatchObject({ out: 'x 2\n' })
})

test('tells apart what the request and what the world is to blame for', async () => {
  const { ran } = app()
  expect(await ran(['run', 'absent.ts'])).toMatchObject({ status: 2 })
  expect((await ran(['runn', 'count.ts'])).err).toMatch(/Did you mean run\?/)
  expect(await ran(['runn', 'count.ts'])).toMatchObject({ status: 2 })
  expect(await ran(['status'])).toMatchObject({ status: 1, err: expect.stringMatching(/E_NO_WORKER/) })
  expect(await ran(['--version'])).toMatchObject({ status: 0 })
  const json = await ran(['status', '--json'])
  expect(JSON.parse(json.err)).toMatchObject({ error: { code: 'E_NO_WORKER', kind: 'operational' } })
  expect(json.out).toBe('')
})

test('two sinks that write one file are found by check, too', async () => {
  const { cwd, ran } = app()
  writeFileSync(
    join(cwd, 'rivals.ts'),
    `import { fileSink, lines, pipeline, tcpSource } from 'potoroo'
export default pipeline('rivals', (p) => {
  const records = p.source('in', tcpSource({ port: 7001, framing: lines() }))
  records.sink('one', fileSink({ path: 'out/lines', encode: String }))
  records.sink('two', fileSink({ path: './out/lines', encode: String }))
})`,
  )
  const { status, out } = await ran(['check', 'rivals.ts'])
  expect(status).toBe(2)
  expect(out).toMatch(/E_SINK_PLACE: step "two" .* would write to out\/lines, and so does step "one"/)
})

test('a fault behind which no line of the user stands names none of a package', async () => {
  const { cwd, ran } = app()
  writeFileSync(
    join(cwd, 'waits.ts'),
    "import { pipeline } from 'potoroo'\nexport default pipeline('p', async () => {})",
  )
  const { status, out } = await ran(['check', 'waits.ts'])
  expect(status).toBe(2)
  expect(out).toMatch(/E_SETTING: .*returns a promise; it must add its steps at once\n/)
})
