/** What a worker reads in the beats of others (`src/worker/seat/beat-reader.ts`). */
import { expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { beat as beatPath } from '../../src/checkpoint/layout.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import { type Beat, encodeBeat } from '../../src/cluster/beats.ts'
import type { Clock } from '../../src/env/clock.ts'
import { BeatReader, type Others } from '../../src/worker/seat/beat-reader.ts'

/** Beats that lie in a store, and somebody who reads them once a second. */
class Beats {
  private readonly limits = makeLimits({})
  private readonly lying = new Map<string, Beat>()
  private nowMs = 0
  private readonly reader = new BeatReader(
    {
      limits: this.limits,
      clock: { monotonic: () => this.nowMs } as Clock,
      store: {
        list: (_, done) => done(null, [...this.lying.keys()]),
        read: (path, done) => {
          const found = [...this.lying.values()].find(({ worker }) => path === beatPath(worker))
          done(null, found === undefined ? null : encodeBeat(found))
        },
        remove: (path, done) => {
          for (const worker of this.lying.keys()) if (path === beatPath(worker)) this.lying.delete(worker)
          done(null)
        },
      } as Store,
    },
    'w1',
  )

  beat(worker: string, seen?: number): void {
    const counter = (this.lying.get(worker)?.counter ?? 0) + 1
    const told = seen === undefined ? {} : { seen }
    this.lying.set(worker, { worker, incarnation: worker, address: '', heartbeats: '', hears: [], counter, ...told })
  }

  remove(worker: string): void {
    this.lying.delete(worker)
  }

  /** Whose beats lie there. */
  get there(): readonly string[] {
    return [...this.lying.keys()].toSorted()
  }

  /** The reader's own beat does not reach the store for so many looks. */
  withoutOwn(looks: number): void {
    for (; looks > 0; looks--)
      this.reader.read(
        () => new Set(),
        () => {},
      )
  }

  /** What is read after `ms`: who beats, and what has been seen. */
  read(ms: number): readonly [beating: readonly string[], seen: number] {
    this.nowMs += ms
    this.beat('w1')
    let others: Others | null = null
    this.reader.read(
      () => new Set(),
      (read) => {
        others = read
      },
    )
    const { beats, seen } = others as unknown as Others
    return [beats.map(({ worker }) => worker), seen]
  }
}

test('what a data folder has seen is known by its last beat, also when its worker has died or left', () => {
  const beats = new Beats()
  beats.beat('w2', 7)
  beats.beat('w3')
  expect(beats.read(0)).toEqual([[], 7])
  beats.beat('w3')
  expect(beats.read(1000)).toEqual([['w3'], 7])
  beats.remove('w2')
  beats.beat('w3')
  expect(beats.read(1000)).toEqual([['w3'], 7])
})

test('R3: a beat that lies still for an hour goes, and none that moves, or while the store takes nothing', () => {
  const beats = new Beats()
  const look = (looks: number): void => {
    for (; looks > 0; looks--) {
      beats.beat('w2')
      beats.read(1000)
    }
  }
  beats.beat('gone', 7)
  look(3000)
  beats.withoutOwn(1000)
  expect(beats.there).toEqual(['gone', 'w1', 'w2'])
  look(700)
  expect(beats.there).toEqual(['w1', 'w2'])
  beats.beat('gone')
  look(3000)
  beats.beat('gone')
  look(3000)
  expect(beats.there).toEqual(['gone', 'w1', 'w2'])
})

test('what else lies in the folder of beats is passed over', () => {
  const read: string[] = []
  const store = {
    list: (_, done) => done(null, ['lost+found', 'w2', 'x'.repeat(250)]),
    read: (path, done) => {
      read.push(path)
      done(null, null)
    },
  } as Store
  const reader = new BeatReader({ limits: makeLimits({}), clock: { monotonic: () => 0 } as Clock, store }, 'w1')
  reader.read(
    () => new Set(),
    () => {},
  )
  expect(read).toEqual([beatPath('w2')])
})
