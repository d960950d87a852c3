/** A runtime on a stage: feeds and writers in memory, so that a test sees every record and every marker. */
import type { Json } from '../../src/base/json.ts'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import type { Barrier, Batch } from '../../src/dataflow/batch.ts'
import type { Crossings } from '../../src/dataflow/crossings.ts'
import type { Failure } from '../../src/dataflow/failure.ts'
import type { HeldRecords } from '../../src/dataflow/held-records.ts'
import { Runtime } from '../../src/dataflow/runtime.ts'
import type { Apart, SinkWriter } from '../../src/dataflow/sink-task.ts'
import type { Feed } from '../../src/dataflow/source-task.ts'
import type { Plan } from '../../src/model/plan.ts'
import { KeyedStore } from '../../src/state/keyed-store.ts'

class ListFeed implements Feed {
  readonly values: unknown[]
  at = 0
  ends = true
  ordered = true

  constructor(values: unknown[]) {
    this.values = values
  }

  poll(into: Batch, max: number, now: number): 'more' | 'idle' | 'ended' {
    while (this.at < this.values.length && into.length < max) {
      const i = into.length
      into.values[i] = this.values[this.at]
      into.times[i] = now
      into.splits[i] = 0
      into.positions[i] = ++this.at
      into.ordinals[i] = 0
      into.length++
    }
    if (this.at < this.values.length) return 'more'
    return this.ends ? 'ended' : 'idle'
  }

  get quiet(): boolean {
    return this.at === this.values.length
  }

  cut(): Json {
    return this.at
  }
}

class TextWriter implements SinkWriter {
  text = ''
  room = true
  /** What `text` was when each barrier came. */
  readonly barriers: [epoch: number, text: string][] = []

  /** Each record with its id, for sinks that are told them apart. */
  readonly apart: [id: string | null, text: string][] = []

  write(bytes: Buffer, _records: number, apart?: Apart): boolean {
    this.text += bytes
    for (const [i, end] of (apart?.ends ?? []).entries()) {
      this.apart.push([apart?.ids?.[i] ?? null, bytes.toString('utf8', apart?.ends[i - 1] ?? 0, end)])
    }
    return this.room
  }

  barrier(epoch: number, _generation: number, done: (held: Json) => void): void {
    this.barriers.push([epoch, this.text])
    done(null)
  }
}

export interface Stage {
  readonly runtime: Runtime
  readonly feeds: Map<string, ListFeed>
  readonly writers: Map<string, TextWriter>
  readonly stores: Map<string, KeyedStore>
  readonly failures: Failure[]
  readonly cuts: [epoch: number, task: number, position: Json][]
  readonly frozen: [epoch: number, task: number][]
  readonly pending: (readonly HeldRecords[])[]
  ended: boolean
  /** Runs until nothing is active. */
  settle(now?: number): void
}

export function stage(
  plan: Plan,
  inputs: Record<string, unknown[]>,
  { crossings = null, ...changes }: Partial<Limits> & { readonly crossings?: Crossings | null } = {},
  held: Record<string, readonly HeldRecords[]> = {},
  development = false,
  stopwatch = () => 0,
  looksForDepth = false,
): Stage {
  const limits = makeLimits({ keyGroups: 8, batchRecords: 4, channelBatches: 2, ...changes })
  const feeds = new Map<string, ListFeed>()
  const writers = new Map<string, TextWriter>()
  const stores = new Map<string, KeyedStore>()
  const made: Omit<Stage, 'runtime' | 'settle'> = {
    feeds,
    writers,
    stores,
    failures: [],
    cuts: [],
    frozen: [],
    pending: [],
    ended: false,
  }
  const shift = Math.clz32(limits.keyGroups) + 1
  const runtime = new Runtime(plan, {
    limits,
    development,
    ownership: { owners: new Uint16Array(limits.keyGroups), shift },
    crossings,
    feed: (task) => remember(feeds, task.step, new ListFeed(inputs[task.step] ?? [])),
    writer: (task) => remember(writers, task.step, new TextWriter()),
    store: (task) => {
      const { step } = task
      const options = {
        step,
        keyGroups: limits.keyGroups,
        shift,
        timed: task.keyed.ttlMs !== undefined,
        schemaVersion: 1,
        limits,
      }
      return remember(stores, step, new KeyedStore(options))
    },
    undoBytes: () => limits.undoBytes,
    looksForDepth: () => looksForDepth,
    pending: (task) => held[task.step] ?? [],
    splitName: (number) => `split ${number}`,
    report: (failure) => made.failures.push(failure),
    reports: {
      cut: (barrier: Barrier, task: number, position: Json) => made.cuts.push([barrier.epoch, task, position]),
      freeze: (barrier, task, _store, pending) => {
        made.frozen.push([barrier.epoch, task])
        if (pending !== null) made.pending.push(pending)
      },
      hold: (_barrier, _task, held) => made.pending.push(held),
      reached: () => {},
      prepared: () => {},
    },
    ended: () => {
      stageOf.ended = true
    },
    wake: () => {},
    stopwatch,
  })
  const stageOf: Stage = Object.assign(made, {
    runtime,
    settle: (now = 0) => {
      while (runtime.step(now, 7)) {}
    },
  })
  return stageOf
}

function remember<T>(map: Map<string, T>, name: string, value: T): T {
  map.set(name, value)
  return value
}
