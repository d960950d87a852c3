/**
 * One worker's share of a plan: its tasks, the channels between them, and the order in which they run.
 *
 * R1. The caller owns the loop: nothing happens outside `step`, except that channels mark tasks as active.
 * R2. `step` waits for nothing, and its tasks read no clock: `now` is an argument. It ends when its budget of task runs
 *     is spent or no task is active. `stopwatch` is for figures, and for whose turn it is: nothing else is decided by
 *     it.
 * R3. Tasks run in the order of the plan (`model/plan.ts`, P3), and each takes what has come before those in front of
 *     it work on: so a batch travels from a source to a sink while it is in the cache, and is gone before a collection
 *     meets it.
 * R4. A call that spoils a state (`spoiled-state.ts`) ends a `step` by that error. No other follows it, for the state
 *     is wrong.
 * R5. Behind a barrier that holds its tasks, and from when that is sent, nobody gives it anything (PROTOCOLS 10): what
 *     came by then would stand in no epoch, and a sink, which holds nothing, would write it all the same.
 */
import { assert } from '../base/assert.ts'
import type { Limits } from '../base/limits.ts'
import { mayPreAggregate } from '../model/lower.ts'
import type { ChannelPlan, KeyedPlan, Plan, TaskPlan } from '../model/plan.ts'
import type { KeyedStore } from '../state/keyed-store.ts'
import { type AggregatePlan, AggregateTask } from './aggregate-task.ts'
import { AsyncTask } from './async-task.ts'
import { type Barrier, type Batch, BatchPool, isHolding } from './batch.ts'
import { Chain, type ChainWiring } from './chain.ts'
import { Channel, type Outlet } from './channel.ts'
import type { Exchange } from './collector.ts'
import { Combiner } from './combiner.ts'
import { type Crossings, type Ends, endsOf } from './crossings.ts'
import { Gather, KeyExchange, type Ownership } from './exchange.ts'
import type { FailureReport } from './failure.ts'
import { guardPlan } from './guard.ts'
import type { HeldRecords } from './held-records.ts'
import type { InputTaskParts } from './input-task.ts'
import { Inputs } from './inputs.ts'
import { KeyedTask } from './keyed-task.ts'
import { comesFromKeys, isCaused, Lineage } from './lineage.ts'
import { SinkTask, type SinkWriter } from './sink-task.ts'
import { type Feed, SourceTask } from './source-task.ts'
import { guardDepth } from './state-depth.ts'
import type { Task, TaskParts, TaskReports } from './task.ts'

/** What the worker gives a runtime and hears from it. */
export interface RuntimeHost {
  readonly limits: Limits
  readonly ownership: Ownership
  /** The ways to the other members, `null` where there are none. */
  readonly crossings: Crossings | null
  /** Look after every call for what would go wrong later (`guard.ts`). */
  readonly development: boolean
  feed(task: TaskPlan & { kind: 'source' }): Feed
  writer(task: TaskPlan & { kind: 'sink' }): SinkWriter
  store(task: TaskPlan & { kind: 'keyed' }): KeyedStore
  /** The most that is copied of a state of `step` before a call that may throw. */
  undoBytes(step: string): number
  /** Whether to look after each call of `step` how deep its state is nested (`state-depth.ts`). */
  looksForDepth(step: string): boolean
  /** What an aggregate or an async step held when its snapshot was taken. */
  pending(task: TaskPlan): readonly HeldRecords[]
  /** The name that a split keeps, whatever its number is here. */
  splitName(number: number): string
  readonly report: FailureReport
  readonly reports: Omit<TaskReports, 'ended'>
  /** All sinks have been given their last record. */
  ended(): void
  /** A task has become active from outside a step. */
  wake(): void
  /** Milliseconds that only rise (R2). */
  stopwatch(): number
}

/** What a task has done so far, for metrics. */
export interface TaskFigures {
  readonly task: number
  readonly step: string
  readonly kind: TaskPlan['kind']
  readonly batchesIn: number
  readonly recordsIn: number
  readonly recordsOut: number
  readonly busyMs: number
  /** Elements that wait in its inputs. */
  readonly waiting: number
}

/** Batches that a task takes in a row at most, within `workMs`, before the others have their turn. */
const AT_ONCE = 8

export class Runtime {
  readonly plan: Plan
  private readonly host: RuntimeHost
  private readonly tasks: readonly Task[]
  private readonly sources: readonly SourceTask[]
  private readonly active: boolean[]
  private readonly busyMs: Float64Array
  /** By channel of the plan. */
  private readonly ends: ReadonlyMap<number, Ends>
  private readonly pool: BatchPool
  private stepping = false
  private sinksLeft: number
  /** R5 */
  private holds = false
  /** Task runs so far: the failure detector watches that it moves. */
  runs = 0
  /** Index of the task that ran last. */
  current = 0

