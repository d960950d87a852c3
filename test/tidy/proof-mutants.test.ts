import { expect, test } from 'vitest'
import { check } from '../../bench/prove/lib/mutant.ts'
import * as mutants from '../../bench/prove/lib/mutants.ts'

test.each(Object.values(mutants).flat())('the fault "$name" of a proof can still be planted', (mutant) => {
  expect(() => check(mutant)).not.toThrow()
})
