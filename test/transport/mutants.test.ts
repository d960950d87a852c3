/** Faults planted in the links, each of which the scenario finds. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Mutant, runMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./scenario-main.ts', import.meta.url))

/** A fault and a seed shortly before the first that finds it. */
const mutants: readonly (Mutant & { readonly from?: number })[] = [
  {
    name: 'delivers what it has had already',
    from: 15,
    file: 'src/transport/link.ts',
    text: 'if (line.expects <= this.received) return',
    replacement: '',
  },
  {
    name: 'drops a frame when it resumes',
    file: 'src/transport/link.ts',
    text: 'this.cursor = theirs',
    replacement: 'this.cursor = Math.min(theirs + 1, this.next)',
  },
  {
    name: 'forgets what it has written',
    file: 'src/transport/link.ts',
    text: 'this.written = Math.max(this.written, this.cursor)',
    replacement: 'this.written = Math.max(this.written, this.cursor); this.retained.release(this.cursor)',
  },
  {
    name: 'does not ask which incarnation dials, nor which one answers',
    from: 30,
    file: 'src/transport/handshake.ts',
    text: 'if (hello.incarnation !== caller.incarnation) return',
    replacement: 'if (about.incarnation === identity.incarnation) return',
  },
  {
    name: 'serves another generation’s dial',
    file: 'src/transport/handshake.ts',
    text: 'if (hello.generation > generation || caller === null)',
    replacement: 'if (caller === null)',
  },
  {
    name: 'does not dial again when it is not yet time',
    file: 'src/transport/dialer.ts',
    text: 'this.askedToWait = true',
    replacement: 'this.stopped = true',
  },
  {
    name: 'returns credit twice',
    file: 'src/transport/credit.ts',
    text: 'this.consumed += bytes',
    replacement: 'this.consumed += 2 * bytes',
  },
  {
    name: 'sends without credit',
    file: 'src/transport/credit.ts',
    text: 'return this.consumed + this.window - this.sent',
    replacement: 'return this.consumed + 2 * this.window - this.sent',
  },
  {
    name: 'lets a watermark overtake a batch',
    file: 'src/transport/outlet.ts',
    text: `    this.batchesTotal++
    this.watermarkAt = -1`,
    replacement: '    this.batchesTotal++',
  },
  {
    name: 'changes a watermark that has left',
    file: 'src/transport/link.ts',
    text: 'if (this.over || sequence < this.written) return false',
    replacement: 'if (this.over || sequence < this.retained.first) return false',
  },
  {
    name: 'never tries another connection beside a silent one',
    file: 'src/transport/dialer.ts',
    text: '++this.unanswered >= this.patience',
    replacement: '++this.unanswered < 0',
  },
  {
    name: 'takes a hello that a later one has overtaken',
    from: 730,
    file: 'src/transport/handshake.ts',
    text: "return overtaken ? { kind: 'passOver' } :",
    replacement: "return overtaken && hello.received > 1e9 ? { kind: 'passOver' } :",
  },
]

describe('the scenario finds links that', () => {
  test.each(mutants)('$name', (mutant) => {
    const { from = 1 } = mutant
    const { status, output } = runMutant(mutant, program, [String(from), String(from + 39)])
    expect(output).toMatch(/seed \d+: /)
    expect(status).toBe(1)
  })
})
