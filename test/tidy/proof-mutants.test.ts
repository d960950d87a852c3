import { expect, test } from 'vitest'
import { check } from '../../bench/prove/lib/mutant.ts'
import {
  browserMutants,
  clusterMutants,
  killMutants,
  scaleMutants,
  tornMutants,
} from '../../bench/prove/lib/mutants.ts'

test.each([...killMutants, ...tornMutants, ...clusterMutants, ...scaleMutants, ...browserMutants])(
  'the fault "$name" of a proof can still be planted',
  (mutant) => {
    expect(() => check(mutant)).not.toThrow()
  },
)
