/** `potoroo send` and `potoroo receive`, between files, and into a pipeline. */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { lengthPrefix } from '../../src/model/framing.ts'
import { folder, potoroo, ran } from './fixture.ts'

test('what is sent is received, record by record, in any framing', async () => {
  const cwd = folder()
  const records = ['one', '', 'ünï', 'x'.repeat(5000)]
  const framed = Buffer.concat(records.flatMap((text) => lengthPrefix({ bytes: 2 }).frame(Buffer.from(text))))
  writeFileSync(join(cwd, 'in'), framed)
  const receiver = potoroo(['receive', '0', '--framing', 'length-prefix:2', '--count', '8', '--out', 'out'], { cwd })
  const [, port] = await receiver.said(/listens on 127\.0\.0\.1:(\d+)/)
  const sent = await ran(['send', port!, 'in', '--framing', 'length-prefix:2', '--repeat', '2', '--json'], { cwd })
  expect(sent).toMatchObject({ status: 0 })
  expect(JSON.parse(sent.out)).toMatchObject({ records: 8, bytes: 2 * framed.length })
  expect(await receiver.ended).toMatchObject({ status: 0 })
  expect(readFileSync(join(cwd, 'out'))).toEqual(Buffer.concat([framed, framed]))
})

test('standard input is sent as it comes, no faster than asked, and shown as lines', async () => {
  const receiver = potoroo(['receive', '0', '--until-closed'])
  const [, port] = await receiver.said(/listens on 127\.0\.0\.1:(\d+)/)
  const input = Array.from({ length: 60 }, (_, i) => `line ${i}`).join('\n')
  const began = performance.now()
  expect(await ran(['send', port!, '--rate', '200'], { input })).toMatchObject({ status: 0 })
  expect(performance.now() - began).toBeGreaterThan((1000 * 59) / 200)
  expect(await receiver.ended).toMatchObject({ status: 0 })
  expect(receiver.out).toBe(`${input}\n`)
  expect(receiver.err).toMatch(/received 60 records/)
})

test('a record is as long as the settings here let a worker take it', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'long'), 'x'.repeat(1_200_000))
  writeFileSync(join(cwd, 'potoroo.yaml'), 'limits: { recordBytes: 1500000 }\n')
  const receiver = potoroo(['receive', '0', '--until-closed', '--out', 'out'], { cwd })
  const [, port] = await receiver.said(/listens on 127\.0\.0\.1:(\d+)/)
  expect(await ran(['send', port!, 'long'], { cwd })).toMatchObject({ status: 0 })
  expect(await receiver.ended).toMatchObject({ status: 0 })
  expect(readFileSync(join(cwd, 'out'), 'latin1')).toBe(`${'x'.repeat(1_200_000)}\n`)
  const other = potoroo(['receive', '0'])
  const [, second] = await other.said(/listens on 127\.0\.0\.1:(\d+)/)
  const short = await ran(['send', second!, join(cwd, 'long')], { cwd: folder() })
  expect(short.err).toMatch(/a record of 1\d+ bytes is over the limit of 1048576/)
})

test('a file that ends inside a record, and one that is absent, are named', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'cut'), Buffer.from([0, 0, 0, 9, 1]))
  const receiver = potoroo(['receive', '0'])
  const [, port] = await receiver.said(/listens on 127\.0\.0\.1:(\d+)/)
  const cut = await ran(['send', port!, 'cut', '--framing', 'length-prefix'], { cwd })
  expect(cut).toMatchObject({ status: 2, err: expect.stringMatching(/E_FILE_FRAGMENT: cut ends inside a record/) })
  const input = await ran(['send', port!, '--framing', 'length-prefix'], { input: '\0\0\0\t1' })
  expect(input.err).toMatch(/E_FILE_FRAGMENT: standard input ends inside a record/)
  const twice = await ran(['send', port!, '--repeat', '2'], { input: 'x\n' })
  expect(twice).toMatchObject({ status: 2, err: expect.stringMatching(/E_USAGE: standard input can be sent once/) })
  expect(await ran(['send', port!, 'absent'], { cwd })).toMatchObject({
    status: 1,
    err: expect.stringMatching(/E_FILE: .*absent/),
  })
})

