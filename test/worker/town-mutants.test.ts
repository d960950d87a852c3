/** Faults planted in how a worker carries out its cluster's tables, each of which a cluster in the simulator finds. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Mutant, runMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./town-main.ts', import.meta.url))

/** A fault, a seed shortly before the first that finds it, and what is found. */
const mutants: readonly (Mutant & { readonly from?: number; readonly found: RegExp })[] = [
  {
    name: 'takes its state along into another life',
    from: 13,
    file: 'src/worker/pipelines/residents.ts',
    text: 'this.close()\n    this.roster.clear()',
    replacement: 'this.arrivals.leave()\n    this.roster.turn()',
    found: /D2/,
  },
  {
    name: 'does not say which records it has read',
    file: 'src/worker/pipelines/residents.ts',
    text: "if (record.kind === 'epoch') known?.execution.recorded(record.epoch)",
    replacement: "if (record.kind === 'epoch') known?.execution",
    found: /every record is there once|not reached/,
  },
  {
    name: 'fails for what a newer generation has removed',
    from: 890,
    file: 'src/worker/pipelines/arrivals.ts',
    text: 'failed: (error) => this.seams.follow(() => told((resident) => this.fail(resident, error))),',
    replacement: 'failed: (error) => told((resident) => this.fail(resident, error)),',
    found: /has not fallen/,
  },
]

describe('clusters in the simulator find a worker that', () => {
  test.each(mutants)('$name', (mutant) => {
    const { from = 1, found } = mutant
    const { status, output } = runMutant(mutant, program, [String(from), String(from + 29)])
    expect(output).toMatch(/seed \d+: /)
    expect(output).toMatch(found)
    expect(status).toBe(1)
  })
})
