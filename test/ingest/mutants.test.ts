/** Faults planted in the door, each of which the scenario finds. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Mutant, runMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./scenario-main.ts', import.meta.url))

/** A fault and a seed shortly before the first that finds it. */
const mutants: readonly (Mutant & { readonly from?: number })[] = [
  {
    name: 'acknowledges before the sync',
    file: 'src/ingest/journal.ts',
    text: 'if (batch.acked) this.retained.push(batch)',
    replacement: "if (batch.acked) { batch.state = 'durable'; this.events.durable(batch) }",
  },
  {
    name: 'does not put the rows of producers into the snapshot',
    file: 'src/ingest/streams.ts',
    text: 'return stream.admitted > 0 || stream.sessions > 0 ? stream.row : null',
    replacement: 'return stream.acked ? null : stream.row',
  },
  {
    name: 'drops the tail when it takes over',
    file: 'src/ingest/recovery.ts',
    text: 'this.settle(stream, found.get(stream), admitted.get(stream) ?? 0)',
    replacement: 'this.settle(stream, undefined, stream.position)',
  },
  {
    name: 'takes the position of the whole batch',
    file: 'src/ingest/source.ts',
    text: 'stream.take(current.position, current)',
    replacement: 'stream.take(current.last, current)',
  },
  {
    name: 'tries a failed sync again',
    from: 234,
    file: 'src/ingest/journal.ts',
    text: `      this.underWay--
      if (this.breaks(error)) {
        this.syncing = false
        return
      }`,
    replacement: `      this.underWay--
      if (error !== null) {
        this.syncing = false
        return this.sync()
      }`,
  },
  {
    name: 'loses what a failed write had',
    from: 55,
    file: 'src/ingest/journal.ts',
    text: '[...this.retained, ...this.writing]',
    replacement: '[...this.retained]',
  },
  {
    name: 'trims the journal one epoch early',
    file: 'src/ingest/coverage.ts',
    text: 'stream.covered = Math.max(stream.covered, position)',
    replacement: 'stream.covered = stream.floor = Math.max(stream.covered, position)',
  },
  {
    name: 'cuts the tail one batch short',
    file: 'src/ingest/scan.ts',
    text: 'if (wanted && !bodyFits(window, bodyAt, header)) {',
    replacement: 'if (wanted && (this.fileAt >= this.length || !bodyFits(window, bodyAt, header))) {',
  },
]

describe('the scenario finds a door that', () => {
  test.each(mutants)('$name', (mutant) => {
    const { from = 1 } = mutant
    const { status, output } = runMutant(mutant, program, [String(from), String(from + 199)])
    expect(output).toMatch(/seed \d+: /)
    expect(status).toBe(1)
  })
})
