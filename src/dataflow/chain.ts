/**
 * THE HOT LOOP: fused stateless steps over one batch.
 *
 * The steps are composed into one closure, built from the leaves back to the head; the loop sets the origin registers
 * and calls it, record by record. Composed closures measured within a few nanoseconds of a generated loop, so nothing
 * is generated.
 *
 * C1. A record that throws in a step leaves nothing behind: its outputs are taken back from every leaf, and it is
 *     reported once, with the step that threw.
 * C2. The loop stops between two records when a leaf is full and its outlet has no room; it goes on from the cursor.
 * C3. Where there is no step, a source's batch goes on as it is: keys and hashes are filled in beside its values.
 */
import type { Key } from '../base/hash.ts'
import { atOnce, oneAtOnce } from '../base/promise.ts'
import type { ChainEnd, ChainOp, ChainPlan } from '../model/plan.ts'
import type { Batch, BatchPool, Marker } from './batch.ts'
import type { Outlet } from './channel.ts'
import {
  type Exchange,
  ExchangeCollector,
  type Fill,
  ForwardCollector,
  isRecordFault,
  type Leaf,
  OriginCollector,
  type Push,
} from './collector.ts'
import type { KeyExchange } from './exchange.ts'
import type { FailureReport } from './failure.ts'
import { Origin } from './origin.ts'
import { severalOf } from './several.ts'
import { SpreadCollector } from './spread-collector.ts'

/** What a chain needs of the runtime to be built. */
export interface ChainWiring {
  readonly outlet: (channel: number) => Outlet
  /** Whether what comes out of `channel` may be held there, and comes from keys: it has to say from which. */
  readonly saysKey: (channel: number) => boolean
  readonly exchange: (channel: number) => Exchange
  /** The exchange of a channel whose records are gathered by the worker that they go to; `null`: by `exchange`. */
  readonly spread: (channel: number) => KeyExchange | null
  readonly pool: BatchPool
  readonly outputsMax: number
  readonly keyLength: number
  readonly report: FailureReport
}

export class Chain {
  readonly origin: Origin
  /** Names of the chain's steps, by `origin.step`; the first is the task's own. */
  readonly steps: string[]
  private readonly head: Push
  private readonly leaves: Leaf[] = []
  private readonly leafOf = new Map<number, Leaf>()
  /** Whether a leaf is full: asked before every record. */
  readonly fill: Fill = { full: false }
  private readonly report: FailureReport
  /** The leaf, where there is one only: nearly always. */
  private readonly only: Leaf | null
  /** True when a source's batches go on as they are (C3). */
  readonly direct: boolean

  constructor(task: string, plan: ChainPlan, wiring: ChainWiring) {
    this.origin = new Origin(wiring.outputsMax)
    this.steps = [task]
    this.report = wiring.report
    this.head = this.compose(plan, wiring, task)
    this.only = this.leaves.length === 1 ? this.leaves[0]! : null
    this.direct = plan.ops.length === 0 && (plan.end.kind === 'forward' || plan.end.kind === 'exchange')
  }

  /** True while the next record may be worked on: where a leaf is full, after an attempt to push its batch on. */
  get room(): boolean {
    return !this.fill.full || this.drain()
  }

  /** Runs the records of `batch` from `cursor` on; answers the index of the first one that it did not get to (C2). */
  run(batch: Batch, cursor: number): number {
    const { head, fill } = this
    for (let i = cursor; i < batch.length; i++) {
      if (fill.full && !this.drain()) return i
      this.enter(batch, i)
      try {
        head(batch.values[i])
      } catch (error) {
        this.takeBack(error, batch.values[i])
      }
    }
    return batch.length
  }

  /** Sends a whole batch on as it is and takes it over; false when there is no room for it (C3). */
  pushWhole(batch: Batch): boolean {
    return this.only!.pushWhole(batch, this.report)
  }

  /** Record `i` of `batch` is worked on next: sets the registers and marks where its outputs begin. */
  enter(batch: Batch, i: number): void {
    const { origin, only } = this
    origin.time = batch.times[i]!
    origin.split = batch.splits[i]!
    origin.position = batch.positions[i]!
    origin.parent = batch.ordinals[i]!
    origin.outputs = 0
    if (only !== null) only.begin()
    else this.begin()
  }

  /** Sends one value of the record that was entered through the steps. */
  get push(): Push {
    return this.head
  }

  /** Marks where the next record's outputs begin. */
  begin(): void {
    const { leaves } = this
    for (let k = 0; k < leaves.length; k++) leaves[k]!.begin()
  }

