/** What a test sees of a pipeline that has run. Everything it hands out is a copy. */

import { deepCopy } from '../base/deep-copy.ts'
import { fail } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import type { KeyedStore } from '../state/keyed-store.ts'
import type { Execution } from '../worker/execution/execution.ts'
import { contentOf, type DeadLetter } from '../worker/letters/dead-letter.ts'
import { listKeys, lookUp, PageRoom } from '../worker/pipelines/query.ts'
import type { Collector } from './collector.ts'
import type { Outcome } from './pipeline-run.ts'

/** A record that failed. */
export interface TestLetter {
  /** The step that threw. */
  readonly step: string
  /** The record as it came to the task that the step is part of; its bytes where a decoder refused it. */
  readonly value: unknown
  /** The key, where the step is keyed. */
  readonly key: Key | undefined
  /** The record's place in the input of its source. */
  readonly position: number
  /** The error that the step threw: `SyntaxError: …`. */
  readonly error: string
}

type Lists<Rows> = { readonly [N in keyof Rows]: readonly Rows[N][] }

export class RunResult<Rows extends object = Record<string, unknown>> {
  /** What each sink was given, by its name: in order and exactly once, as complete checkpoints hold it. */
  readonly outputs: Lists<Rows>
  /** The same with what recoveries have repeated: what an at-least-once sink shows. */
  readonly attempts: Lists<Rows>
  readonly deadLetters: readonly TestLetter[]
  /** How many checkpoints were completed. */
  readonly epochs: number
  /** How often a worker came back. */
  readonly restarts: number
  /** What the worker said, line by line, with the simulated time in milliseconds; the last lines of a long run. */
  readonly log: readonly string[]
  private readonly executions: readonly Execution[]

  constructor({ sinks, executions, restarts, log }: Outcome) {
    this.executions = executions
    const lists = (of: (sink: Collector) => readonly unknown[]): Lists<Rows> =>
      Object.fromEntries([...sinks].map(([step, sink]) => [step, of(sink)])) as unknown as Lists<Rows>
    this.outputs = lists((sink) => sink.output)
    this.attempts = lists((sink) => sink.attempts)
    this.deadLetters = executions.flatMap(({ deadLetters }) => deadLetters.list(0, Infinity).map(letterOf))
    this.epochs = Math.max(...executions.map(({ status }) => status.figures?.epoch ?? 0))
    this.restarts = restarts
    this.log = log
  }

  // Fields and not methods, so that tests may take them out of a result by name, as they take its lists.

  /** The state that the keyed step `step` has for `key`, or `undefined`. Throws `E_NO_STEP`. */
  readonly state = <S = unknown>(step: string, key: Key): S | undefined => {
    for (const store of this.stores(step)) {
      const found = lookUp(store, key)
      if (found !== null) return copyOf(found.state) as S
    }
    return undefined
  }

  /** All states of the keyed step `step` by key, in no particular order. Throws `E_NO_STEP`. */
  readonly states = <S = unknown>(step: string): Map<Key, S> => {
    const rows = this.stores(step).flatMap((store) => listKeys(store, new PageRoom(Infinity), null).keys)
    return new Map(rows.map(({ key, state }) => [key, copyOf(state) as S]))
  }

  /** Each worker has the keys that it owns. */
  private stores(step: string): readonly KeyedStore[] {
    return this.executions.map(({ stores, pipeline }) => {
      const store = stores.get(step)
      if (store !== undefined) return store
      const known = stores.size === 0 ? 'it has none' : `it has ${[...stores.keys()].join(', ')}`
      throw fail('E_NO_STEP', { pipeline, role: 'keyed step', step, known })
    })
  }
}

function letterOf({ step, given, position, error }: DeadLetter): TestLetter {
  const { key, value } = contentOf(given)
  return { step, value, key, position, error: error.message }
}

function copyOf(state: object): unknown {
  return deepCopy(state)
}
