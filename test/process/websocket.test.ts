/** WebSockets on real processes: the command line, the client, subscribers, a worker that is killed. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { freePort } from '../../bench/workers/free-port.ts'
import { connect } from '../../src/client.ts'
import { folder, potoroo, ran } from './fixture.ts'

const PIPELINE = `import { pipeline, webSocketServerSink, webSocketSource } from 'potoroo'
export default pipeline('talk', { parameters: { plain: 0, acked: 0, out: 0 } }, (p) => {
  const { plain, acked, out } = p.parameters
  const words = p.source('plain', webSocketSource({ port: plain, path: '/in' }))
  const more = p.source('acked', webSocketSource({ port: acked, path: '/in', protocol: 'acked' }))
  words.merge('all', more)
    .keyBy('by-word', (word) => word)
    .mapWithState('count', { init: () => ({ n: 0 }), step: (s, word) => word + ' ' + ++s.n })
    .sink('live', webSocketServerSink({ port: out, path: '/out', encode: (text) => text }))
})`

test('records come by send, by the client and through kill -9, and go out to who is connected', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'talk.ts'), PIPELINE)
  writeFileSync(join(cwd, 'words'), 'to\nbe\nor\nnot\nto\nbe\n')
  const [plain, acked, out] = [await freePort(), await freePort(), await freePort()]
  const parameters = Object.entries({ plain, acked, out }).flatMap(([name, port]) => ['--param', `${name}=${port}`])
  const start = () => potoroo(['run', 'talk.ts', ...parameters], { cwd })
  let run = start()
  await run.said(new RegExp(`acked listens on ws://127\\.0\\.0\\.1:${acked}/in .*--acked acked`))
  await run.said(/plain listens on/)

  const heard: string[] = []
  const subscriber = new WebSocket(`ws://127.0.0.1:${out}/out`)
  await new Promise((go) => subscriber.once('open', go))
  const six = new Promise<void>((go) => {
    subscriber.on('message', (message) => {
      if (heard.push(String(message)) === 6) go()
    })
  })
  const sent = await ran(['send', `ws://127.0.0.1:${plain}/in`, 'words', '--json'], { cwd })
  expect(sent, sent.err).toMatchObject({ status: 0 })
  expect(JSON.parse(sent.out)).toMatchObject({ records: 6 })
  await six
  expect(heard).toEqual(['to 1', 'be 1', 'or 1', 'not 1', 'to 2', 'be 2'])

  const again = await ran(['send', `ws://127.0.0.1:${acked}/in`, 'words', '--acked', 'acked'], { cwd })
  expect(again, again.err).toMatchObject({ status: 0 })
  const client = await connect({ url: `ws://127.0.0.1:${acked}/in`, source: 'acked', producer: 'p', maxBackoffMs: 100 })
  await client.send('to')
  await client.flush('journaled')
  run.child.kill('SIGKILL')
  await run.ended
  await client.send(['to', 'be'])
  run = start()
  await client.flush('stable')
  client.close()
  for (const [word, n] of [
    ['to', 6],
    ['be', 5],
  ]) {
    const { out: state, err } = await ran(['query', 'talk', 'count', String(word), '--json'], { cwd })
    expect(JSON.parse(state).found.state, err).toEqual({ n })
  }

  const lost = await ran(['send', `ws://127.0.0.1:${plain}/out`, 'words'], { cwd })
  expect(lost).toMatchObject({ status: 1, err: expect.stringContaining('E_PEER') })
  await run.said(/E_SOCKET_PATH/)
  run.child.kill('SIGTERM')
  expect(await run.ended).toMatchObject({ status: 0 })
})
