/**
 * Reads of the last complete epoch, on the real disk, in this process:
 * - show what that epoch holds and nothing after it, whether the pipeline runs or not
 * - are of one epoch, also while packs go that an older one was read from
 * - name what is damaged
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import type { StoreDone } from '../../src/checkpoint/store.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { type CommittedSeams, listCommitted, lookUpCommitted } from '../../src/worker/pipelines/committed.ts'
import type { Pipelines, Resident } from '../../src/worker/pipelines/pipelines.ts'
import { type KeyPage, lookUp, PageRoom } from '../../src/worker/pipelines/query.ts'
import { epochsOf, sendLines, Workshop } from './workshop.ts'

const { clock } = realEnv({ log: { level: 'silent' } })
const rest = ".map('parse', Number).keyBy('by', (n) => n % 40)"

function seamsOf(pipelines: Pipelines, { plan, name }: Resident): CommittedSeams {
  const entry = () => pipelines.worker.cluster.pipelines.get(name)
  const any = { suffices: () => true, another: () => Promise.reject(new Error('the last one is asked for')) }
  return { store: pipelines.worker.storage, clock, limits: defaultLimits, plan, entry, ...any }
}

test('a committed read shows the last complete epoch alone, also of a pipeline that has ended', async () => {
  const workshop = new Workshop()
  const worker = await workshop.start({ checkpointIntervalMs: 50_000, horizonEpochs: 3 })
  const resident = await workshop.submit(worker, 'sums', 'tcpSource({ port: 0 })', rest)
  await expect.poll(() => resident.phase).toBe('running')
  const seams = seamsOf(worker, resident)
  expect(await lookUpCommitted(seams, 'sum', [1])).toEqual({ epoch: 0, found: null })
  expect(await listCommitted(seams, 'sum', () => new PageRoom(10), null)).toEqual({
    epoch: 0,
    found: { keys: [], next: null },
  })

  const numbers = Array.from({ length: 100 }, (_, n) => `${n}\n`).join('')
  await sendLines(resident, numbers)
  const epoch = await worker.checkpoint('sums')
  await sendLines(resident, '1\n99\n'.repeat(50))
  const committed = 1 + 41 + 81
  const live = committed + 50 * 1
  expect(lookUp(resident.execution.stores.get('sum')!, 1)?.state).toEqual({ sum: live })
  expect(await lookUpCommitted(seams, 'sum', ['1', 1])).toMatchObject({
    epoch,
    found: { key: 1, state: { sum: committed } },
  })
  expect(await lookUpCommitted(seams, 'sum', ['40', 40])).toEqual({ epoch, found: null })

  // Page by page, each key once.
  const found: unknown[] = []
  for (let cursor: string | null = null, more = true; more; ) {
    const page: KeyPage = (await listCommitted(seams, 'sum', () => new PageRoom(3), cursor)).found
    for (const { key, state } of page.keys) found.push([key, (state as { sum: number }).sum])
    cursor = page.next
    more = cursor !== null
  }
  const sums = Array.from({ length: 40 }, (_, key) => [key, key < 20 ? 3 * key + 120 : 2 * key + 40])
  expect(found.toSorted((one, other) => (one as [number])[0] - (other as [number])[0])).toEqual(sums)

  // Also where other epochs become complete meanwhile, until its own is beyond the horizon.
  const first = (await listCommitted(seams, 'sum', () => new PageRoom(3), null)).found
  await sendLines(resident, '39\n'.repeat(100))
  await worker.checkpoint('sums')
  const others = (await listCommitted(seams, 'sum', () => new PageRoom(50), first.next)).found
  const listed = [...first.keys, ...others.keys].map(({ key, state }) => [key, (state as { sum: number }).sum])
  expect(listed.toSorted((one, other) => (one as [number])[0] - (other as [number])[0])).toEqual(sums)
  for (let i = 0; i < 3; i++) await worker.checkpoint('sums')
  await expect.poll(() => epochsOf(worker, 'sums')).not.toContain(epoch)
  await expect(listCommitted(seams, 'sum', () => new PageRoom(3), first.next)).rejects.toMatchObject({
    code: 'E_LIST_CHANGED',
  })
  await expect(listCommitted(seams, 'sum', () => new PageRoom(3), '2.1')).rejects.toMatchObject({
    code: 'E_CONTROL_REQUEST',
  })

  await worker.drain('sums')
  expect(await lookUpCommitted(seams, 'sum', [1])).toMatchObject({ epoch: epoch + 5, found: { state: { sum: live } } })
})

test('an answer is of one epoch: of the last one, where the packs of the one that was asked for have gone', async () => {
  const workshop = new Workshop()
  const worker = await workshop.start({ checkpointIntervalMs: 10, horizonEpochs: 2 })
  const source = 'generatorSource<number>({ value: () => 1, rate: 20_000 })'
  const resident = await workshop.submit(worker, 'sums', source, ".keyBy('by', () => 0)")
  await expect.poll(() => epochsOf(worker, 'sums').length).toBeGreaterThan(0)
  const seams = seamsOf(worker, resident)
  const { storage } = worker.worker
  const asked: string[] = []
  const late = Object.assign(Object.create(storage) as typeof storage, {
    read(path: string, done: StoreDone<Buffer | null>) {
      asked.push(path)
      if (asked.length > 1) return storage.read(path, done)
      const gone = () => expect.poll(() => existsSync(`${workshop.folder}/data/store/${path}`)).toBe(false)
      void gone().then(() => storage.read(path, done))
    },
  })
  const { epoch, found } = await lookUpCommitted({ ...seams, store: late }, 'sum', [0])
  expect(asked).toHaveLength(2)
  expect(asked[1]).toContain(String(epoch).padStart(10, '0'))
  expect(asked[0]).not.toBe(asked[1])
  expect(found).toMatchObject({ key: 0, state: { sum: expect.any(Number) } })
})

test('a committed read of damaged packs names what is damaged', async () => {
  const workshop = new Workshop()
  const worker = await workshop.start({ checkpointIntervalMs: 50_000 })
  const resident = await workshop.submit(worker, 'sums', 'tcpSource({ port: 0 })', rest)
  await sendLines(resident, '1\n2\n'.repeat(50))
  await worker.checkpoint('sums')
  const folder = `${workshop.folder}/data/store/pipelines/sums`
  const [run] = readdirSync(folder)
  const [pack] = readdirSync(`${folder}/${run}/packs`)
  writeFileSync(`${folder}/${run}/packs/${pack}`, 'noise')
  await expect(lookUpCommitted(seamsOf(worker, resident), 'sum', [1])).rejects.toMatchObject({
    code: 'E_STORE_DAMAGED',
    message: expect.stringContaining(pack!),
  })
})

test('a list of few keys in many key groups is read in few reads', async () => {
  const workshop = new Workshop()
  const worker = await workshop.start({ checkpointIntervalMs: 50_000, keyGroups: 4096 })
  const resident = await workshop.submit(worker, 'sums', 'tcpSource({ port: 0 })', rest)
  await sendLines(resident, Array.from({ length: 100 }, (_, n) => `${n}\n`).join(''))
  // So many that each key group has been written in full.
  for (let epoch = 0; epoch < 30; epoch++) await worker.checkpoint('sums')
  const { storage } = worker.worker
  let reads = 0
  const counted = Object.assign(Object.create(storage) as typeof storage, {
    readRange(...args: Parameters<typeof storage.readRange>) {
      reads++
      storage.readRange(...args)
    },
  })
  const seams = { ...seamsOf(worker, resident), store: counted }
  const { found } = await listCommitted(seams, 'sum', () => new PageRoom(100), null)
  expect(found.keys).toHaveLength(40)
  // The two ends of each of thirty packs, and some of what lies between.
  expect(reads).toBeLessThan(150)
})
