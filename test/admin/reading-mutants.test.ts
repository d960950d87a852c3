/** Faults in how reads are answered, each of which readers in the simulator find. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Mutant, runMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./reading-main.ts', import.meta.url))

/** A fault, a seed shortly before the first that finds it, and what is found. */
const mutants: readonly (Mutant & { readonly from: number; readonly found: RegExp })[] = [
  {
    name: 'takes any barrier for one behind the token',
    from: 1,
    file: 'src/worker/execution/epochs/passage.ts',
    text: 'if (token.sequence === 0 || this.base',
    replacement: 'if (token.sequence >= 0 || this.base',
    found: /R1/,
  },
  {
    name: 'shows as linearizable what may be rolled back',
    from: 3,
    file: 'src/admin/part.ts',
    text: "if (read === 'linearizable' && !(await",
    replacement: "if (read === 'linearizable' && ms < 0 && !(await",
    found: /R2/,
  },
  {
    name: 'takes any epoch for new enough',
    from: 1,
    file: 'src/admin/state-query.ts',
    text: 'if (!held) return isCovered(plan, sources, after)',
    replacement: 'if (!held) return true',
    found: /R1/,
  },
  {
    name: 'takes no heed of what steps hold back',
    from: 1,
    file: 'src/worker/execution/epochs/passage.ts',
    text: ' && last.heldSince >= epoch',
    replacement: '',
    found: /of mirror .*R1/,
  },
  {
    name: 'takes an epoch of another term for one behind what was held',
    from: 1,
    file: 'src/admin/state-query.ts',
    text: 'return known && epoch >= behind!.epoch',
    replacement: 'return epoch >= (behind?.epoch ?? 0)',
    found: /of mirror .*R1/,
  },
]

describe('readers in the simulator find a worker that', () => {
  test.each(mutants)('$name', (mutant) => {
    const { from, found } = mutant
    const { status, output } = runMutant(mutant, program, [String(from), String(from + 9)])
    expect(output).toMatch(/seed \d+: /)
    expect(output).toMatch(found)
    expect(status).toBe(1)
  })
})
