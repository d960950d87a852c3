/** A worker that is killed again and again while it posts to a receiver that remembers ids. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { folder, potoroo, ran } from './fixture.ts'

const FORWARD = `
import { json, httpSource, pipeline, webhookSink } from 'potoroo'

export default pipeline('forward', { parameters: { port: 8080, url: 'http://127.0.0.1' } }, (p) => {
  p.source('in', httpSource({ port: p.parameters.port, decode: json<number>() }))
    .flatMap('twice', (n) => [{ n, copy: 1 }, { n, copy: 2 }])
    .sink('out', webhookSink({ url: p.parameters.url, tokenFile: 'token', concurrency: 4 }))
})
`

test('a receiver that remembers ids has every output once, and what it refuses is a dead letter', async () => {
  const taken = new Map<string, string>()
  let requests = 0
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      requests++
      expect(request.headers.authorization).toBe('Bearer letters-nobody-guesses')
      if (JSON.parse(body).n === 13) return response.writeHead(422).end('thirteen')
      // Every tenth answer is lost with its connection, the record taken or not.
      if (requests % 20 !== 0) taken.set(String(request.headers['idempotency-key']), body)
      if (requests % 10 === 0) request.socket.destroy()
      else response.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })

  const cwd = folder()
  writeFileSync(join(cwd, 'forward.ts'), FORWARD)
  writeFileSync(join(cwd, 'token'), 'letters-nobody-guesses\n')
  const port = await freePort()
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  const args = ['run', 'forward.ts', '--param', `port=${port}`, '--param', `url=${url}`, '--data', 'data']
  let said = ''
  const records = 300
  for (let life = 0; life < 3; life++) {
    const run = potoroo(args, { cwd })
    await run.said(/in listens on/)
    const first = life * 100
    const body = Array.from({ length: 100 }, (_, i) => first + i).join('\n')
    const headers = { 'content-type': 'application/x-ndjson', 'idempotency-key': `test:${first + 1}` }
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body })
    expect(answer.status).toBe(200)
    if (life < 2) run.kill('SIGKILL')
    else {
      const expected = 2 * (records - 1)
      await expect.poll(() => taken.size).toBe(expected)
      const letters = await ran(['dead-letters', 'list', 'forward', '--data', 'data', '--json'], { cwd })
      expect(letters.out.match(/"step":\s*"out"/g)).toHaveLength(2)
      expect(letters.out).toMatch(/thirteen/)
      run.kill('SIGTERM')
    }
    await run.ended
    said += run.out + run.err
  }
  expect(new Set(taken.values()).size).toBe(taken.size)
  expect(said).not.toMatch(/letters-nobody-guesses/)
})
