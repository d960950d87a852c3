/**
 * Looks whether a step depends on anything but its input: every call of a user's function is compared with what the
 * same function answered to the same input before, in this run or in another.
 *
 * U1. The input of a function is all that the engine gives it: the value; for a step with state also the state before
 *     and the key, and the record's time and position where it asks for them. The result is what it returns and the
 *     state that it leaves.
 * U2. What cannot be written down (functions, objects of classes) is not compared. Neither are the functions of
 *     `asyncMap`, which may ask the world, nor those of `inspect`, which answer nothing.
 * U3. So many calls are remembered, and so many bytes of them, and no more; `unknown` counts those that could not be
 *     compared for it.
 * U4. Outputs that come one by one may have no end: no more of them are asked for than the engine asks for.
 */
import { readWritten, written } from '../base/codec/written.ts'
import { deepCopy } from '../base/deep-copy.ts'
import type { Key } from '../base/hash.ts'
import type { Limits } from '../base/limits.ts'
import type { SourceDescription } from '../model/connector.ts'
import type { ChainOp, KeyedPlan, Plan, StepContext } from '../model/plan.ts'
import { rewritePlan } from '../model/rewrite.ts'

/** A step that gave two results for one input. */
export interface Impurity {
  readonly step: string
  /** Which of its functions: `step`, `key`, `decode` … */
  readonly fn: string
  readonly input: string
  readonly first: string
  readonly second: string
}

interface Answer {
  readonly bytes: string
  readonly shown: string
}

/** Longest text of a value in a report. */
const SHOWN_CHARACTERS = 200
/** Bytes of calls that are remembered, with what was answered. */
const CALL_BYTES = 256 << 20

export class Purity {
  readonly impurities = new Map<string, Impurity>()
  /** Calls that were compared with an earlier one. */
  compared = 0
  /** Calls that were not remembered (U3). */
  unknown = 0
  private readonly answers = new Map<string, Answer>()
  private bytes = 0
  private readonly callsMax: number
  private readonly bytesMax: number
  private readonly outputsMax: number

  constructor(limits: Pick<Limits, 'verifyCalls' | 'maxOutputsPerRecord'>, bytesMax = CALL_BYTES) {
    this.callsMax = limits.verifyCalls
    this.bytesMax = bytesMax
    this.outputsMax = limits.maxOutputsPerRecord
  }

  /** `plan` with functions whose answers are compared. */
  watch(plan: Plan): Plan {
    return rewritePlan(plan, {
      source: (step, source) => this.source(step, source),
      sink: (step, sink) => ({ ...sink, encode: this.pure(step, 'encode', sink.encode) }),
      op: (op) => this.op(op),
      key: (step, fn) => this.pure(step, 'key', fn),
      choice: (step, output, fn) => this.pure(step, output, fn),
      keyed: (step, keyed) => this.keyed(step, keyed),
      call: (_step, fn) => fn, // U2
    })
  }

  private source(step: string, source: SourceDescription<unknown>): SourceDescription<unknown> {
    const { decoder } = source
    const decode = (bytes: Buffer, start: number, end: number): unknown => {
      const input = written(bytes.subarray(start, end))
      return this.compare(step, 'decode', input, () => decoder.decode(bytes, start, end))
    }
    return { ...source, decoder: { kind: decoder.kind, decode } }
  }

  private op(op: ChainOp): ChainOp {
    switch (op.kind) {
      case 'map':
        return { ...op, fn: this.pure(op.step, 'map', op.fn) }
      case 'filter':
        return { ...op, fn: this.pure(op.step, 'filter', op.fn) }
      case 'flatMap':
        return { ...op, fn: this.spread(op.step, op.fn) }
      case 'inspect':
        return op
    }
  }

  private keyed(step: string, keyed: KeyedPlan): KeyedPlan {
    const init = this.pure(step, 'init', keyed.init)
    if (keyed.kind === 'aggregate') {
      const { add, combine, result } = keyed
      return {
        ...keyed,
        init,
        add: (accumulator, value) => {
          this.compare(step, 'add', written([accumulator, value]), () => add(accumulator, value), accumulator)
        },
        combine:
          combine &&
          ((accumulator, other) => {
            this.compare(step, 'combine', written([accumulator, other]), () => combine(accumulator, other), accumulator)
          }),
        result: (accumulator, key) =>
          this.compare(step, 'result', written([accumulator, key]), () => result(accumulator, key)),
      }
    }
    if (keyed.kind === 'mapWithState') {
      return { ...keyed, init, step: (state, value, context) => this.visit(step, keyed.step, state, value, context) }
    }
    const all = (state: object, value: unknown, context: StepContext): unknown[] | undefined => {
      const outputs = keyed.step(state, value, context)
      return outputs === undefined ? undefined : firstOf(outputs, this.outputsMax + 1)
    }
    return { ...keyed, init, step: (state, value, context) => this.visit(step, all, state, value, context) }
  }

