/** The thread behind a `ThreadedStore`: makes the calls of the store itself, one behind another. */
import { parentPort, workerData } from 'node:worker_threads'
import type { PotorooError } from '../../../base/errors.ts'
import { FileStore } from '../../../checkpoint/file-store.ts'
import { prompt } from '../../../env/real/calls.ts'
import { RealDisk } from '../../../env/real/disk.ts'
import { RealRandom } from '../../../env/real/random.ts'
import type { FromStore, StoreCall, StoreThreadData, ToStore } from './threaded-store.ts'

const { root, writer } = workerData as StoreThreadData
const port = parentPort!
const lost = (error: PotorooError): void => answer(0, error)
const store = new FileStore(new RealDisk(prompt), new RealRandom(), root, writer, lost, true)
const queue: ToStore[] = []

port.on('message', (asked: ToStore) => {
  if (queue.push(asked) === 1) next()
})

function answer(call: number, error: PotorooError | null, value?: unknown): void {
  const told: FromStore = [call, error && { code: error.code, details: error.details }, value]
  port.postMessage(told)
}

function next(): void {
  const asked = queue[0]
  if (asked === undefined) return
  const [number, call] = asked
  carryOut(call, (error, value) => {
    answer(number, error, value)
    queue.shift()
    next()
  })
}

function carryOut(asked: StoreCall, done: (error: PotorooError | null, value?: unknown) => void): void {
  const { call, path } = asked
  switch (call) {
    case 'createExclusive':
      return store.createExclusive(path, asked.bytes, (outcome, error) => done(error, outcome))
    case 'put':
      return store.put(path, asked.bytes, done)
    case 'read':
      return store.read(path, done)
    case 'list':
      return store.list(path, done)
    case 'remove':
      return store.remove(path, done)
    case 'makeDurable':
      return store.makeDurable(path, done)
  }
}
