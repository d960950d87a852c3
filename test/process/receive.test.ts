/** `potoroo receive` of acked sinks, and of a sink that listens for WebSockets. */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { connect } from '../../src/client.ts'
import { folder, type Program, potoroo, ran } from './fixture.ts'

const PIPELINE = `
import { pipeline, tcpSink, tcpSource, webSocketSink } from 'potoroo'

export default pipeline('hand-over', { parameters: { port: 7001, output: 7002, by: 'tcp' } }, (p) => {
  const { port, output, by } = p.parameters
  const acked = { protocol: 'acked', encode: (n: number) => String(n) } as const
  p.source('numbers', tcpSource({ port, protocol: 'acked' }))
    .map('read', Number)
    .keyBy('by-rest', (n) => n % 10)
    .mapWithState('count', { init: () => ({ n: 0 }), step: (state, n) => (state.n++, n) })
    .sink('out', by === 'tcp' ? tcpSink({ port: output, ...acked }) : webSocketSink({ url: \`ws://127.0.0.1:\${output}/\`, ...acked }))
})
`

test.each(['tcp', 'websocket'])('each record once by %s, whoever is killed', async (by) => {
  const cwd = folder()
  writeFileSync(join(cwd, 'hand-over.ts'), PIPELINE)
  const [port, output] = [await freePort(), await freePort()]
  const parameters = Object.entries({ port, output, by }).flatMap(([name, value]) => ['--param', `${name}=${value}`])
  const way = by === 'websocket' ? ['--websocket'] : []
  const receive = (): Program =>
    potoroo(['receive', String(output), '--acked', ...way, '--inbox', 'inbox', '--out', 'rows'], { cwd })
  const run = (): Program => potoroo(['run', 'hand-over.ts', '--data', 'data', ...parameters], { cwd })
  const rows = (): string[] => readFileSync(join(cwd, 'rows'), 'utf8').split('\n').slice(0, -1)
  const client = await connect({ port, source: 'numbers', producer: 'p', maxBackoffMs: 100 })
  let sent = 0
  const send = (): Promise<void> => client.send(Array.from({ length: 2000 }, () => String(++sent)))
  let [receiver, worker] = [receive(), run()]
  await receiver.said(/listens on/)
  for (const round of [0, 1]) {
    await send()
    await expect.poll(() => rows().length).toBeGreaterThan(round * 4000)
    receiver.kill('SIGKILL')
    await receiver.ended
    await send()
    receiver = receive()
    await receiver.said(/listens on/)
    worker.kill('SIGKILL')
    await worker.ended
    worker = run()
  }
  await send()
  await client.flush('stable')
  client.close()
  worker.kill('SIGTERM')
  expect(await worker.ended).toMatchObject({ status: 0 })
  await expect.poll(() => rows().length).toBe(sent)
  receiver.kill('SIGTERM')
  expect(await receiver.ended).toMatchObject({ status: 0 })
  expect(
    rows()
      .map(Number)
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: sent }, (_, i) => i + 1))
  for (let key = 0; key < 10; key++) {
    const own = rows()
      .map(Number)
      .filter((n) => n % 10 === key)
    expect(own).toEqual(own.toSorted((a, b) => a - b))
  }
})

test('what comes behind --count is left to the next receiver; what an inbox could not count in a file is refused', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'hand-over.ts'), PIPELINE)
  const [port, output] = [await freePort(), await freePort()]
  const parameters = ['--param', `port=${port}`, '--param', `output=${output}`]
  const receive = (...how: string[]): Program => potoroo(['receive', String(output), '--acked', ...how], { cwd })
  const worker = potoroo(['run', 'hand-over.ts', ...parameters], { cwd })
  await worker.said(/numbers listens on/)
  const client = await connect({ port, source: 'numbers', producer: 'p' })
  const numbers = Array.from({ length: 500 }, (_, i) => i)
  await client.send(numbers.map(String))
  const first = receive('--count', '5')
  expect(await first.ended).toMatchObject({ status: 0 })
  const second = receive()
  const taken = () => new Set(`${first.out}${second.out}`.split('\n').slice(0, -1).map(Number))
  await expect.poll(() => taken().size).toBe(numbers.length)
  await client.flush('stable')
  client.close()
  second.kill('SIGTERM')
  await second.ended
  worker.kill('SIGTERM')
  await worker.ended

  writeFileSync(join(cwd, 'hand-over.ts'), PIPELINE.replace('String(n)', "n + '\\n'"))
  const next = potoroo(['run', 'hand-over.ts', ...parameters], { cwd })
  await next.said(/numbers listens on/)
  const third = receive('--inbox', 'inbox', '--out', 'rows')
  await ran(['send', String(port), '--acked', 'numbers', '--wait', 'journaled'], { input: '1\n' })
  expect(await third.ended).toMatchObject({ status: 2 })
  expect(third.err).toMatch(/E_USAGE: a record of 2 bytes reads as 2 in the frames of --framing lines/)
  next.kill('SIGKILL')
})

