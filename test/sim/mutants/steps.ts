/** Barriers and steps. */
import type { SimMutant } from './mutant.ts'

export const stepMutants: readonly SimMutant[] = [
  {
    name: 'past-the-barrier',
    file: 'src/dataflow/inputs.ts',
    text: 'input.blocked = true',
    replacement: 'input.blocked = this.inputs.length === 1',
  },
  {
    name: 'barrier-past-what-has-ended',
    swarm: 'clusters',
    bend: 'whole',
    seed: 86000218,
    file: 'src/dataflow/inputs.ts',
    text: 'this.inputs.every((input) => input.blocked)) return',
    replacement: 'this.inputs.every((input) => input.blocked || input.ended)) return',
  },
  {
    name: 'barrier-overtakes-records',
    file: 'src/dataflow/input-task.ts',
    text: `    this.stuck = !this.chain.flush()
    if (this.stuck) return false
    if (marker.kind === 'barrier')`,
    replacement: `    if (marker.kind === 'barrier')`,
  },
  {
    name: 'throwing-step-leaves-a-trace',
    file: 'src/dataflow/keyed-task.ts',
    text: 'if (before !== null) table.replace(entry, store.copier.taken(before))',
    replacement: 'if (before !== null) store.copier.taken(before)',
  },
  {
    name: 'pending-results-not-saved',
    file: 'src/dataflow/aggregate-task.ts',
    text: 'this.reports.freeze(barrier, this.id, this.store, this.pending.freeze())',
    replacement: 'this.reports.freeze(barrier, this.id, this.store, [])',
  },
  {
    name: 'two-ways-to-one-task',
    file: 'src/model/planner.ts',
    text: 'if (known !== undefined) return known.id',
    replacement: 'if (known !== undefined && known.id < 0) return known.id',
  },
  {
    name: 'drained-task-goes-on',
    rare: 'a drain leaves nothing that could come due; where owners change what comes due comes out once more under the same ids, and is in no epoch; a test of the dataflow shows it',
    file: 'src/dataflow/input-task.ts',
    text: "this.behindBarrier = marker.kind === 'barrier' && isHolding(marker)",
    replacement: 'this.behindBarrier = marker.kind.length === 0',
  },
  // States that are not copied before each call
  ...[
    {
      name: 'half-done-change-stays',
      file: 'src/dataflow/keyed-task.ts',
      text: 'if (bare && isRecordFault(error)) throw new SpoiledState(this.step, error)',
      replacement: '',
    },
    {
      name: 'half-done-sum-stays',
      file: 'src/dataflow/aggregate-task.ts',
      text: 'else if (isRecordFault(error)) throw new SpoiledState(this.step, error)',
      replacement: '',
    },
    {
      name: 'spoiled-record-lost',
      file: 'src/dataflow/keyed-task.ts',
      text: 'if (bare && isRecordFault(error)) throw new SpoiledState(this.step, error)',
      replacement: 'if (bare && isRecordFault(error)) continue',
    },
    {
      name: 'spoiled-again-and-again',
      file: 'src/worker/execution/restore/way-up.ts',
      text: 'for (const step of this.options.careful.keys()) stores.get(step)?.copier.guardAll()',
      replacement: '',
    },
  ].map((one): SimMutant => ({ ...one, swarm: 'clusters', bend: 'large-states' })),
  // States that are nested too deep to be written, and sums that are changed in place
  ...[
    {
      name: 'too-deep-and-kept',
      file: 'src/worker/execution/epochs/participating.ts',
      text: 'this.events.tooDeep(step, error)',
      replacement: '',
    },
    {
      name: 'too-deep-and-not-looked-at',
      file: 'src/worker/execution/running.ts',
      text: "careful.get(step) === 'lookedAt',",
      replacement: 'step.length === 0,',
    },
    {
      name: 'deep-sums-not-looked-at',
      file: 'src/dataflow/state-depth.ts',
      text: 'look(accumulator)',
      replacement: '',
    },
    {
      name: 'what-replaces-a-state-not-looked-at',
      file: 'src/dataflow/state-depth.ts',
      text: `look(stateAfter(state, context))
        return result`,
      replacement: `look(state)
        return result`,
    },
    {
      name: 'too-deep-and-held',
      file: 'src/dataflow/async-task.ts',
      text: 'if (fault !== null) this.refuse(batch, i, fault)',
      replacement: 'if (fault !== null && i < 0) this.refuse(batch, i, fault)',
    },
    {
      name: 'results-shared-with-their-sums',
      file: 'src/dataflow/aggregate-task.ts',
      text: 'chain.push(deepCopy(result))',
      replacement: 'chain.push(result)',
    },
    {
      name: 'sums-that-are-records',
      file: 'src/model/lower.ts',
      text: '(sum as Sum).value = deepCopy(value)',
      replacement: '(sum as Sum).value = value',
    },
  ].map((one): SimMutant => ({ ...one, bend: 'keeping' })),
]
