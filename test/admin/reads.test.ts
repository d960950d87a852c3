/**
 * Reads of a cluster behind acknowledgements (PROTOCOLS 16), on real sockets: whoever is asked shows what a token
 * covers, also where no checkpoint would come by itself, where the stream or the key has gone to another worker, and
 * from the last epoch; linearizable reads never go back.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { type Client, connect } from '../../src/client.ts'
import { readToken, writeToken } from '../../src/protocol/read-token.ts'
import { Party } from './party.ts'

interface Found {
  readonly found: { readonly state: { readonly total: number } }
}

interface Page {
  readonly found: readonly { readonly state: { readonly total: number } }[]
  readonly next: string | null
  readonly completeness: { readonly keyGroups: string }
}

const count = (
  port: number,
) => `  p.source('lines', p8.tcpSource({ port: ${port}, framing: p8.lines(), protocol: 'acked' }))
    .keyBy('by-line', (line) => line)
    .mapWithState('count', { init: () => ({ total: 0 }), step: (state, line) => ({ line, total: ++state.total }) })
    .sink('nowhere', p8.nullSink())`
const WORDS = Array.from({ length: 40 }, (_, i) => `word ${i}`)

/** A party that counts lines; no checkpoint is made but where one is asked for. */
async function counting(size: number, checkpointIntervalMs = 1_000_000) {
  const party = await new Party({ checkpointIntervalMs }).open(size)
  const port = await freePort()
  await party.submit('count', count(port))
  const client: Client = await connect({ port, source: 'lines', producer: 'till' })
  const query = <T>(worker: string, rest: string) =>
    party.guest(worker).api.get<T>(`/v1/pipelines/count/state/count?${rest}`)
  const total = async (worker: string, line: string, rest: string) =>
    (await query<Found>(worker, `key=${encodeURIComponent(line)}&${rest}`)).found.state.total
  const ownerOf = (line: string) =>
    party.there[0]!.api.get<{ worker: string }[]>(`/v1/cluster/keys/${encodeURIComponent(line)}`).then(
      ([place]) => place!.worker,
    )
  return { party, port, client, query, total, ownerOf }
}

test('whoever is asked shows what was acknowledged, of every key, and no checkpoint has to come by itself', async () => {
  const { party, client, query, total } = await counting(3)
  for (let round = 1; round <= 4; round++) {
    await client.send(WORDS)
    const token = await client.flush('journaled')
    for (const { name } of party.there) {
      const line = WORDS[(7 * round) % WORDS.length]!
      expect(await total(name, line, `after=${token}`), `${line} from ${name}`).toBe(round)
      const page = await query<Page>(name, `after=${token}`)
      expect(page.completeness.keyGroups).toBe('16/16')
      expect(page.found.map(({ state }) => state.total)).toEqual(WORDS.map(() => round))
    }
    expect(await total('w2', 'word 3', `after=${token}&read=committed`)).toBe(round)
    expect(await total('w2', 'word 3', `after=${token}&read=linearizable`)).toBe(round)
  }
  client.close()
})

test('also when the owner of the key is gone, and when the worker is that has the stream', async () => {
  const { party, client, total, ownerOf } = await counting(3, 300)
  const hosts: string[] = []
  client.on('connect', ({ worker }) => hosts.push(worker))
  await client.send(WORDS)
  await client.flush('stable')
  const home = hosts.at(-1)!
  const line = WORDS[(await Promise.all(WORDS.map(ownerOf))).findIndex((owner) => owner !== home)]!
  const owner = await ownerOf(line)
  const witness = party.guests.find(({ name }) => name !== home && name !== owner)!.name

  await client.send(WORDS)
  let token = await client.flush('journaled')
  const ended = party.end(party.guest(owner))
  expect(await total(witness, line, `after=${token}&wait=30000`)).toBe(2)
  await ended

  await client.send([line])
  token = await client.flush('journaled')
  const gone = party.end(party.guest(home))
  expect(await total(witness, line, `after=${token}&wait=30000`)).toBe(3)
  await gone
  await client.send([line])
  expect(await total(witness, line, `after=${await client.flush('journaled')}&wait=30000`)).toBe(4)
  client.close()
})