  /**
   * Takes back the current record and reports it (C1); a fault of ours is thrown on. With `again` false, `given` is no
   * record that the step could be given once more.
   */
  takeBack(error: unknown, given: unknown, key?: Key, again = true): void {
    if (!isRecordFault(error)) throw error
    for (const leaf of this.leaves) leaf.rollback()
    const { origin } = this
    this.report({
      step: this.steps[origin.step]!,
      split: origin.split,
      position: origin.position,
      ordinal: origin.parent,
      time: origin.time,
      key,
      given,
      error,
      ...(again ? {} : { again }),
    })
  }

  /** Pushes full batches on; true when every leaf can take another record. */
  private drain(): boolean {
    let room = true
    for (const leaf of this.leaves) if (!leaf.room && !leaf.drain()) room = false
    this.fill.full = !room
    return room
  }

  /** Pushes on what has been gathered, full or not; false when some of it has to wait. */
  flush(): boolean {
    let done = true
    for (const leaf of this.leaves) if (!leaf.flush() || !leaf.settle()) done = false
    if (done) this.fill.full = false
    return done
  }

  /** Sends a marker behind everything that has been flushed. */
  mark(marker: Marker): void {
    for (const leaf of this.leaves) leaf.mark(marker)
  }

  private compose(plan: ChainPlan, wiring: ChainWiring, step: string): Push {
    // Steps are numbered from the head on, but composed from the leaves back.
    const numbers = plan.ops.map((op) => this.steps.push(op.step) - 1)
    const last = plan.ops.at(-1)?.step ?? step
    let next = this.end(plan.end, wiring, last)
    for (let k = plan.ops.length - 1; k >= 0; k--) next = operation(plan.ops[k]!, numbers[k]!, this.origin, next)
    return next
  }

  private end(end: ChainEnd, wiring: ChainWiring, step: string): Push {
    const { origin, fill } = this
    switch (end.kind) {
      case 'forward':
        return this.leaf(end.channel, () => {
          const outlet = wiring.outlet(end.channel)
          const parts = { pool: wiring.pool, origin, fill, step }
          return wiring.saysKey(end.channel) ? new OriginCollector(outlet, parts) : new ForwardCollector(outlet, parts)
        })
      case 'exchange': {
        const at = this.steps.push(end.step) - 1
        const push = this.leaf(end.channel, () => {
          const { pool, keyLength } = wiring
          const parts = { key: end.key, keyLength, pool, origin, fill, step: end.step }
          const spread = wiring.spread(end.channel)
          return spread === null
            ? new ExchangeCollector(wiring.exchange(end.channel), parts)
            : new SpreadCollector(spread, parts)
        })
        return (value) => {
          origin.step = at
          push(value)
        }
      }
      case 'tee': {
        const branches = end.to.map((branch) => this.compose(branch, wiring, step))
        return (value) => {
          for (const branch of branches) branch(value)
        }
      }
      case 'branch': {
        const at = this.steps.push(end.step) - 1
        const { tests } = end
        const branches = end.to.map((branch) => (branch === null ? null : this.compose(branch, wiring, end.step)))
        return (value) => {
          origin.step = at
          let k = 0
          while (k < tests.length && !holds(tests[k]!(value))) k++
          branches[k]?.(value)
        }
      }
      case 'drop':
        return () => {}
    }
  }

  /**
   * The leaf of `channel`: ways that lead to the same one share it, so that their records keep their order
   * (`model/plan.ts`, P4).
   */
  private leaf(channel: number, make: () => Leaf): Push {
    let leaf = this.leafOf.get(channel)
    if (leaf === undefined) {
      leaf = make()
      this.leafOf.set(channel, leaf)
      this.leaves.push(leaf)
    }
    return leaf.push
  }
}

/** What a test of a user's says: a promise, which would hold whatever comes of it, is no answer. */
function holds(answer: unknown): boolean {
  return Boolean(atOnce(answer))
}

/** One step before `next`. `origin.step` is set before user code runs, and again where it goes on after `next`. */
function operation(op: ChainOp, at: number, origin: Origin, next: Push): Push {
  switch (op.kind) {
    case 'map': {
      const { fn } = op
      return (value) => {
        origin.step = at
        next(atOnce(fn(value)))
      }
    }
    case 'filter': {
      const { fn } = op
      return (value) => {
        origin.step = at
        const kept = fn(value)
        if (kept === true || (kept !== false && holds(kept))) next(value)
      }
    }
    case 'inspect': {
      const { fn } = op
      return (value) => {
        origin.step = at
        atOnce<unknown>(fn(value))
        next(value)
      }
    }
    case 'flatMap': {
      const { fn } = op
      return (value) => {
        origin.step = at
        const results = severalOf(fn(value))
        if (Array.isArray(results)) {
          for (let i = 0; i < results.length; i++) {
            origin.step = at
            next(oneAtOnce(results[i], results))
          }
        } else {
          for (const result of results) {
            next(oneAtOnce(result, results))
            origin.step = at
          }
        }
      }
    }
  }
}
