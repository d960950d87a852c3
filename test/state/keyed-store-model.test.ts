import fc from 'fast-check'
import { test } from 'vitest'
import type { Key } from '../../src/base/hash.ts'
import { type Config, Model } from './model.ts'

type Command = (model: Model) => void

const named: Key[] = [
  'a',
  'b',
  '1',
  1,
  1n,
  true,
  0.5,
  -7,
  '',
  'a key that is longer than twelve units',
  'ключ',
  'x'.repeat(40),
]
const key = fc.oneof(
  fc.constantFrom(...named),
  fc.integer({ min: 100, max: 130 }).map((n) => `k${n}`),
)
const after = fc.integer({ min: 0, max: 12 })
const amount = fc.integer({ min: 1, max: 30 })

const shown = (name: string, values: readonly unknown[], command: Command): Command =>
  Object.assign(command, { toString: () => `${name}(${values.map(String).join(', ')})` })

const step = fc
  .tuple(
    key,
    amount,
    after,
    fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  )
  .map((args) => shown('step', args, (model) => model.step(...args)))
const forget = key.map((k) => shown('forget', [k], (model) => model.forget(k)))
const replace = fc.tuple(key, amount).map((args) => shown('replace', args, (model) => model.replace(...args)))
const freeze = fc
  .uniqueArray(fc.integer({ min: 0, max: 3 }), { maxLength: 3 })
  .map((full) => shown('freeze', full, (model) => model.freeze(full)))
const slice = fc.integer({ min: 1, max: 3 }).map((n) => shown('slice', [n], (model) => model.slice(n)))
const complete = fc.constant(shown('complete', [], (model) => model.complete()))
const abandon = fc.constant(shown('abandon', [], (model) => model.abandon()))
const rollback = fc.boolean().map((looks) => shown('rollback', [looks], (model) => model.rollback(looks)))
const restart = fc.nat(3).map((ahead) => shown('restart', [ahead], (model) => model.restart(ahead)))
const load = fc.constant(shown('load', [], (model) => model.load()))
const sweep = fc
  .tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 1, max: 4 }))
  .map((args) => shown('sweep', args, (model) => model.sweep(...args)))

const command = fc.oneof(
  { weight: 24, arbitrary: step },
  { weight: 6, arbitrary: forget },
  { weight: 3, arbitrary: replace },
  { weight: 5, arbitrary: freeze },
  { weight: 4, arbitrary: slice },
  { weight: 4, arbitrary: complete },
  { weight: 2, arbitrary: abandon },
  { weight: 1, arbitrary: rollback },
  { weight: 2, arbitrary: restart },
  { weight: 1, arbitrary: load },
  { weight: 1, arbitrary: sweep },
)
const commands = fc.array(command, { minLength: 20, maxLength: 250, size: 'max' })

const config: fc.Arbitrary<Config> = fc.record({
  keyGroups: fc.constant(4),
  chunkEntries: fc.constantFrom(1, 2, 3, 4096),
  freezeBytes: fc.constantFrom(0, 300, 1 << 20),
  ttlMs: fc.constantFrom(0, 0, 10),
})

test('every complete epoch is what the model held at its freeze, through rollbacks and restarts', () => {
  fc.assert(
    fc.property(config, commands, (chosen, run) => {
      const model = new Model(chosen)
      for (const act of run) act(model)
      model.check()
      model.freeze([])
      model.complete()
      model.restart()
      model.check()
    }),
    { numRuns: 800 },
  )
})
