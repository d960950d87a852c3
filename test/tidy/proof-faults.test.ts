import { expect, test } from 'vitest'
import * as mutants from '../../bench/prove/lib/mutants.ts'
import { check } from '../../bench/workers/mutant.ts'

test.each(Object.values(mutants).flat())('the fault "$name" of a proof can still be planted', (mutant) => {
  expect(() => check(mutant)).not.toThrow()
})
