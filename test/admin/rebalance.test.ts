/**
 * Sharing out work anew in a cluster on real sockets: the plan follows what was measured, is done as it was shown,
 * leaves every count exact, and is refused while another change is under way.
 */
import { expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import type { RebalanceView } from '../../src/admin/rebalance.ts'
import type { ControlClient } from '../../src/cli/control-client.ts'
import { type Client, connect } from '../../src/client.ts'
import { Party } from './party.ts'

const GROUPS = 16
const WORDS = Array.from({ length: 200 }, (_, i) => `word ${i}`)

interface Place {
  readonly keyGroup: number
  readonly worker: string
}

async function placeOf(api: ControlClient, key: string): Promise<Place> {
  return (await api.get<Place[]>(`/v1/cluster/keys/${encodeURIComponent(key)}`))[0]!
}

/** A party that counts words, and the words whose key groups are those of `w1`, which are heavy. */
async function counting(size: number) {
  const party = await new Party({ checkpointIntervalMs: 300 }).open(size)
  const port = await freePort()
  await party.submit(
    'count',
    `  p.source('lines', p8.tcpSource({ port: ${port}, framing: p8.lines(), protocol: 'acked' }))
    .keyBy('by-line', (line) => line)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state) => {
        for (const end = performance.now() + 0.05; performance.now() < end; );
        state.total++
      },
    })
    .sink('nowhere', p8.nullSink())`,
  )
  const client: Client = await connect({ port, source: 'lines', producer: 'till' })
  const { api } = party.guest('w2')
  const places = await Promise.all(WORDS.map((word) => placeOf(api, word)))
  return { party, client, api, places }
}

test('a rebalance moves work from who has most of it, as it was shown, and every count stays exact', async () => {
  const { party, client, api, places } = await counting(2)
  const heavy = WORDS.filter((_, i) => places[i]!.worker === 'w1')
  let sent = 0
  const send = async (): Promise<void> => {
    await client.send(heavy)
    sent++
    await client.flush('journaled')
  }
  while (sent < 20) await send()
  const plan = await api.get<RebalanceView>('/v1/cluster/rebalance?moves=3')
  expect(plan).toMatchObject({ budget: 3, moved: 3, moves: [{ from: 'w1', to: 'w2' }] })
  expect(plan.before).toBeGreaterThan(1.8)
  expect(plan.after).toBeLessThan(plan.before)
  const [w1, w2] = plan.workers
  expect(w1!.load).toBeGreaterThan(10 * w2!.load)
  expect(plan.moves[0]!.keys).toBeGreaterThan(0)
  // Nothing has moved yet.
  expect(await Promise.all(WORDS.map((word) => placeOf(api, word)))).toEqual(places)

  // While everything runs.
  let over = false
  const feeding = (async () => {
    while (!over) await send()
  })()
  const done = await api.post<RebalanceView>('/v1/cluster/rebalance', { moves: 3, measureMs: 200 })
  over = true
  await feeding
  expect(done.moved).toBe(3)
  const now = await Promise.all(WORDS.map((word) => placeOf(api, word)))
  const moved = new Set(now.filter(({ worker }, i) => worker !== places[i]!.worker).map(({ keyGroup }) => keyGroup))
  expect([...moved].toSorted((a, b) => a - b)).toEqual(done.moves[0]!.keyGroups)
  const token = await client.flush('journaled')
  for (const { api } of party.guests) {
    interface Page {
      readonly found: readonly { readonly state: { readonly total: number } }[]
      readonly completeness: { readonly keyGroups: string }
    }
    const path = `/v1/pipelines/count/state/count?after=${token}&wait=20000`
    const { found, completeness } = await api.get<Page>(path)
    expect(completeness.keyGroups).toBe(`${GROUPS}/${GROUPS}`)
    expect(found.map(({ state }) => state.total)).toEqual(heavy.map(() => sent))
  }
  client.close()
})

test('a rebalance has nothing to move where nothing was measured, and is refused while owners change', async () => {
  const { party, client, api, places } = await counting(3)
  expect(await api.get('/v1/cluster/rebalance?moves=8&measureMs=50')).toMatchObject({ moved: 0, moves: [], before: 1 })
  expect(await api.post('/v1/cluster/rebalance', { moves: 8, measureMs: 50 })).toMatchObject({ moved: 0 })
  for (const odd of ['moves=0', 'moves=8&measureMs=abc'])
    await expect(api.get(`/v1/cluster/rebalance?${odd}`)).rejects.toMatchObject({ code: 'E_CONTROL_REQUEST' })

  const heavy = WORDS.filter((_, i) => places[i]!.worker === 'w1')
  for (let i = 0; i < 10; i++) await client.send(heavy)
  await client.flush('stable')
  const { generation } = party.guest('w1').pipelines.worker.cluster
  const both = await Promise.allSettled(
    ['w1', 'w2'].map((name) =>
      party.guest(name).api.post<RebalanceView>('/v1/cluster/rebalance', { moves: 2, measureMs: null }),
    ),
  )
  expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  const refused = both.find((one) => one.status === 'rejected')!
  expect(refused.reason).toMatchObject({ code: 'E_REBALANCE' })
  expect(party.guest('w1').pipelines.worker.cluster.generation).toBe(generation + 1)
  client.close()
})