test('where no receiver takes anything, whoever waits for it says so', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'hand-over.ts'), PIPELINE)
  writeFileSync(join(cwd, 'token'), 'secret', { mode: 0o600 })
  const [port, output] = [await freePort(), await freePort()]
  const parameters = ['--param', `port=${port}`, '--param', `output=${output}`]
  const worker = potoroo(['run', 'hand-over.ts', ...parameters], { cwd })
  await worker.said(/numbers listens on[\s\S]*/)
  await worker.said(/E_NO_PEER/)
  const sender = potoroo(['send', String(port), '--acked', 'numbers'], { cwd })
  sender.child.stdin!.end('1\n2\n3\n')
  await sender.said(/journaled 3, stable 0 · waits for a checkpoint; `potoroo status PIPELINE` shows what is late/)

  const strict = potoroo(['receive', String(output), '--acked', '--token-file', 'token'], { cwd })
  await strict.said(/refuses a sink \(E_TOKEN\): the token is not the one asked for/)
  await worker.said(/E_RECEIVER_REFUSED: .*the token is not the one asked for/)
  strict.kill('SIGTERM')
  await strict.ended
  const receiver = potoroo(['receive', String(output), '--acked', '--count', '3'], { cwd })
  expect(await receiver.ended).toMatchObject({ status: 0 })
  expect(await sender.ended).toMatchObject({ status: 0 })
  expect(sender.err).toMatch(/journaled 3, stable 3\n$/)
})

test('reads from a sink that listens for WebSockets', async () => {
  const cwd = folder()
  const [port, output] = [await freePort(), await freePort()]
  writeFileSync(
    join(cwd, 'live.ts'),
    `import { pipeline, tcpSource, webSocketServerSink } from 'potoroo'
export default pipeline('live', (p) => {
  p.source('lines', tcpSource({ port: ${port} })).sink('live', webSocketServerSink({ port: ${output}, encode: (line) => line }))
})\n`,
  )
  const worker = potoroo(['run', 'live.ts', '--data', 'data'], { cwd })
  await worker.said(/lines listens on/)
  const receiver = potoroo(['receive', `ws://127.0.0.1:${output}/`, '--count', '2', '--json'], { cwd })
  await receiver.said(/reads from/)
  await ran(['send', String(port)], { cwd, input: 'one\ntwo\n' })
  expect(await receiver.ended).toMatchObject({ status: 0 })
  expect(receiver.out).toMatch(/^one\ntwo\n\{\s*"records": 2,\s*"bytes": 6,/)
})

test('says which options do not go together, and who is not there', async () => {
  const refused = async (...args: string[]): Promise<string> => (await ran(['receive', ...args])).err
  expect(await refused('7002', '--inbox', 'x')).toMatch(/--inbox goes with --acked/)
  expect(await refused('7002', '--quiet', '--out', 'x')).toMatch(/--quiet keeps no record/)
  expect(await refused('ws://127.0.0.1:7002/', '--acked')).toMatch(/acked sinks dial/)
  expect(await refused('ws://127.0.0.1:1/')).toMatch(/E_PEER/)
  const port = await freePort()
  const taken = createServer().listen(port, '127.0.0.1')
  onTestFinished(() => void taken.close())
  await once(taken, 'listening')
  for (const how of [[], ['--acked'], ['--acked', '--websocket']]) {
    expect(await refused(String(port), ...how)).toMatch(
      /E_PORT_IN_USE: port \d+ on 127\.0\.0\.1 is in use by .*\(pid \d+\)/,
    )
  }
})
