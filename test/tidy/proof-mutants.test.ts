import { expect, test } from 'vitest'
import { check } from '../../bench/prove/lib/mutant.ts'
import { clusterMutants, killMutants, scaleMutants, tornMutants } from '../../bench/prove/lib/mutants.ts'

test.each([...killMutants, ...tornMutants, ...clusterMutants, ...scaleMutants])(
  'the fault "$name" of a proof can still be planted',
  (mutant) => {
    expect(() => check(mutant)).not.toThrow()
  },
)
