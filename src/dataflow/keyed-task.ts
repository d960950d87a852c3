/**
 * A stateful step: for each record, the user's function on the state of its key.
 *
 * Y1. One record × one key is all or nothing (PROTOCOLS 9): what a call returns is held until it has returned, and a
 *     call that throws leaves the state as it was.
 * Y2. An entry is touched (`KeyedStore.touch`) before user code can change it, so that a freeze that is being written
 *     keeps its old value.
 * Y3. A step never gives its own state away: the state changes later, the record must not.
 */
import { fail } from '../base/errors.ts'
import type { KeyedPlan } from '../model/plan.ts'
import type { KeyTable } from '../state/key-table.ts'
import type { KeyedStore } from '../state/keyed-store.ts'
import type { Barrier, Batch, BatchPool } from './batch.ts'
import type { Chain } from './chain.ts'
import { isRecordFault } from './collector.ts'
import type { FailureReport } from './failure.ts'
import { InputTask } from './input-task.ts'
import type { Inputs } from './inputs.ts'
import { KeyedContext } from './keyed-context.ts'
import type { TaskReports } from './task.ts'

export type StepPlan = Extract<KeyedPlan, { kind: 'mapWithState' | 'flatMapWithState' }>

export class KeyedTask extends InputTask {
  private readonly plan: StepPlan
  private readonly store: KeyedStore
  private readonly report: FailureReport
  private readonly reports: TaskReports
  private readonly context: KeyedContext

  constructor(
    id: number,
    step: string,
    inputs: Inputs,
    plan: StepPlan,
    store: KeyedStore,
    chain: Chain,
    pool: BatchPool,
    report: FailureReport,
    reports: TaskReports,
  ) {
    super(id, step, inputs, chain, pool)
    this.plan = plan
    this.store = store
    this.report = report
    this.reports = reports
    this.context = new KeyedContext(step)
  }
}
