/**
 * Programs in the store: what is damaged there is named, and put right, for good, by whoever submits the program once
 * more. A store that does not answer is asked again.
 */
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { bundle } from '../../src/checkpoint/layout.ts'
import type { Store } from '../../src/checkpoint/store.ts'
import { writeOnce } from '../../src/checkpoint/write-once.ts'
import { type Program, readProgram, storeProgram } from '../../src/worker/pipelines/programs.ts'
import { Sim } from '../checkpoint/fixture.ts'

const program: Program = { hash: 'h', text: 'export default 1', map: '{"sources":[]}' }

/** A store, with what puts the program there and reads it back. */
function scene(sim = new Sim()) {
  const store = sim.open()
  const { clock, log } = sim.process.env
  const { limits } = sim
  return {
    sim,
    store,
    put: () => sim.end((done) => storeProgram({ store, clock, log, limits }, program, done)),
    read: (from: Store = store) =>
      sim.value<Program>((done) => readProgram({ store: from, clock, limits }, program.hash, done)),
  }
}

test('a source map that is damaged is named as a damaged program is, and mended', () => {
  const { sim, store, put, read } = scene()
  expect(put()).toBe(null)
  expect(read()).toEqual(program)
  const bytes = JSON.stringify({ text: program.text, map: program.map.replace(':', ';') })
  sim.end((done) => store.put(bundle('h'), Buffer.from(bytes), done))
  expect(() => read()).toThrow(expect.objectContaining({ code: 'E_BUNDLE_DAMAGED' }))
  expect(put()).toBe(null)
  expect(read()).toEqual(program)
})

test('a program that was put right outlives a loss of power, as the record that names it does', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const sim = new Sim(seed)
    const { store, put } = scene(sim)
    sim.end((done) => writeOnce({ ...sim, clock: sim.clock, store }, bundle('h'), Buffer.from('damaged'), 1, done))
    expect(put()).toBe(null)
    sim.machine.powerOff()
    sim.machine.powerOn()
    sim.process = sim.machine.start('w')
    expect(scene(sim).read()).toEqual(program)
  }
})

test('a program that the store does not give at once is asked for again', () => {
  const { sim, store, put, read } = scene()
  put()
  let refusals = 2
  let refused = /./
  const unwilling = Object.create(store) as Store
  unwilling.read = (path, done) => {
    if (!refused.test(path) || refusals-- <= 0) return store.read(path, done)
    const error = fail('E_STORE', { operation: 'read', path, reason: 'input/output error' })
    sim.clock.soon(() => done(error, null))
  }
  expect(read(unwilling)).toEqual(program)
  // A store that gives nothing at all is waited for.
  refusals = 50
  expect(read(unwilling)).toEqual(program)
  refused = /^bundles/
  refusals = Number.POSITIVE_INFINITY
  expect(() => read(unwilling)).toThrow(expect.objectContaining({ code: 'E_STORE' }))
})
