/** Programs in the store: what is damaged there is named, and put right by whoever submits the program once more. */
import { expect, test } from 'vitest'
import { bundle } from '../../src/checkpoint/layout.ts'
import { type Program, readProgram, storeProgram } from '../../src/worker/pipelines/programs.ts'
import { Sim } from '../checkpoint/fixture.ts'

test('a source map that is damaged is named as a damaged program is, and mended', () => {
  const sim = new Sim()
  const store = sim.open()
  const { clock, log } = sim.process.env
  const program: Program = { hash: 'h', text: 'export default 1', map: '{"sources":[]}' }
  const put = () => sim.end((done) => storeProgram({ store, clock, log, limits: sim.limits }, program, done))
  const read = () => sim.value<Program>((done) => readProgram(store, 'h', done))
  expect(put()).toBe(null)
  expect(read()).toEqual(program)
  const bytes = JSON.stringify({ text: program.text, map: program.map.replace(':', ';') })
  sim.end((done) => store.put(bundle('h'), Buffer.from(bytes), done))
  expect(read).toThrow(expect.objectContaining({ code: 'E_BUNDLE_DAMAGED' }))
  expect(put()).toBe(null)
  expect(read()).toEqual(program)
})