  constructor(plan: Plan, host: RuntimeHost) {
    this.plan = host.development ? guardPlan(plan) : plan
    const { tasks, channels } = this.plan
    this.host = host
    this.pool = new BatchPool(host.limits.batchRecords)
    this.active = tasks.map(() => true)
    this.ends = new Map(channels.map((channel) => [channel.id, this.connect(channel)]))
    this.tasks = tasks.map((task) => this.build(task))
    this.sources = this.tasks.filter((task) => task instanceof SourceTask)
    this.busyMs = new Float64Array(tasks.length)
    this.sinksLeft = tasks.filter((task) => task.kind === 'sink').length
  }

  /** Runs active tasks until `budget` task runs are spent; true when some could go on at once. */
  step(now: number, budget: number): boolean {
    const { tasks, active, busyMs, host } = this
    this.stepping = true
    let busy = true
    let before = host.stopwatch()
    while (busy && budget > 0) {
      busy = false
      for (let t = 0; t < tasks.length; t++) {
        if (!active[t]) continue
        const task = tasks[t]!
        const until = before + host.limits.workMs
        let turns = AT_ONCE
        do {
          active[t] = false
          this.current = t
          this.runs++
          budget--
          if (task.run(now)) active[t] = true
          const after = host.stopwatch()
          busyMs[t]! += after - before
          before = after
        } while (active[t] && --turns > 0 && before < until && task.waits)
        busy = true
      }
    }
    this.stepping = false
    return active.includes(true)
  }

  /** Starts an epoch's end: every source cuts its input and sends the barrier behind it. */
  inject(barrier: Barrier): void {
    this.holds = isHolding(barrier)
    for (const source of this.sources) {
      source.inject(barrier)
      this.wake(source.id)
    }
  }

  /** Lets tasks go on after a barrier that held them. */
  release(): void {
    this.holds = false
    for (const task of this.tasks) {
      task.release()
      this.wake(task.id)
    }
  }

  /** Its tasks run no more. */
  close(): void {
    for (const task of this.tasks) task.close()
  }

  /** Lets sources poll nothing more until `admit`. */
  hold(): void {
    for (const source of this.sources) source.hold()
  }

  /** Lets sources poll again after `hold`. */
  admit(): void {
    for (const source of this.sources) {
      source.admit()
      this.wake(source.id)
    }
  }

  /**
   * Gives records to `task` once more: to its input, or to the chain behind its own step. `fill` puts them into an
   * empty batch, with every column that they need. False when there is no room now, or they would come behind a barrier
   * that holds (R5); then nothing has happened.
   */
  tryAgain(task: number, into: 'input' | 'chain', fill: (batch: Batch) => void): boolean {
    if (this.holds) return false
    const plan = this.plan.tasks[task]!
    const entrance = into === 'input' && plan.kind !== 'source' ? this.entrance(plan.inputs[0]!) : null
    if (entrance?.room === false) return false
    const batch = this.pool.take()
    fill(batch)
    if (entrance !== null) entrance.push(batch)
    else if (!this.tasks[task]!.tryAgain(batch)) {
      this.pool.give(batch)
      return false
    }
    this.wake(task)
    return true
  }

  /** Marks a task as active: something that it waits for has come. */
  wake(task: number): void {
    this.active[task] = true
    if (!this.stepping) this.host.wake()
  }

  /** The earliest time at which a task wants to run by itself; `Infinity` when none does. */
  get due(): number {
    let due = Infinity
    for (const task of this.tasks) if (task.due < due) due = task.due
    return due
  }

  /** Marks the tasks whose time has come. */
  elapse(now: number): void {
    for (const task of this.tasks) if (task.due <= now) this.wake(task.id)
  }

  /** See `Task.heldSince`; of the step `step`. */
  heldSince(step: string): number {
    return this.tasks.reduce((least, task) => (task.step === step ? Math.min(least, task.heldSince) : least), Infinity)
  }

  /** The step that is running, or ran last. */
  get running(): string {
    return this.tasks[this.current]!.running
  }

  /** What each task has done so far. */
  figures(): readonly TaskFigures[] {
    const sum = <T>(ends: readonly T[], of: (end: T) => number): number => ends.reduce((all, end) => all + of(end), 0)
    return this.plan.tasks.map(({ id, step, kind }) => {
      const into = this.plan.channels.filter(({ to }) => to === id).flatMap((channel) => this.endsOf(channel.id).inputs)
      const from = this.plan.channels.filter((one) => one.from === id).flatMap(({ id }) => this.endsOf(id).outlets)
      return {
        ...{ task: id, step, kind, busyMs: this.busyMs[id]! },
        batchesIn: sum(into, (channel) => channel.batchesTotal),
        recordsIn: sum(into, (channel) => channel.recordsTotal),
        recordsOut: sum(from, (channel) => channel.recordsTotal),
        waiting: sum(into, (channel) => channel.length),
      }
    })
  }

