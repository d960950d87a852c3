/** What people ask of the chain, where the incarnation that asks ends before it is known (`ledger.ts`, L1). */
import { expect, test } from 'vitest'
import { ByteWriter } from '../../src/base/bytes.ts'
import type { Append, Appended, MakeRecord } from '../../src/checkpoint/chain-writer.ts'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { fold } from '../../src/checkpoint/fold.ts'
import type { RecordBody } from '../../src/checkpoint/record.ts'
import { MOST_PIPELINES } from '../../src/protocol/messages.ts'
import { encodeFrame, HANDSHAKE_BYTES, HANDSHAKE_VERSION } from '../../src/transport/wire.ts'
import { Ledger } from '../../src/worker/ledger.ts'
import { submitRecord } from '../../src/worker/pipelines/programs.ts'

const stamp = { writer: 'w1', incarnation: 'i', nonce: 'n' }
const folded = (cluster: Cluster, body: RecordBody): Cluster =>
  fold(cluster, { ...body, ...stamp, n: cluster.next }).cluster
const submitted = (cluster: Cluster, hash: string): Cluster =>
  folded(cluster, submitRecord(cluster, 'p', hash, null, { from: null, drop: [], places: [] })!)

/** A ledger whose writers answer one after another as `outcomes` says. */
function scene(outcomes: readonly (Appended['kind'] | 'closed')[]) {
  const scene = { cluster: submitted(emptyCluster, 'h'), answers: [] as unknown[], asked: 0 }
  const append = (make: MakeRecord, done: Append): void => {
    const kind = outcomes[scene.asked++]!
    if (kind === 'appended') {
      const body = make(scene.cluster)
      if (body === null) return done({ kind: 'withdrawn' })
      scene.cluster = folded(scene.cluster, body)
      return done({ kind, record: { ...body, ...stamp, n: 2 }, counts: true })
    }
    if (kind === 'closed') ledger.close()
    done(kind === 'superseded' ? { kind, generation: 2 } : { kind: 'undecided' })
  }
  const ledger = new Ledger({
    env: { clock: { after: (_: number, act: () => void) => act() } },
    foundation: { limits: {}, store: {} },
    worker: 'w1',
    appender: () => ({ append }),
    cluster: () => scene.cluster,
    door: () => null,
  } as never)
  ledger.withdraw('p', (error) => scene.answers.push(error?.code ?? 'done'))
  return scene
}

test('what may stand or not is asked again by the next incarnation', () => {
  const { cluster, asked, answers } = scene(['undecided', 'superseded', 'appended'])
  expect([asked, answers, cluster.pipelines.size]).toEqual([3, ['done'], 0])
})

test('a worker that ends says that it does not know', () => {
  expect(scene(['closed'])).toMatchObject({ asked: 1, answers: ['E_WORKER_ENDED'] })
})

test('a program that has begun anew since it was asked for does not do so twice', () => {
  const before = submitted(emptyCluster, 'h')
  const how = { from: null, drop: ['count'], places: [], again: true, since: before.next }
  const record = submitRecord(before, 'p', 'h', null, how)!
  const after = folded(before, record)
  expect(submitRecord(after, 'p', 'h', null, how)).toBeNull()
  expect(submitRecord(after, 'p', 'h', null, { ...how, since: after.next })).toMatchObject({ drop: ['count'] })
  expect(submitRecord(after, 'p', 'another', null, how)).toMatchObject({ hash: 'another' })
})

test('G2: no more pipelines run than a message between workers can name; one that runs changes its program', () => {
  const entry = submitted(emptyCluster, 'h').pipelines.get('p')!
  const names = Array.from({ length: MOST_PIPELINES }, (_, n) => `p${n}`)
  const full = { ...emptyCluster, pipelines: new Map(names.map((name) => [name, entry])) }
  const asked = (cluster: Cluster, pipeline: string) =>
    submitRecord(cluster, pipeline, 'other', null, { from: null, drop: [], places: [] })
  expect(asked(full, 'another')).toBeNull()
  expect(asked(full, 'p7')).toMatchObject({ hash: 'other' })
  const drained = { ...full, pipelines: new Map(full.pipelines).set('p7', { ...entry, drained: true }) }
  expect(asked(drained, 'another')).toMatchObject({ hash: 'other' })
  const again = { ...drained, pipelines: new Map(drained.pipelines).set('another', entry) }
  expect(asked(again, 'p7')).toBeNull()
  const { pipelines } = full
  const about = { kind: 'about', worker: 'w', incarnation: 'i', lane: 'control', build: '' } as const
  const programs = Array.from(pipelines.values(), ({ run }) => ({ pipeline: run, hash: 'f'.repeat(64) }))
  const place = { version: HANDSHAKE_VERSION, generation: 0, sequence: 0 }
  encodeFrame(new ByteWriter(), { ...about, pipelines: programs }, place, HANDSHAKE_BYTES)
})

test('G3: no pipeline gets the place of another one, also where that is drained; its own it has again', () => {
  const place = (at: string) => ({ step: 'out', kind: 'file', at })
  const asked = (cluster: Cluster, pipeline: string, ...at: readonly string[]) =>
    submitRecord(cluster, pipeline, `${pipeline} ${at}`, null, { from: null, drop: [], places: at.map(place) })
  const p = folded(emptyCluster, asked(emptyCluster, 'p', 'a', 'b')!)
  const entry = p.pipelines.get('p')!
  const drained = { ...p, pipelines: new Map([['p', { ...entry, drained: true }]]) }
  for (const cluster of [p, drained]) {
    expect(asked(cluster, 'q', 'c', 'b')).toBeNull()
    expect(asked(cluster, 'q', 'c')).toMatchObject({ pipeline: 'q' })
    expect(asked(cluster, 'p', 'b', 'c')).toMatchObject({ pipeline: 'p' })
  }
  // Alone, its next program has written somewhere else from its own record on.
  const moved = folded(p, asked(p, 'p', 'c')!)
  expect(asked(moved, 'q', 'a')).toMatchObject({ pipeline: 'q' })
  expect(asked(moved, 'q', 'c')).toBeNull()
  const left = folded(p, { ...entry, kind: 'submit', generation: 0, pipeline: 'p', hash: null, drop: [], places: [] })
  expect(asked(left, 'q', 'a')).toMatchObject({ pipeline: 'q' })
})
