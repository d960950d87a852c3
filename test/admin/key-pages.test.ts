/** Lists of keys of a cluster, page by page: each key once, or the list says that it cannot go on. */
import { expect, test } from 'vitest'
import { pageAcross } from '../../src/admin/across.ts'
import type { AcrossSeams } from '../../src/admin/asking.ts'
import type { Part } from '../../src/admin/part.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'

const { clock } = realEnv({ log: { level: 'silent' } })
const names = ['w1', 'w2', 'w3']
/** Of each worker. */
const KEYS = 5

/** Three workers, as somebody sees them who is none of them. */
class Cluster {
  generation = 4
  state = {}
  readonly silent = new Set<string>()

  private get seams(): AcrossSeams {
    const cluster = { generation: this.generation, members: names.map((worker) => ({ worker })), owners: [0, 1, 2, 1] }
    const ask = (worker: string, path: string, _: number, done: (answer: unknown) => void): void => {
      const query = new URLSearchParams(path.slice(path.indexOf('?')))
      const from = Number(query.get('cursor'))
      const to = Math.min(KEYS, from + Number(query.get('limit')))
      const found = Array.from({ length: to - from }, (_, i) => ({
        key: `${worker}.${from + i}`,
        keyGroup: 0,
        state: this.state,
      }))
      const part: Part = { generation: this.generation, epoch: 7, keys: KEYS, found, next: to < KEYS ? `${to}` : null }
      done(this.silent.has(worker) ? null : { status: 200, text: JSON.stringify(part) })
    }
    const pipelines = { worker: { name: 'w0', cluster, questions: { ask } }, find: () => null }
    return { pipelines, limits: defaultLimits, clock } as unknown as AcrossSeams
  }

  page(limit: number, cursor: string | null) {
    const asked = { pipeline: 'p', step: 's', key: null, limit, cursor, read: 'live', after: null, ms: 100 } as const
    return pageAcross(this.seams, asked)
  }
}

/** All keys in pages of `limit`; `between` is called after each. */
async function list(cluster: Cluster, limit: number, between = () => {}): Promise<unknown[]> {
  const found: unknown[] = []
  let cursor: string | null = null
  do {
    const page = await cluster.page(limit, cursor)
    found.push(...page.found.map(({ key }) => key))
    cursor = page.next
    between()
  } while (cursor !== null)
  return found
}

const keysOf = (workers: readonly string[]) => workers.flatMap((name) => [0, 1, 2, 3, 4].map((n) => `${name}.${n}`))

test.each([1, 4, 5, 7, 15, 20])('each key comes once, in pages of %s', async (limit) => {
  expect(await list(new Cluster(), limit)).toEqual(keysOf(names))
})

test('a page of large states ends with a worker, and the next one goes on behind it', async () => {
  const cluster = new Cluster()
  cluster.state = { text: 'x'.repeat(300_000) }
  expect((await cluster.page(20, null)).found).toHaveLength(KEYS)
  expect(await list(cluster, 20)).toEqual(keysOf(names))
})

test('where owners have changed a list does not go on', async () => {
  const cluster = new Cluster()
  const going = list(cluster, 7, () => cluster.generation++)
  await expect(going).rejects.toMatchObject({ code: 'E_LIST_CHANGED' })
  await expect(cluster.page(3, 'w2|7')).rejects.toMatchObject({ code: 'E_CONTROL_REQUEST' })
})

test('who is silent is missing, and those behind him are shown', async () => {
  const cluster = new Cluster()
  expect(await list(cluster, 7, () => cluster.silent.add('w2'))).toEqual([
    ...keysOf(['w1']),
    ...['w2.0', 'w2.1'],
    ...keysOf(['w3']),
  ])
  expect((await cluster.page(20, null)).completeness).toMatchObject({ keyGroups: '2/4' })
})
