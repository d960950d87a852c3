/**
 * A worker whose last checkpoint is damaged, on the real disk, in this process:
 * - the pipeline goes back, and a further generation record names its base; the epochs between are void for good
 * - the other pipelines of the worker run anew in that generation, and all are exact
 * - where the journal lacks what came after the base, the pipeline refuses, until the loss is accepted
 */
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hashKey } from '../../src/base/hash.ts'
import type { Pipelines, Resident } from '../../src/worker/pipelines/pipelines.ts'
import { epochsOf, sendLines, Workshop } from './workshop.ts'

/** For what a busy machine needs longer for than a second. */
const KEYS = 50
const COUNT = 100_000

const generated = `generatorSource<number>({ value: (n) => n, count: ${COUNT}, rate: 100_000 })`

function sumOf({ execution }: Resident, key: number): number {
  const store = execution.stores.get('sum')!
  return (store.peek(hashKey(key), key) as { readonly sum: number }).sum
}

/** Writes noise over `bytes` of a file, at `share` of its length. */
function damage(path: string, share: number, bytes: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(bytes, 0x55), 0, bytes, Math.floor(statSync(path).size * share))
  closeSync(file)
}

function newestManifest({ folder }: Workshop, pipelines: Pipelines, name: string): string {
  return `${folder}/data/store/${pipelines.worker.cluster.pipelines.get(name)!.epochs.at(-1)!.manifest}`
}

test('a pipeline goes back to an older epoch by name, and the others run anew', async () => {
  const limits = { checkpointIntervalMs: 50_000 }
  const workshop = new Workshop()
  const first = await workshop.start(limits)
  for (const name of ['one', 'two']) await workshop.submit(first, name, generated, `.keyBy('by', (n) => n % ${KEYS})`)
  await expect.poll(() => [...first.residents.values()].every(({ phase }) => phase === 'running')).toBe(true)
  for (let i = 0; i < 3; i++) for (const name of ['one', 'two']) await first.checkpoint(name)
  await workshop.stop(first)
  const before = epochsOf(first, 'one')
  const { generation } = first.worker.cluster
  damage(newestManifest(workshop, first, 'one'), 0.5, 8)

  const second = await workshop.start(limits)
  await second.resume()
  expect(second.worker.residents.unloaded.size).toBe(0)
  await expect.poll(() => [...second.residents.values()].every(({ phase }) => phase === 'ended')).toBe(true)
  expect(workshop).toMatchObject({ failed: [], warned: ['E_STORE_DAMAGED'] })
  expect(second.worker.cluster.generation).toBe(generation + 2)
  const after = epochsOf(second, 'one')
  expect(after).toContain(before.at(-2))
  expect(after).not.toContain(before.at(-1))
  for (const name of ['one', 'two']) {
    const resident = second.find(name)
    await second.checkpoint(name)
    expect(second.worker.cluster.pipelines.get(name)!.epochs.at(-1)!.generation, name).toBe(generation + 2)
    for (let key = 0; key < KEYS; key++) {
      const count = COUNT / KEYS
      expect(sumOf(resident, key), `${name} ${key}`).toBe(count * key + (KEYS * count * (count - 1)) / 2)
    }
  }
})

test('going back over a hole in the journal is refused by name, until the loss is accepted', async () => {
  const limits = { checkpointIntervalMs: 50_000 }
  const workshop = new Workshop()
  const first = await workshop.start(limits)
  const rest = ".map('parse', Number).keyBy('by', () => 0)"
  const resident = await workshop.submit(first, 'sums', 'tcpSource({ port: 0 })', rest)
  for (const lines of ['1\n'.repeat(100), '10\n'.repeat(100)]) {
    await sendLines(resident, lines)
    await first.checkpoint('sums')
  }
  const manifest = newestManifest(workshop, first, 'sums')
  await workshop.stop(first)
  const [segment] = readdirSync(`${workshop.folder}/data/journal`)
  const journal = `${workshop.folder}/data/journal/${segment}`
  damage(manifest, 0.5, 8)
  const second = readFileSync(journal).indexOf('10\n10\n')
  damage(journal, second / statSync(journal).size, 8)

  const refused = await workshop.start(limits)
  await refused.resume()
  await expect.poll(() => workshop.failed.length).toBe(1)
  const { code, message, remedy } = workshop.failed[0]!
  expect(code).toBe('E_RESTORE')
  expect(message).toContain(manifest.slice(manifest.indexOf('pipelines/')))
  expect(message).toContain(segment)
  expect(remedy).toContain('--accept-loss')
  await workshop.stop(refused)

  const accepted = await workshop.start(limits, true)
  await accepted.resume()
  await expect.poll(() => accepted.find('sums').phase).toBe('running')
  expect(sumOf(accepted.find('sums'), 0)).toBe(100)
})
