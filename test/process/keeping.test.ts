/**
 * What a worker keeps, as its commands show it: checkpoints and whether they are whole, streams and what they wait for.
 */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  type AckedMessage,
  ackedFrameBytes,
  batchHead,
  encodeAcked,
  NO_CLAIM,
  readAcked,
} from '../../src/protocol/acked.ts'
import { FrameParser } from '../../src/protocol/frame.ts'
import { folder, potoroo, ran } from './fixture.ts'

const COUNT = `
import { lines, pipeline, stdoutSink, tcpSource } from 'potoroo'

export default pipeline('count', (p) => {
  p.source('lines', tcpSource({ port: 0, framing: lines() , protocol: 'acked' }))
    .keyBy('by-line', (line) => line)
    .mapWithState('count', { init: () => ({ total: 0 }), step: (state, line) => \`\${line} \${++state.total}\` })
    .sink('print', stdoutSink())
})
`

async function started() {
  const cwd = folder()
  writeFileSync(join(cwd, 'count.ts'), COUNT)
  // Checkpoints are those that the test asks for.
  const running = potoroo(['run', 'count.ts', '--limit', 'checkpointIntervalMs=20000'], { cwd })
  const [, port] = await running.said(/lines listens on 127\.0\.0\.1:(\d+)/)
  const command = (...args: string[]) => ran(args, { cwd })
  return { cwd, running, port: Number(port), command }
}

test('checkpoints are listed with their savepoints, and a damaged pack is named', async () => {
  const { cwd, running, port, command } = await started()
  // It ends once what it has sent is in a checkpoint.
  const sender = potoroo(['send', String(port), '--acked', 'lines'], { cwd })
  sender.child.stdin!.end('x\ny\n')
  await running.said(/y 1\n/)
  expect(await command('checkpoint', 'count')).toMatchObject({ status: 0, out: expect.stringMatching(/epoch \d+ is/) })
  expect(await sender.ended).toMatchObject({ status: 0 })
  expect(await command('savepoint', 'make', 'count', 'two')).toMatchObject({ status: 0 })
  const listed = await command('checkpoint', 'list', 'count', '--json')
  const entries = JSON.parse(listed.out) as { epoch: number; keys: number; savepoints: string[]; bytes: number }[]
  const { epoch } = entries.at(-1)!
  expect(entries.at(-1)).toMatchObject({ keys: 2, savepoints: ['two'], damage: null })
  expect((await command('checkpoint', 'list', 'count')).out).toMatch(/EPOCH .*SAVEPOINTS\n[\s\S]* two\n/)

  const whole = await command('checkpoint', 'verify', 'count')
  expect(whole).toMatchObject({
    status: 0,
    out: expect.stringMatching(`epoch ${epoch} is whole: 2 keys, .* in \\d+ file`),
  })
  expect(await command('checkpoint', 'verify', 'count', '999')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/E_NO_CHECKPOINT: pipeline "count" has no checkpoint of epoch 999/),
  })

  const runs = join(cwd, '.potoroo/count/store/pipelines/count')
  const packs = join(runs, readdirSync(runs).find((name) => /^\d+$/.test(name))!, 'packs')
  // The first with chunks in it: its states are what two keys have.
  const [path] = readdirSync(packs)
    .sort()
    .map((name) => join(packs, name))
    .filter((one) => readFileSync(one).includes('total'))
  const bytes = readFileSync(path!)
  bytes[bytes.indexOf('total')]! ^= 1
  writeFileSync(path!, bytes)
  const damaged = await command('checkpoint', 'verify', 'count', '--json')
  expect(damaged.status).toBe(1)
  expect(JSON.parse(damaged.out).damages).toContainEqual(
    expect.objectContaining({
      path: expect.stringContaining('packs/'),
      part: expect.objectContaining({ step: 'count' }),
    }),
  )
  expect((await command('checkpoint', 'verify', 'count')).out).toMatch(/packs\/.*step "count", key group \d+: /)
})

