/** Which worker a command asks, of several of one cluster. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findWorkers } from '../../src/cli/control-client.ts'

/** A worker's folder below `data`, and a control API that answers `/readyz` with `status`. */
async function worker(data: string, name: string, status: number, store: string | null = 'one'): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === '/v1/worker') return response.end(JSON.stringify({ incarnation: `life of ${name}` }))
    response.writeHead(request.url === '/readyz' ? status : 404).end()
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise((resolve) => server.on('listening', resolve))
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  leave(data, name, address, store)
  return address
}

/** A worker's folder below `data` that names `address`. */
function leave(data: string, name: string, address: string, store: string | null): void {
  const folder = join(data, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'token'), 'secret')
  const token = join(folder, 'token')
  const file = { worker: name, incarnation: `life of ${name}`, address, pid: 1, store }
  writeFileSync(join(folder, 'control.json'), JSON.stringify({ ...file, adminToken: token, readToken: token }))
}

test('those that are ready come first, and those that answer nothing at all not', async () => {
  const data = mkdtempSync(join(tmpdir(), 'potoroo-find-'))
  const starting = await worker(data, 'w1', 503)
  await worker(data, 'w2', 404)
  const ready = await worker(data, 'w3', 200)
  expect((await findWorkers({ data })).map(({ address }) => address)).toEqual([ready, starting])
})

test.each(['127.0.0.1:', 'nonsense:x', 'host'])('"%s" is no address of a worker', async (control) => {
  await expect(findWorkers({ control })).rejects.toMatchObject({
    code: 'E_USAGE',
    message: expect.stringContaining('write PORT or HOST:PORT'),
  })
})

test('of several that have nothing to do with each other, the one whose folder has the name of the pipeline', async () => {
  const data = mkdtempSync(join(tmpdir(), 'potoroo-find-'))
  await worker(data, 'words', 200, null)
  const numbers = await worker(data, 'numbers', 200, null)
  const found = await findWorkers({ data }, { pipeline: 'numbers' })
  expect(found.map(({ address }) => address)).toEqual([numbers])
  await expect(findWorkers({ data }, { pipeline: 'sums' })).rejects.toMatchObject({ code: 'E_WHICH_WORKER' })
})

test.each([null, 'one'])(
  'an address that several folders name is that of the worker which listens there',
  async (store) => {
    const data = mkdtempSync(join(tmpdir(), 'potoroo-find-'))
    const address = await worker(data, 'w2', 200, store)
    for (const name of ['w1', 'w3']) leave(data, name, address, store)
    expect(await findWorkers({ data })).toHaveLength(1)
    expect(await findWorkers({ data }, { worker: 'w2' })).toHaveLength(1)
    await expect(findWorkers({ data }, { worker: 'w1' })).rejects.toMatchObject({ code: 'E_OTHER_WORKERS' })
  },
)

test('who names a worker that is not here hears which are', async () => {
  const data = mkdtempSync(join(tmpdir(), 'potoroo-find-'))
  await worker(data, 'w1', 200)
  await worker(data, 'w2', 503)
  expect(await findWorkers({ data }, { worker: 'w2' })).toHaveLength(1)
  const error = await findWorkers({ data }, { worker: 'w9' }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    code: 'E_OTHER_WORKERS',
    message: expect.stringContaining('w9 is running here: there is w1, w2'),
  })
})

test('without a folder by name it is the one of the settings', async () => {
  const data = mkdtempSync(join(tmpdir(), 'potoroo-find-'))
  const address = await worker(data, 'w1', 200)
  vi.stubEnv('POTOROO_DATA', join(data, 'w1'))
  onTestFinished(() => void vi.unstubAllEnvs())
  expect((await findWorkers({})).map((one) => one.address)).toEqual([address])
  vi.stubEnv('POTOROO_DATA', join(data, 'w2'))
  await expect(findWorkers({})).rejects.toMatchObject({
    code: 'E_NO_WORKER',
    message: expect.stringContaining(`${join(data, 'w2')} or a folder below .potoroo`),
  })
})

test('of a worker that is there and does not answer nobody says that there is none', async () => {
  const data = mkdtempSync(join(tmpdir(), 'potoroo-find-'))
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise((resolve) => server.on('listening', resolve))
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  leave(data, 'slow', address, null)
  const silent = {
    code: 'E_WORKER_SILENT',
    message: expect.stringContaining(`slow (process 1, ${address})`),
  }
  await expect(findWorkers({ data })).rejects.toMatchObject(silent)
  // Another one that answers is asked, unless it is the silent one that is meant.
  await worker(data, 'quick', 200, null)
  const asked = [{}, { worker: 'slow' }, { pipeline: 'slow' }].map((sought) => findWorkers({ data }, sought))
  const [any, byName, byPipeline] = await Promise.allSettled(asked)
  expect(any).toMatchObject({ value: [{}] })
  expect([byName, byPipeline]).toMatchObject([{ reason: silent }, { reason: silent }])
})
