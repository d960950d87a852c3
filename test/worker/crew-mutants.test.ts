/** Faults planted where one pipeline runs on several workers, each of which a scenario finds. */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Mutant, runMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./crew-main.ts', import.meta.url))

/** A fault, and the beginning of the name of the scenario that finds it. */
const mutants: readonly (Mutant & { readonly scenario: string })[] = [
  {
    name: 'returns no credit',
    scenario: 'one, two and three',
    file: 'src/worker/execution/far-input.ts',
    text: 'this.inlet.taken(credit)',
    replacement: '',
  },
  {
    name: 'takes the numbers of splits for its own',
    scenario: 'a record that fails',
    file: 'src/protocol/split-names.ts',
    text: 'splits[i] = ours',
    replacement: '',
  },
  {
    name: 'writes key groups that others own',
    scenario: 'all are killed',
    file: 'src/worker/execution/epochs/participating.ts',
    text: 'return this.self.owned.filter((group)',
    replacement: 'return Array.from({ length: this.frame.keyGroups }, (_, group) => group).filter((group)',
  },
  {
    name: 'writes states as a member of the release before cannot read them',
    scenario: 'states with holes',
    file: 'src/worker/execution/running.ts',
    text: 'if (version > 0) this.format',
    replacement: 'if (version < 0) this.format',
  },
  {
    name: 'rolls nothing back',
    scenario: 'one is killed',
    file: 'src/worker/execution/restore/state-return.ts',
    text: 'held.rollback().filter((group) => owned.has(group))',
    replacement: 'held.rollback().filter((group) => group < 0)',
  },
  {
    name: 'does not read what it has gained',
    scenario: 'one is killed',
    file: 'src/worker/execution/restore/state-return.ts',
    text: '[...owned].filter((group) => !standing!.owned.has(group))',
    replacement: '[...owned].filter((group) => group < 0)',
  },
  {
    name: 'leaves the letters of who is gone',
    scenario: 'a record that fails',
    file: 'src/worker/execution/restore/takers.ts',
    text: 'return index >= 0 ? index : chosenBy(worker, generation)',
    replacement: 'return index >= 0 ? index : -1',
  },
  {
    name: 'reads splits on every worker',
    scenario: 'one, two and three',
    file: 'src/worker/execution/sources/replayable-sources.ts',
    text: '[...found].filter((name) => readerOf(name) === generation.self)',
    replacement: '[...found]',
  },
  {
    name: 'goes by key to itself',
    scenario: 'one, two and three',
    file: 'src/dataflow/exchange.ts',
    text: 'return owners[hash >>> shift]!',
    replacement: 'return 0 * owners[hash >>> shift]!',
  },
  {
    name: 'counts an abandoned epoch in the turn of full snapshots',
    scenario: 'an epoch that one cannot save',
    file: 'src/worker/execution/epochs/participating.ts',
    text: 'if (!this.holds) return',
    replacement: 'this.serial++; if (!this.holds) return',
  },
  {
    name: 'brings nothing to the one writer of a sink',
    scenario: 'a sink with one writer',
    file: 'src/worker/execution/far-channels.ts',
    text: '.parallel(task.sink) ? null : SOLE_WRITER',
    replacement: '.parallel(task.sink) ? null : null',
  },
  {
    name: 'lets tasks hold behind an epoch that was abandoned',
    scenario: 'tasks that have held',
    file: 'src/worker/execution/epochs/participating.ts',
    text: 'else this.events.release()',
    replacement: '',
  },
  {
    name: 'writes no more than its turn behind a loss',
    scenario: 'a pack that is lost',
    file: 'src/worker/execution/restore/state-return.ts',
    text: 'for (const damage of lost) this.noteLoss(damage)',
    replacement: '',
  },
  {
    name: 'leaves a lost pack where it stands',
    scenario: 'a pack that is lost',
    file: 'src/worker/execution/epochs/participating.ts',
    text: 'lostPacks.length === 0 ? snapshot',
    replacement: 'lostPacks.length >= 0 ? snapshot',
  },
  {
    name: 'takes a loss in one key group for none',
    scenario: 'a pack that is lost',
    file: 'src/worker/execution/restore/state-return.ts',
    text: 'part === null ? this.owned : [part.keyGroup].filter((group) => this.owned.has(group))',
    replacement: 'part === null ? this.owned : []',
  },
  {
    name: 'drops a batch that cannot be sent as a whole',
    scenario: 'a record that cannot cross',
    file: 'src/worker/execution/far-outlet.ts',
    text: 'this.divide(batch, 0, batch.length, error)',
    replacement: '',
  },
]

test.each(mutants)('$name', (mutant) => {
  const { status, output } = runMutant(mutant, program, [mutant.scenario])
  expect(output).not.toContain('all hold')
  expect(status).toBe(1)
})