test('a savepoint that is copied into the store of another worker is there, with all that it holds', async () => {
  const { cwd, command, running, port } = await started()
  const sender = potoroo(['send', String(port), '--acked', 'lines'], { cwd })
  sender.child.stdin!.end('x\ny\n')
  await running.said(/y 1\n/)
  expect(await command('savepoint', 'make', 'count', 'two')).toMatchObject({ status: 0 })
  running.child.kill('SIGKILL')

  const elsewhere = folder()
  const kept = '.potoroo/count/store/pipelines/count/savepoints/two'
  writeFileSync(join(elsewhere, 'count.ts'), COUNT)
  const begun = await ran(['run', 'count.ts', '--stdin'], { cwd: elsewhere, input: 'z\n' })
  expect(begun, begun.err).toMatchObject({ status: 0, out: 'z 1\n' })
  cpSync(join(cwd, kept), join(elsewhere, kept), { recursive: true })
  const from = ['run', 'count.ts', '--stdin', '--fresh', '--from', 'two']
  const ended = await ran(from, { cwd: elsewhere, input: 'x\nz\n' })
  expect(ended, ended.err).toMatchObject({ status: 0, out: 'x 2\nz 1\n' })
})

/** The worker's answers to what a producer says by hand, which forgets more than it may. */
function producer(port: number) {
  const socket = createConnection({ port, host: '127.0.0.1' })
  const parser = new FrameParser(ackedFrameBytes(1 << 20))
  const heard: AckedMessage[] = []
  socket.on('data', (bytes: Buffer) => parser.push(bytes, (frame) => heard.push(readAcked(frame).message)))
  const hello = (oldest: number) =>
    socket.write(
      encodeAcked({
        ...{
          kind: 'hello',
          newest: 1,
          oldestVersion: 1,
          producer: 'p',
          incarnation: '1',
          source: 'lines',
          token: '',
          oldest,
          ...NO_CLAIM,
        },
      }),
    )
  const batch = (first: number, text: string) => {
    const body = Buffer.concat([Buffer.from([text.length, 0, 0, 0]), Buffer.from(text)])
    socket.write(Buffer.concat([batchHead(first, 1, body), body]))
  }
  const kinds = () => heard.map((message) => (message.kind === 'refused' ? message.code : message.kind))
  return { socket, hello, batch, kinds }
}

test('a producer that lacks records is shown, and goes on once they are given up', async () => {
  const { running, port, command } = await started()
  const first = producer(port)
  first.hello(1)
  first.batch(1, 'one')
  await running.said(/one 1\n/)
  first.socket.destroy()
  const forgetful = producer(port)
  forgetful.hello(5)
  await expect.poll(forgetful.kinds).toEqual(['E_STREAM_PARKED'])

  const listed = await command('streams', 'count')
  expect(listed.out).toMatch(/lines +p +1 +acked +1 /)
  expect(listed.out).toMatch(/p waits: records 2 to 4 are missing[\s\S]*potoroo streams abandon count lines p/)
  expect(await command('streams', 'abandon', 'count', 'lines', 'q')).toMatchObject({
    status: 2,
    err: expect.stringMatching(/E_STREAM_NOT_PARKED/),
  })
  expect(await command('streams', 'abandon', 'count', 'lines', 'p')).toMatchObject({
    status: 0,
    out: 'p goes on behind record 4: 3 records (2 to 4) of it are lost\n',
  })
  expect((await command('streams', 'list', 'count')).out).not.toMatch(/waits/)
  const again = producer(port)
  again.hello(5)
  again.batch(5, 'five')
  await running.said(/five 1\n/)
  again.socket.destroy()
})

test('status --watch looks again and again with rates, and ends in order', async () => {
  const { cwd, running, port } = await started()
  const watching = potoroo(['status', 'count', '--watch'], { cwd })
  await watching.said(/count running, 0 keys\n[\s\S]*SINK/)
  const sender = producer(port)
  sender.hello(1)
  for (let i = 1; i <= 50; i++) sender.batch(i, `${i}`)
  await watching.said(/count running, 50 keys\n/)
  // 50 records at most between two looks, which are a second apart or more.
  const [, rate] = await watching.said(/lines +([1-9]\d*) +50 /)
  expect(Number(rate)).toBeLessThanOrEqual(51)
  watching.kill('SIGINT')
  expect(await watching.ended, watching.err).toEqual({ status: 0, signal: null })
  expect(watching.out).not.toContain('\x1b')

  const lines = potoroo(['status', '--watch', '--json'], { cwd })
  const [first] = await lines.said(/^.*\n.*\n/)
  for (const line of first.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ view: { worker: 'w1' } })
  // Whoever reads it has enough.
  lines.child.stdout!.destroy()
  expect(await lines.ended, lines.err).toEqual({ status: 0, signal: null })
  sender.socket.destroy()
  running.kill('SIGKILL')
  await running.ended
})