test('what was drained stays in no memory, and is shown whole from its last epoch, also when owners have changed', async () => {
  const { party, port, client, query, total } = await counting(3, 300)
  await client.send(WORDS)
  const token = await client.flush('stable')
  client.close()
  const live = await query<Page>('w1', 'read=live&limit=15')
  const stores = party.there.map(({ pipelines }) => new WeakRef(pipelines.find('count').execution.stores.get('count')!))
  await party.guest('w2').api.post('/v1/pipelines/count/drain')
  const shown = async () => {
    for (const { name, pipelines } of party.there) {
      await expect.poll(() => pipelines.find('count').phase).toBe('drained')
      expect(pipelines.find('count').execution.stores.size).toBe(0)
      for (const rest of ['read=live', `read=live&after=${token}`, 'read=linearizable', 'read=committed']) {
        expect(await total(name, WORDS[7]!, rest), `${rest} of ${name}`).toBe(1)
      }
      expect((await query<Page>(name, 'read=live')).found).toHaveLength(WORDS.length)
      await expect(query(name, 'read=live&key=nothing')).rejects.toMatchObject({ code: 'E_NO_KEY' })
    }
  }
  await shown()
  const page = (cursor: string) => query<Page>('w1', `read=live&limit=15${cursor}`)
  const [first, second] = [await page(''), await page(`&cursor=${encodeURIComponent((await page('')).next!)}`)]
  const third = await page(`&cursor=${encodeURIComponent(second.next!)}`)
  expect([first, second, third].map(({ found, next }) => [found.length, next !== null])).toEqual([
    [15, true],
    [15, true],
    [10, false],
  ])
  await expect(page(`&cursor=${encodeURIComponent(live.next!)}`)).rejects.toMatchObject({ code: 'E_LIST_CHANGED' })
  const keys = party.there.map(({ pipelines }) => pipelines.find('count').execution.status.keys)
  expect(keys.reduce((sum, one) => sum + one)).toBe(WORDS.length)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const left = () => {
    collect()
    return stores.filter((store) => store.deref() !== undefined).length
  }
  await expect.poll(left).toBe(0)
  const { generation } = party.there[0]!.pipelines.worker.cluster
  await party.end(party.guest('w3'))
  await expect.poll(() => party.there[0]!.pipelines.worker.cluster.generation).toBeGreaterThan(generation)
  await shown()
  // Nothing of it has ever been here.
  party.guests.push(await party.invite('w4', 1))
  expect(await total('w4', WORDS[7]!, 'read=live')).toBe(1)
  expect((await query<Page>('w4', 'read=committed')).found).toHaveLength(WORDS.length)
  await party.submit('count', count(port))
  await expect(page(`&cursor=${encodeURIComponent(first.next!)}`)).rejects.toMatchObject({ code: 'E_LIST_CHANGED' })
})

test('a token that no record stands behind is late, and one that is none is refused', async () => {
  const { party, client, query } = await counting(2)
  await client.send(WORDS)
  await client.flush('journaled')
  const before = client.token()
  const later = writeToken({ ...readToken(before), sequence: 1000 })
  const stranger = writeToken({ ...readToken(before), producer: 'nobody' })
  for (const token of [later, stranger]) {
    for (const rest of ['key=word%201', 'key=word%201&read=committed', 'limit=5']) {
      await expect(query('w1', `${rest}&after=${token}&wait=300`)).rejects.toMatchObject({ code: 'E_READ_LATE' })
    }
  }
  // A barrier of another term, and one that has not come.
  const term = party.guest('w1').pipelines.find('count').execution.term
  const own = (behind: object | string) => {
    const text = typeof behind === 'string' ? behind : JSON.stringify(behind)
    return query('w1', `own=200&limit=0&behind=${encodeURIComponent(text)}`)
  }
  expect(await own({ term, epoch: 0 })).toMatchObject({ generation: 1 })
  expect(await own({ term: '1.7', epoch: 0 })).toBeNull()
  expect(await own({ term, epoch: 1_000_000 })).toBeNull()
  for (const wrong of ['none', { term }, { term, epoch: -1 }]) {
    await expect(own(wrong)).rejects.toMatchObject({ code: 'E_CONTROL_REQUEST' })
  }
  await expect(query('w1', 'after=p1.x')).rejects.toMatchObject({ code: 'E_READ_TOKEN' })
  const elsewhere = writeToken({ ...readToken(before), source: 'other/lines' })
  await expect(query('w1', `after=${elsewhere}`)).rejects.toMatchObject({ code: 'E_READ_TOKEN' })
  await expect(query('w1', 'read=linearizable')).rejects.toMatchObject({ code: 'E_READ_LEVEL' })
  await expect(query('w2', 'read=linearizable&key=nothing')).rejects.toMatchObject({ code: 'E_NO_KEY' })
  client.close()
})

/** Two steps that hold records back, and the counts behind each of them. */
const holding = (
  port: number,
) => `  const asked = p.source('lines', p8.tcpSource({ port: ${port}, framing: p8.lines(), protocol: 'acked' }))
    .asyncMap('ask', async (line) => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      return line
    })
    .keyBy('by-line', (line) => line)
  asked
    .mapWithState('count', { init: () => ({ total: 0 }), step: (state, line) => ({ line, total: ++state.total }) })
    .sink('nowhere', p8.nullSink())
  asked
    .aggregate('sum', {
      init: () => ({ total: 0 }),
      add: (state) => { state.total++ },
      result: ({ total }, line) => ({ line, total }),
      every: 700,
    })
    .keyBy('again', ({ line }) => line)
    .mapWithState('last', { init: () => ({ total: 0 }), step: (state, { total }) => { state.total = total } })
    .sink('nowhere-else', p8.nullSink())`

test('a step behind others that hold records back shows what was acknowledged once these have sent it on', async () => {
  const party = await new Party({ checkpointIntervalMs: 1_000_000 }).open(3)
  const port = await freePort()
  await party.submit('holding', holding(port))
  const client = await connect({ port, source: 'lines', producer: 'till' })
  for (let round = 1; round <= 2; round++) {
    await client.send(WORDS)
    const token = await client.flush('journaled')
    const looks = party.there.flatMap(({ name, api }, i) =>
      ['count', 'sum', 'last'].map(async (step, j) => {
        const read = ['live', 'committed', 'linearizable'][(i + j + round) % 3]!
        // Those that are called last.
        const key = encodeURIComponent(WORDS.at(-1 - i)!)
        const rest = `key=${key}&read=${read}&after=${token}&wait=20000`
        const { found } = await api.get<Found>(`/v1/pipelines/holding/state/${step}?${rest}`)
        return [name, step, read, found.state.total]
      }),
    )
    for (const [name, step, read, total] of await Promise.all(looks)) {
      expect(total, `${step} of ${name}, ${read}`).toBe(round)
    }
  }
  client.close()
})