test('with the acknowledged protocol an outbox goes on where it was, through kill -9 of the sender', async () => {
  const cwd = folder()
  writeFileSync(
    join(cwd, 'count.ts'),
    `import { nullSink, pipeline, tcpSource } from 'potoroo'
export default pipeline('count', { parameters: { port: 0 } }, (p) => {
  p.source('numbers', tcpSource({ port: p.parameters.port, protocol: 'acked' }))
    .keyBy('all', () => 'all')
    .mapWithState('sum', { init: () => ({ count: 0, sum: 0 }), step: (s, n) => void (s.count++, (s.sum += Number(n))) })
    .sink('nowhere', nullSink())
})`,
  )
  const port = await freePort()
  const run = potoroo(['run', 'count.ts', '--param', `port=${port}`], { cwd })
  await run.said(/numbers listens on/)
  const args = ['send', String(port), '--acked', 'numbers', '--outbox', 'outbox']

  const wrong = await ran(['send', String(port), '--acked', 'number', '--json'], { cwd, input: '1\n' })
  expect(wrong).toMatchObject({ status: 1, err: expect.stringMatching(/E_CLIENT_REFUSED/) })

  // Its last records never leave it: they wait in the outbox when it is killed.
  const first = potoroo([...args, '--rate', '2000'], { cwd })
  first.child.stdin!.write(Array.from({ length: 5000 }, (_, i) => `${i + 1}\n`).join(''))
  const counted = async () => JSON.parse((await ran(['status', 'count', '--json'], { cwd })).out).recordsIn as number
  await expect.poll(counted).toBeGreaterThan(0)
  first.kill('SIGKILL')
  await first.ended

  const second = await ran([...args, '--json'], { cwd, input: '0\n' })
  expect(second, second.err).toMatchObject({ status: 0 })
  const { state } = JSON.parse((await ran(['query', 'count', 'sum', 'all', '--json'], { cwd })).out).found
  // 1, 2, 3 … as far as the first had come, none of them twice, and the 0.
  const n = state.count - 1
  expect(n).toBeGreaterThan(0)
  expect(state.sum).toBe((n * (n + 1)) / 2)
  run.kill('SIGTERM')
  expect(await run.ended, run.err).toMatchObject({ status: 0 })
})

test('a sender that meets nobody, or a source that speaks otherwise, says so', async () => {
  const cwd = folder()
  const source = (protocol: string) => `import { nullSink, pipeline, tcpSource } from 'potoroo'
export default pipeline('${protocol}', { parameters: { port: 0 } }, (p) => {
  p.source('in', tcpSource({ port: p.parameters.port, protocol: '${protocol}' })).sink('nowhere', nullSink())
})`
  const start = async (protocol: string) => {
    writeFileSync(join(cwd, `${protocol}.ts`), source(protocol))
    const port = String(await freePort())
    const run = potoroo(['run', `${protocol}.ts`, '--param', `port=${port}`, '--limit', 'producers=1'], { cwd })
    await run.said(/in listens on/)
    return { port, run }
  }
  const acked = await start('acked')
  const wrong = await ran(['send', acked.port], { input: 'a line of some length\n'.repeat(100) })
  expect(wrong).toMatchObject({ status: 1, err: expect.stringMatching(/E_PEER.*no plain source: try --acked SOURCE/) })
  await ran(['send', acked.port], { input: 'few\n' })
  await acked.run.said(/E_CONNECTION_CLOSED.*it ended before it had said hello/)

  const sendAs = (producer: string) => {
    const sender = potoroo(['send', acked.port, '--acked', 'in', '--producer', producer])
    sender.child.stdin!.end('x\n')
    return sender
  }
  expect(await sendAs('first').ended).toMatchObject({ status: 0 })
  // It waits for a place, and says so.
  await sendAs('second').said(
    /E_PRODUCERS_FULL: source acked\/in remembers 1 producers and takes no new one\n .*waits until another is forgotten/,
  )
  const absent = potoroo(['send', String(await freePort()), '--acked', 'in'])
  await absent.said(/cannot reach a worker at .*ECONNREFUSED.*; tries again/)
  const plain = await start('plain')
  const refuses = async (port: number | string, why: RegExp) => {
    const refused = await ran(['send', `ws://127.0.0.1:${port}/x`], { input: 'few\n' })
    expect(refused).toMatchObject({ status: 1, err: expect.stringMatching(why) })
  }
  await refuses(plain.port, /E_PEER: .*does not answer as a WebSocket does/)
  const web = createServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1')
  onTestFinished(() => void web.close())
  await once(web, 'listening')
  await refuses((web.address() as AddressInfo).port, /E_PEER: .*nobody takes a WebSocket at ws:.*\/x/)
  const deaf = potoroo(['send', plain.port, '--acked', 'in'])
  await deaf.said(/cannot reach a worker at .*is it a source of the acknowledged protocol .*\?/)
  const other = potoroo(['send', String((web.address() as AddressInfo).port), '--acked', 'in'])
  await other.said(/cannot reach a worker at .*frame.*is it a source of the acknowledged protocol .*ws:\/\/ URL\)\?/)
  const page = `ws://127.0.0.1:${(web.address() as AddressInfo).port}/x`
  const shown = await ran(['receive', page])
  expect(shown).toMatchObject({
    status: 1,
    err: expect.stringMatching(/E_PEER: .*nobody shows a WebSocket at ws:.*\/x; look at/),
  })
})
