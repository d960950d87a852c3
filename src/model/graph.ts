/**
 * What the fluent API leaves behind: a pipeline as a list of named steps. The validator, the planner and `explain` read
 * it; nothing else remembers how it was written.
 *
 * H1. A step's inputs stand before it in the list, so a graph has no loops.
 * H2. A graph never changes once its pipeline's function has returned.
 */
import { fail } from '../base/errors.ts'
import type { Key } from '../base/hash.ts'
import type { Milliseconds } from '../base/time.ts'
import type { SinkDescription, SourceDescription } from './connector.ts'
import type { StepContext } from './plan.ts'

/** Where a step's records come from: the index of a step, and which of its outputs when it has several. */
export interface Input {
  readonly step: number
  readonly output?: string
}

/** The shape of a step's state, for states that outlive a change of the program. */
export interface Schema<S extends object> {
  /** 1 or more; raise it when the shape of the state changes. */
  readonly version: number
  /**
   * Makes a state of this version from one that version `from` wrote. `from` may be any older version: states that have
   * not changed keep theirs until their key group is written in full again (`limits.horizonEpochs`).
   */
  readonly migrate?: (state: unknown, from: number) => S
}

/** Options of every step with state. */
export interface StateOptions<S extends object> {
  /** A key that no record has touched for this long, in record time, is forgotten; never when left out. */
  readonly ttl?: Milliseconds
  /** The version of the state's shape, and how older ones become this one; version 1 when left out. */
  readonly schema?: Schema<S>
}

/** Options of steps that emit from time to time and not for each record. */
export interface EmitOptions {
  /** The newest result of a changed key is emitted at most once in this time; one second when left out. */
  readonly every?: Milliseconds
}

export interface AsyncOptions {
  /** The most calls that are under way at a time on one worker; 16 when left out. */
  readonly concurrency?: number
  /** A call that takes longer has failed; 30 seconds when left out. */
  readonly timeoutMs?: number
}

type Value = unknown
type State = object

/** One step with what the user gave it, before any default. */
export type Step = { readonly name: string; readonly inputs: readonly Input[] } & (
  | { readonly kind: 'source'; readonly source: SourceDescription<Value> }
  | { readonly kind: 'map'; readonly fn: (value: Value) => Value }
  | { readonly kind: 'filter'; readonly fn: (value: Value) => boolean }
  | { readonly kind: 'flatMap'; readonly fn: (value: Value) => Iterable<Value> }
  | { readonly kind: 'inspect'; readonly fn: (value: Value) => void }
  | { readonly kind: 'merge' }
  | { readonly kind: 'branch'; readonly tests: Readonly<Record<string, (value: Value) => boolean>> }
  | { readonly kind: 'keyBy'; readonly key: (value: Value) => Key }
  | {
      readonly kind: 'asyncMap'
      readonly fn: (value: Value, signal: AbortSignal) => Promise<Value>
      readonly options: AsyncOptions
    }
  | {
      readonly kind: 'mapWithState'
      readonly options: StateOptions<State> & {
        readonly init: (key: Key) => State
        readonly step: (state: State, value: Value, context: StepContext) => Value
      }
    }
  | {
      readonly kind: 'flatMapWithState'
      readonly options: StateOptions<State> & {
        readonly init: (key: Key) => State
        readonly step: (state: State, value: Value, context: StepContext) => Iterable<Value> | undefined
      }
    }
  | {
      readonly kind: 'reduce'
      readonly fn: (sum: Value, value: Value) => Value
      readonly options: StateOptions<State> & EmitOptions
    }
  | {
      readonly kind: 'aggregate'
      readonly options: StateOptions<State> &
        EmitOptions & {
          readonly init: (key: Key) => State
          readonly add: (accumulator: State, value: Value) => void
          readonly combine?: (accumulator: State, other: State) => void
          readonly result: (accumulator: State, key: Key) => Value
        }
    }
  | { readonly kind: 'sink'; readonly sink: SinkDescription<Value> }
)

/** A step without its name and inputs: what the API's methods hand over. */
export type StepBody = Step extends infer S ? (S extends Step ? Omit<S, 'name' | 'inputs'> : never) : never

/** The values that a pipeline was built with. */
export type Parameters = Readonly<Record<string, string | number | boolean>>

export interface Graph {
  readonly name: string
  readonly parameters: Parameters
  readonly steps: readonly Step[]
}

/** Collects steps while a pipeline's function runs. */
export class GraphBuilder {
  private readonly steps: Step[] = []
  private over = false

  /** Adds a step and returns its index. */
  add(name: string, inputs: readonly Input[], body: StepBody): number {
    if (this.over) throw fail('E_BUILD_OVER', { step: name })
    return this.steps.push({ name, inputs, ...body } as Step) - 1
  }

  /** Ends the building (H2). */
  finish(name: string, parameters: Parameters): Graph {
    this.over = true
    return { name, parameters, steps: this.steps }
  }
}