  /**
   * Calls a step with state. What it asks its context for is part of the input, what it tells it part of the answer.
   */
  private visit<R>(
    step: string,
    fn: (state: object, value: unknown, context: StepContext) => R,
    state: object,
    value: unknown,
    context: StepContext,
  ): R {
    const before = written([state, context.key, value])
    const watched = new WatchedContext(context)
    try {
      const result = fn(state, value, watched)
      this.check(step, 'step', before, [result, state, watched.told], watched.asked)
      return result
    } catch (error) {
      this.check(step, 'step', before, thrown(error), watched.asked)
      throw error
    }
  }

  private pure<A, R>(step: string, name: string, fn: (argument: A) => R): (argument: A) => R {
    return (argument) => this.compare(step, name, written(argument), () => fn(argument))
  }

  /** What comes of `fn` one by one goes on as it comes, and is compared once it has ended (U4). */
  private spread(step: string, fn: (value: unknown) => Iterable<unknown>): (value: unknown) => Iterable<unknown> {
    const answered = (input: string | null, result: unknown): void => this.check(step, 'flatMap', input, result)
    function* following(input: string | null, results: Iterable<unknown>): Generator<unknown> {
      const all: unknown[] = []
      try {
        for (const result of results) {
          // Later steps may change it.
          all.push(deepCopy(result))
          yield result
        }
      } catch (error) {
        answered(input, thrown(error))
        throw error
      }
      answered(input, all)
    }
    return (value) => {
      const input = written(value)
      try {
        const results = fn(value)
        if (!Array.isArray(results) && isIterable(results)) return following(input, results)
        answered(input, results)
        return results
      } catch (error) {
        answered(input, thrown(error))
        throw error
      }
    }
  }

  /** Calls `call` and compares what it returns, and what `changed` has become. */
  private compare<R>(step: string, name: string, input: string | null, call: () => R, changed?: object): R {
    try {
      const result = call()
      this.check(step, name, input, changed === undefined ? result : [result, changed])
      return result
    } catch (error) {
      this.check(step, name, input, thrown(error))
      throw error
    }
  }

  private check(step: string, fn: string, input: string | null, result: unknown, asked = ''): void {
    const bytes = input === null ? null : written(result)
    if (input === null || bytes === null) return
    const call = [step, fn, asked, input].join('\n')
    const known = this.answers.get(call)
    if (known === undefined) {
      this.remember(call, bytes, result)
      return
    }
    this.compared++
    if (known.bytes === bytes || this.impurities.has(step)) return
    this.impurities.set(step, {
      step,
      fn,
      input: show(readWritten(input)) + asked,
      first: known.shown,
      second: show(result),
    })
  }

  /** U3. */
  private remember(call: string, bytes: string, result: unknown): void {
    const size = call.length + bytes.length
    if (this.answers.size === this.callsMax || this.bytes + size > this.bytesMax) {
      this.unknown++
      return
    }
    this.bytes += size
    this.answers.set(call, { bytes, shown: show(result) })
  }
}

/** Notes what a step asks its context for, and what it tells it. */
class WatchedContext implements StepContext {
  asked = ''
  told: unknown = null
  private readonly context: StepContext

  constructor(context: StepContext) {
    this.context = context
  }

  get key(): Key {
    return this.context.key
  }

  get time(): number {
    const { time } = this.context
    this.asked += ` time=${time}`
    return time
  }

  get position(): number {
    const { position } = this.context
    this.asked += ` position=${position}`
    return position
  }

  forget(): void {
    this.told = 'forget'
    this.context.forget()
  }

  replace(state: object): void {
    this.told = state
    this.context.replace(state)
  }
}

function isIterable(results: unknown): results is Iterable<unknown> {
  return typeof (results as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] === 'function'
}

/** The first of `outputs`, up to `most` that are something. */
function firstOf(outputs: Iterable<unknown>, most: number): unknown[] {
  const first: unknown[] = []
  let count = 0
  for (const output of outputs) {
    first.push(output)
    if (output !== undefined && ++count === most) break
  }
  return first
}

/** What stands for an error among answers: no value of a step has this form by chance. */
function thrown(error: unknown): object {
  return { threw: String(error) }
}

function show(value: unknown): string {
  const plain = (_name: string, inner: unknown): unknown => {
    if (typeof inner === 'bigint') return `${inner}n`
    if (inner instanceof Map) return [...inner]
    return inner instanceof Set ? [...inner] : inner
  }
  const text = JSON.stringify(value, plain) ?? 'nothing'
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}
