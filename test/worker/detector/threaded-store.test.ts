/** The chain and the beats by a thread of their own, on the real disk. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, existsSync, mkdirSync, open, openSync, rmSync, writeFileSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { PotorooError } from '../../../src/base/errors.ts'
import { ThreadedStore } from '../../../src/worker/seat/detector/threaded-store.ts'
import { folder } from '../../process/fixture.ts'

const ended = vi.fn<(error: PotorooError) => void>()

function opened(): { readonly store: ThreadedStore; readonly root: string } {
  const root = folder()
  for (const name of ['chain', 'beat', 'tmp']) mkdirSync(`${root}/${name}`)
  writeFileSync(`${root}/cluster`, 'its mark')
  ended.mockReset()
  const store = new ThreadedStore({ root, writer: { worker: 'a', incarnation: 'a-1' } }, { lost: () => {}, ended })
  onTestFinished(() => store.close())
  return { store, root }
}

type Ended = readonly [error: PotorooError | null, value?: unknown]

const call = (begin: (done: (...ended: Ended) => void) => void): Promise<Ended> =>
  new Promise((go) => begin((...ended) => go(ended)))
const create = (store: ThreadedStore, path: string, text: string) =>
  call((done) => store.createExclusive(path, Buffer.from(text), (outcome, error) => done(error, outcome)))

test('answers as the store does that it opens', async () => {
  const { store, root } = opened()
  expect(await create(store, 'chain/1', 'one')).toEqual([null, 'created'])
  expect(await create(store, 'chain/1', 'two')).toEqual([null, 'exists'])
  const [, bytes] = await call((done) => store.read('chain/1', done))
  expect(Buffer.isBuffer(bytes) && bytes.toString()).toBe('one')
  expect(await call((done) => store.read('chain/2', done))).toEqual([null, null])
  expect((await call((done) => store.makeDurable('chain', done)))[0]).toBeNull()
  expect((await call((done) => store.put('beat/a', Buffer.from('x'), done)))[0]).toBeNull()
  expect(await call((done) => store.list('beat', done))).toEqual([null, ['a']])
  expect((await call((done) => store.remove('beat/a', done)))[0]).toBeNull()
  expect(existsSync(`${root}/beat/a`)).toBe(false)
  rmSync(root, { recursive: true })
  const [error] = await call((done) => store.read('chain/1', done))
  expect(error).toMatchObject({ code: 'E_STORE', details: { path: 'cluster' } })
})

test('waits for nothing that the threads of Node have to do', async () => {
  const { store, root } = opened()
  const pipe = `${root}/pipe`
  execFileSync('mkfifo', [pipe])
  const opens = Array.from({ length: 64 }, () => call((done) => open(pipe, 'r', done as () => void)))
  // Whoever opens a pipe waits for somebody at its other end.
  const release = async (): Promise<void> => {
    const both = openSync(pipe, constants.O_RDWR)
    for (const [, descriptor] of await Promise.all(opens)) closeSync(descriptor as number)
    closeSync(both)
  }
  onTestFinished(release)
  expect(await create(store, 'chain/1', 'one')).toEqual([null, 'created'])
  expect(await call((done) => store.list('chain', done))).toEqual([null, ['1']])
})

test('says that its thread has ended, once, and answers no more', async () => {
  const { store } = opened()
  const thread = (store as unknown as { thread: Worker }).thread
  const exit = once(thread, 'exit')
  await thread.terminate()
  await exit
  expect(ended).toHaveBeenCalledTimes(1)
  expect(ended.mock.calls[0]![0].code).toBe('E_WATCH_ENDED')
  store.close()
  const done = vi.fn()
  store.read('chain/1', done)
  expect(done).not.toHaveBeenCalled()
})
