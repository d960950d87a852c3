/**
 * The reference of `bench http`: a server that parses what is posted, counts it, and answers when the body is on the
 * disk. One sync at a time serves all bodies that were written before it, as in the engine.
 */
import { fdatasync, openSync, write } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'

const [port, path] = process.argv.slice(2)
const file = openSync(path!, 'w')
const visits = new Map<string, { visits: number; ms: number }>()
let written: [ServerResponse, number][] = []
let syncing = false

function sync(): void {
  if (syncing || written.length === 0) return
  syncing = true
  const served = written
  written = []
  fdatasync(file, (error) => {
    if (error !== null) throw error
    syncing = false
    for (const [response, records] of served) response.end(`{"records":${records}}\n`)
    sync()
  })
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks)
    const lines = body.toString().split('\n')
    let records = 0
    for (const line of lines) {
      if (line === '') continue
      records++
      const { user, ms } = JSON.parse(line) as { user: string; ms: number }
      const state = visits.get(user)
      if (state === undefined) visits.set(user, { visits: 1, ms })
      else {
        state.visits++
        state.ms += ms
      }
    }
    write(file, body, (error) => {
      if (error !== null) throw error
      written.push([response, records])
      sync()
    })
  })
})
server.listen(Number(port), '127.0.0.1', () => process.stderr.write('listens\n'))