  private build(task: TaskPlan): Task {
    const { host, pool } = this
    const reports: TaskReports = {
      ...host.reports,
      ended: () => {
        if (--this.sinksLeft === 0) host.ended()
      },
    }
    const { id, step } = task
    const parts: TaskParts = { id, step, pool, reports }
    switch (task.kind) {
      case 'source': {
        const watermarks = { everyMs: host.limits.watermarkMs, always: isTimed(this.plan) }
        return new SourceTask({ ...parts, feed: host.feed(task), chain: this.chain(task), watermarks })
      }
      case 'keyed':
        return this.buildKeyed(task, task.keyed, {
          ...parts,
          inputs: this.inputs(task.inputs),
          chain: this.chain(task),
        })
      case 'sink': {
        const lineage = isCaused(this.plan, id) ? this.lineage : null
        const outside = { sink: task.sink, writer: host.writer(task), lineage, report: host.report }
        return new SinkTask({ ...parts, inputs: this.inputs(task.inputs), ...outside })
      }
      case 'asyncMap': {
        const inner = { ...parts, inputs: this.inputs(task.inputs), chain: this.chain(task) }
        return new AsyncTask(inner, task, host.pending(task), () => this.wake(id))
      }
    }
  }

  private buildKeyed(task: TaskPlan & { kind: 'keyed' }, planned: KeyedPlan, parts: InputTaskParts): Task {
    const { host } = this
    const keyed = host.looksForDepth(task.step) ? guardDepth(task.step, planned) : planned
    const store = host.store(task)
    if (keyed.kind === 'aggregate') {
      const aggregate = new AggregateTask(parts, keyed, store)
      aggregate.restore(host.pending(task))
      return aggregate
    }
    return new KeyedTask(parts, keyed, store)
  }

  private chain(task: Exclude<TaskPlan, { kind: 'sink' }>): Chain {
    const { host, pool } = this
    const wiring: ChainWiring = {
      outlet: (id) => this.outlet(id),
      saysKey: (id) => this.plan.tasks[this.channel(id).to]!.kind === 'asyncMap' && comesFromKeys(this.plan, task.id),
      exchange: (id) => this.combined(id),
      spread: (id) => (this.endsOf(id).outlets.length > 1 && this.combining(id) === null ? this.exchange(id) : null),
      pool,
      outputsMax: host.limits.maxOutputsPerRecord,
      keyLength: host.limits.keyLength,
      report: host.report,
    }
    return new Chain(task.step, task.chain, wiring)
  }

  private get lineage(): Lineage {
    const { plan, host } = this
    const sender = (channel: number): string => plan.tasks[this.channel(channel).from]!.step
    return new Lineage({ sender, split: (number) => host.splitName(number) })
  }

  private inputs(ids: readonly number[]): Inputs {
    return new Inputs(ids.flatMap((id) => this.endsOf(id).inputs))
  }

  /** What a chain pushes into that does not go by key. */
  private outlet(id: number): Outlet {
    const { outlets } = this.endsOf(id)
    if (outlets.length === 1) return outlets[0]!
    return new Gather(outlets, this.host.crossings!.target(this.channel(id))!)
  }

  private exchange(id: number): KeyExchange {
    return new KeyExchange(this.endsOf(id).outlets, this.host.ownership, this.pool)
  }

  /** The step behind a channel to several workers, where what it is sent may be added up before (PROTOCOLS 10). */
  private combining(id: number): (TaskPlan & { readonly keyed: AggregatePlan }) | null {
    const task = this.plan.tasks[this.channel(id).to]!
    if (this.endsOf(id).outlets.length === 1 || task.kind !== 'keyed') return null
    return mayPreAggregate(task.keyed) ? { ...task, keyed: task.keyed } : null
  }

  private combined(id: number): Exchange {
    const { host, pool } = this
    const task = this.combining(id)
    const exchange = this.exchange(id)
    return task === null
      ? exchange
      : new Combiner(exchange, task.step, task.keyed, pool, host.report, host.undoBytes(task.step))
  }

  /** The way of records from outside into a channel: where they are kept may no longer be where they belong. */
  private entrance(id: number): Outlet {
    return this.channel(id).kind === 'exchange' ? this.exchange(id) : this.outlet(id)
  }

  private channel(id: number): ChannelPlan {
    return this.plan.channels.find((channel) => channel.id === id)!
  }

  private endsOf(id: number): Ends {
    const ends = this.ends.get(id)
    assert(ends !== undefined, 'P1: a task names a channel of the plan')
    return ends
  }

  private connect(plan: ChannelPlan): Ends {
    const { host, pool } = this
    const local = new Channel(plan.id, host.limits.channelBatches)
    const onRoom = () => this.wake(plan.from)
    local.onRoom = onRoom
    const ends = endsOf(plan, local, host.crossings, pool, onRoom)
    for (const input of ends.inputs) input.onElement = () => this.wake(plan.to)
    return ends
  }
}

/** Whether some step forgets keys after a time. */
function isTimed({ tasks }: Plan): boolean {
  return tasks.some((task) => task.kind === 'keyed' && task.keyed.ttlMs !== undefined)
}
