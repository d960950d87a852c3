/** Faults planted in how a worker carries out its cluster's tables, each of which a cluster in the simulator finds. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Mutant, runMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./town-main.ts', import.meta.url))

/** A fault, a seed shortly before the first that finds it, and what is found. */
const mutants: readonly (Mutant & { readonly from?: number; readonly found: RegExp })[] = [
  {
    name: 'links a member again that was lost',
    file: 'src/worker/neighbours.ts',
    text: '(!known.lost || (known.member && known.incarnation === incarnation))) continue',
    replacement: '!known.lost) continue',
    found: /./,
  },
  {
    name: 'tells the others of a generation over its own links alone',
    file: 'src/worker/neighbours.ts',
    text: 'for (const member of others) this.note(member, true)',
    replacement: 'for (const member of others) this.note(member, false)',
    found: /./,
  },
  {
    name: 'begins before everybody is ready',
    file: 'src/worker/residents.ts',
    text: 'if (this.begun) resident.execution.activate()',
    replacement: 'if (this.begun || resident.run >= 0) resident.execution.activate()',
    found: /./,
  },
  {
    name: 'keeps what ran in the generation before',
    file: 'src/worker/residents.ts',
    text: "if (resident.phase !== 'failed') this.held.set(resident.name, resident.execution.holdings())\n    resident.execution.close()",
    replacement: "if (resident.phase !== 'failed') this.held.set(resident.name, resident.execution.holdings())",
    found: /./,
  },
  {
    name: 'takes its state along into another life',
    file: 'src/worker/residents.ts',
    text: 'for (const { execution } of this.all.values()) execution.close()\n    this.all.clear()\n    this.up.clear()',
    replacement: 'this.up.clear()',
    found: /./,
  },
  {
    name: 'lets pipelines hold after a change of owners that was given up',
    file: 'src/worker/residents.ts',
    text: 'for (const run of message.pipelines) this.up.get(run)?.execution.resume()',
    replacement: 'for (const run of message.pipelines) this.up.get(run)',
    found: /./,
  },
  {
    name: 'does not say which records it has read',
    file: 'src/worker/residents.ts',
    text: "if (record.kind === 'epoch') known?.execution.recorded(record.epoch)",
    replacement: "if (record.kind === 'epoch') known?.execution",
    found: /./,
  },
  {
    name: 'keeps its name in the chain after a new beginning',
    file: 'src/worker/seat.ts',
    text: 'this.writer = new ChainWriter(this.reader, env, { worker, incarnation }, lost)',
    replacement: 'this.writer ??= new ChainWriter(this.reader, env, { worker, incarnation }, lost)',
    found: /./,
  },
  {
    name: 'proposes without looking again',
    file: 'src/worker/look.ts',
    text: 'this.reread ||= reread',
    replacement: 'this.reread ||= reread && this.busy',
    found: /./,
  },
  {
    name: 'hears of nobody that is gone',
    file: 'src/worker/seat.ts',
    text: 'if (this.cluster.generation > 0) this.beginGeneration(this.cluster)',
    replacement: 'if (this.cluster.generation < 0) this.beginGeneration(this.cluster)',
    found: /./,
  },
  {
    name: 'answers no lease',
    file: 'src/worker/seat.ts',
    text: "if (held) this.work.resumeWork('lease')",
    replacement: 'if (held) return',
    found: /./,
  },
  {
    name: 'drops what comes for a pipeline that is not up yet',
    file: 'src/worker/residents.ts',
    text: 'if (this.generation === null || this.waiting >= MOST_EARLY) return',
    replacement: 'if (this.generation === null || this.waiting >= 0 * MOST_EARLY) return',
    found: /./,
  },
]

describe('clusters in the simulator find a worker that', () => {
  test.each(mutants)(
    '$name',
    (mutant) => {
      const { from = 1, found } = mutant
      const { status, output } = runMutant(mutant, program, [String(from), String(from + 29)])
      expect(output).toMatch(/seed \d+: /)
      expect(output).toMatch(found)
      expect(status).toBe(1)
    },
    120_000,
  )
})
