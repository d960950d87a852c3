/** What crosses, waits and is kept has its holes, and no prototype where it had none. */
import { expect, test } from 'vitest'
import { expected, sayAll } from './exact.ts'

test.for([1, 2, 3])(
  'holes and dictionaries are what they were on %i workers, of which one is killed',
  async (workers) => {
    expect(await sayAll(workers)).toEqual(expected())
  },
)
