/**
 * What is shown live by a worker that sees neither the others nor the store (`src/admin/part.ts`, A4): what it owns for
 * as long as its lease lasts, and then nothing, while the others go on without it. Its answers say so.
 */
import { expect, test } from 'vitest'
import { viewCluster } from '../../src/admin/cluster-view.ts'
import { calm } from '../../src/sim/weather.ts'
import type { Pipelines } from '../../src/worker/pipelines/pipelines.ts'
import { Reading } from './reading.ts'

interface Page {
  readonly keys: number
  readonly found: readonly { readonly state: { readonly count: number } }[]
  readonly completeness: { readonly keyGroups: string; readonly missing: readonly { readonly worker: string }[] }
  readonly asOf: { readonly generation: number; readonly epoch: number }
}

interface Refusal {
  readonly error: { readonly code: string }
}

const STATE = '/v1/pipelines/collecting/state/count'
/** Longer than the others wait until they go on without it, in milliseconds. */
const BLIND_MS = 15_000

test('a worker that sees nobody shows what it owns under its lease, and nothing without one', async () => {
  const town = new Reading(1, calm)
  town.start('a', 'b', 'c')
  town.settle('a b c in 1')
  town.of('a').submit()
  town.until(() => town.live.every((station) => town.resident(station)?.phase === 'running'))
  town.addProducer('p', 'a')
  town.send(1000)
  town.until(() => town.producers.every((producer) => producer.settled))
  const ask = async (name: string) => (await town.show(name, `${STATE}?limit=1000`)) as Page
  const shown = ({ completeness, found }: Page) => [completeness.keyGroups, found.length > 0]
  const whole = ['16/16', true]
  expect(shown(await ask('c'))).toEqual(whole)

  town.of('c').machine.haze.over(['/store/'], town.world.now + BLIND_MS)
  for (const other of ['a', 'b']) town.world.network.cut('c', other)
  const [covered, some] = shown(await ask('c'))
  expect([['5/16', '6/16'].includes(covered as string), some]).toEqual([true, true])

  town.until(() => town.of('a').worker!.cluster.generation === 2)
  town.send(1000)
  town.until(() => town.producers.every((producer) => producer.settled))
  const blind = await ask('c')
  expect(blind).toMatchObject({ keys: 0, found: [], completeness: { keyGroups: '0/16' } })
  expect(new Set(blind.completeness.missing.map(({ worker }) => worker))).toEqual(new Set(['a', 'b', 'c']))
  expect(blind.asOf).toEqual({ generation: 1, epoch: 0 })
  for (let key = 0; key < 8; key++) {
    const answer = await town.show('c', `${STATE}?key=${key}&wait=200`)
    expect(answer).toMatchObject({ error: { code: 'E_MEMBER_SILENT' } })
  }
  expect(shown(await ask('a'))).toEqual(whole)

  for (const other of ['a', 'b']) town.world.network.heal('c', other)
  town.until(() => town.standing === 'a b c in 3')
  expect(shown(await ask('c'))).toEqual(whole)
})

test('a worker that knows of no generation has no answer before there is one', async () => {
  const town = new Reading(2, calm)
  town.add('a', 2).start()
  town.until(() => town.of('a').worker!.phase === 'following')
  const code = async (rest: string) => ((await town.show('a', `${STATE}?${rest}`)) as Refusal).error.code
  expect(await code('limit=1000&wait=300')).toBe('E_NO_GENERATION')
  expect(await code('key=1&wait=300')).toBe('E_NO_GENERATION')
  const later = code('limit=1000&wait=30000')
  town.add('b', 2).start()
  expect(await later).toBe('E_NO_PIPELINE')
  // Nor does any key have one, whoever owns it.
  for (let key = 0; key < 8; key++) expect(await code(`key=${key}&wait=300`)).toBe('E_NO_PIPELINE')
})

test('a worker that has not read the chain yet shows that it starts, and is heard by nobody', () => {
  const town = new Reading(3, calm)
  const station = town.add('a', 1)
  station.machine.haze.over(['/store/chain'], town.world.now + BLIND_MS)
  station.start()
  town.until(() => station.worker!.phase === 'booting')
  const worker = station.worker!
  const view = viewCluster({ worker } as Pipelines, 0)
  expect(view).toMatchObject({ mode: 'starting', generation: 0, workers: [] })
  let answer: unknown
  worker.questions.ask('b', '/v1/worker', 100, (none) => (answer = none))
  town.until(() => answer !== undefined)
  expect(answer).toBe(null)
})
