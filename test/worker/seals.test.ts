import { expect, test } from 'vitest'
import { type FileStore, openFileStore } from '../../src/checkpoint/file-store.ts'
import { World } from '../../src/sim/world.ts'
import { sealsIn } from '../../src/worker/seals.ts'

function wait<T>(world: World, ask: (done: (value: T) => void) => void): T {
  let answer: { readonly value: T } | null = null
  ask((value) => {
    answer = { value }
  })
  expect(world.runUntil(() => answer !== null, world.now + 60_000)).toBe(true)
  return answer!.value
}

test('a seal is made once, is seen by whom it concerns, and by nobody else', () => {
  const world = new World(1)
  const volume = world.volume('shared')
  const [one, two, again] = [
    ['w1', 'a'],
    ['w2', 'b'],
    ['w1', 'c'],
  ].map(([worker, incarnation]) => {
    const { env } = world.machine(`${worker}${incarnation}`, { mounts: [{ at: '/shared', volume }] }).start('worker')
    const writer = { worker: worker!, incarnation: incarnation! }
    const store = wait<FileStore>(world, (done) =>
      openFileStore(
        env,
        '/shared/store',
        writer,
        (_, store) => done(store),
        () => {},
      ),
    )
    return sealsIn(store, writer)
  })
  const isSealed = (seals = one!): boolean => wait(world, (done) => seals.isSealed((_, sealed) => done(sealed)))
  expect([isSealed(one), isSealed(two), isSealed(again)]).toEqual([false, false, false])
  expect(wait(world, (done) => two!.seal('w1', 'a', done))).toBe(null)
  expect(wait(world, (done) => again!.seal('w1', 'a', done))).toBe(null)
  expect([isSealed(one), isSealed(two), isSealed(again)]).toEqual([true, false, false])
})
