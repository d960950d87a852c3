/**
 * Witnesses what the engine does with the user's functions: makes a plan whose functions are those of another plan and
 * leave a trace. Records travel as `Traced`, states are kept as `Kept`; the engine knows neither.
 */
import type { Key } from '../../src/base/hash.ts'
import type { SinkDescription, SourceDescription } from '../../src/model/connector.ts'
import type { ChainEnd, ChainOp, ChainPlan, KeyedPlan, Plan, StepContext, TaskPlan } from '../../src/model/plan.ts'
import { heardBy, type Later } from './answers.ts'
import type { Visit } from './checkers/evidence.ts'
import { isMendable } from './graphs.ts'

/** A record on its way. A plain object, so that it may be encoded. */
export interface Traced {
  readonly cause: string
  readonly value: unknown
}

/** A state with the number of the visit that left it, and its form. */
export interface Kept {
  at: number
  readonly form: number
  readonly key: Key
  state: object
}

/** Stands between the cause and the rest, in records and in lines of output. */
const BAR = '|'
/** Stands between the cause of a record and its length. */
const LENGTH = '~'

/** The bytes of the record `cause`: what comes of them with a part missing is told from the whole. */
export function labelled(cause: string, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${cause}${LENGTH}${bytes.length}${BAR}`, 'latin1'), bytes])
}

/**
 * F1. A function is given states of the form of its own version, and what makes these of another form is given that
 *     one.
 */
export class Witness {
  readonly complaints: string[] = []
  readonly visits: (Visit | undefined)[] = [undefined]
  /** The highest sequence that was decoded, by life. */
  readonly seen = new Map<string, number>()
  /** Functions that can be mended let pass what they refuse, from now on. */
  mended = false

  /**
   * `plan` with functions that leave a trace, and whose answers come `later`; it is that of the program of this number,
   * and what its steps keep has this form.
   */
  trace(plan: Plan, later: Later, program = 0, form = 1): Plan {
    return { ...plan, tasks: plan.tasks.map((task) => this.task(task, later, program, form)) }
  }

  private task(task: TaskPlan, later: Later, program: number, form: number): TaskPlan {
    switch (task.kind) {
      case 'source':
        return { ...task, source: this.source(task.source), chain: this.chain(task.chain) }
      case 'keyed':
        return { ...task, keyed: this.keyed(task.step, task.keyed, program, form), chain: this.chain(task.chain) }
      case 'asyncMap':
        return {
          ...task,
          fn: (value, signal) => {
            const { cause, value: inner } = value as Traced
            return heardBy((ok, failed) =>
              later(() => {
                const given = (answer: unknown) => ok(answer === undefined ? undefined : traced(cause, answer))
                const refused = (error: unknown) => (this.mends(task.step) ? given(inner) : failed(error))
                void task.fn(inner, signal).then(given, refused)
              }),
            )
          },
          chain: this.chain(task.chain),
        }
      case 'sink':
        return { ...task, sink: sinkOf(task.sink) }
    }
  }

  private mends(step: string): boolean {
    return this.mended && isMendable(step)
  }

  private chain(chain: ChainPlan): ChainPlan {
    return chainOf(chain, (step, fn) => (value) => {
      try {
        return fn(value)
      } catch (error) {
        if (this.mends(step)) return value
        throw error
      }
    })
  }

  private source(source: SourceDescription<unknown>): SourceDescription<unknown> {
    const { decoder, generate } = source
    const decode = (bytes: Buffer, start: number, end: number): Traced => {
      const bar = bytes.indexOf(BAR, start)
      const [cause, length] = bytes.toString('latin1', start, Math.max(start, bar)).split(LENGTH) as [string, string]
      if (bar < 0 || Number(length) !== end - bar - 1) throw new Error('its end is missing')
      this.see(cause)
      return { cause, value: decoder.decode(bytes, bar + 1, end) }
    }
    const traced = { ...source, decoder: { kind: decoder.kind, decode } }
    if (generate === undefined) return traced
    return {
      ...traced,
      generate: (n) => {
        const value = generate(n)
        if (value === undefined) return undefined
        const cause = `generated#${n + 1}`
        this.see(cause)
        return { cause, value } satisfies Traced
      },
    }
  }

  private see(cause: string): void {
    const at = cause.indexOf('#')
    const life = cause.slice(0, at)
    const sequence = Number(cause.slice(at + 1))
    if (sequence > (this.seen.get(life) ?? 0)) this.seen.set(life, sequence)
  }

  private visit(
    { step, program }: Pick<Visit, 'step' | 'program'>,
    { cause, value }: Traced,
    kept: Kept,
    time: number | null,
  ): Visit {
    const { at: before, key } = kept
    const visit = { number: this.visits.length, step, program, key, cause, value, time, before, forgot: false }
    this.visits.push(visit)
    kept.at = visit.number
    return visit
  }

  /** F1. */
  private check(step: string, { form, at }: Kept, expected: number): void {
    if (form !== expected && this.complaints.length < 5)
      this.complaints.push(
        `${step}: the state that visit ${at} left has form ${form}, and is taken for one of ${expected} (F1)`,
      )
  }

  private keyed(step: string, keyed: KeyedPlan, program: number, form: number): KeyedPlan {
    const place = { step, program }
    const init = (key: Key): Kept => ({ at: 0, form, key, state: keyed.init(key) })
    const migrate = (old: unknown, from: number): Kept => {
      this.check(step, old as Kept, from)
      return { ...(old as Kept), form }
    }
    const schema = { version: form, migrate: form === 1 ? undefined : migrate }
    if (keyed.kind === 'aggregate') {
      return {
        ...keyed,
        schema,
        init,
        add: (accumulator, value) => {
          const kept = accumulator as Kept
          this.check(step, kept, form)
          this.visit(place, value as Traced, kept, null)
          keyed.add(kept.state, (value as Traced).value)
        },
        combine: null,
        result: (accumulator, key) => {
          const { at, state } = accumulator as Kept
          this.check(step, accumulator as Kept, form)
          const value = keyed.result(state, key)
          return value === undefined ? undefined : ({ cause: `${at}@${step}`, value } satisfies Traced)
        },
      }
    }
    const enter = (kept: Kept, traced: Traced, context: StepContext): { visit: Visit; asked: StepContext } => {
      this.check(step, kept, form)
      const visit = this.visit(place, traced, kept, context.time)
      const asked: StepContext = {
        key: context.key,
        time: context.time,
        position: context.position,
        forget: () => {
          visit.forgot = true
          context.forget()
        },
        replace: (state) => {
          visit.forgot = false
          context.replace({ at: visit.number, form, key: visit.key, state } satisfies Kept)
        },
      }
      return { visit, asked }
    }
    if (keyed.kind === 'mapWithState') {
      return {
        ...keyed,
        schema,
        init,
        step: (state, value, context) => {
          const kept = state as Kept
          const { visit, asked } = enter(kept, value as Traced, context)
          const output = keyed.step(kept.state, (value as Traced).value, asked)
          return output === undefined
            ? undefined
            : ({ cause: `${visit.number}@${step}`, value: output } satisfies Traced)
        },
      }
    }
    return {
      ...keyed,
      schema,
      init,
      step: (state, value, context) => {
        const kept = state as Kept
        const { visit, asked } = enter(kept, value as Traced, context)
        const outputs = keyed.step(kept.state, (value as Traced).value, asked)
        return outputs === undefined ? undefined : numbered(`${visit.number}@${step}`, outputs)
      },
    }
  }
}

/** The cause of a record, of the bytes of one, or of all that one call put out. */
export function causeOf(given: unknown): string {
  if (given instanceof Uint8Array) {
    const text = Buffer.from(given).toString('latin1')
    return text.slice(0, Math.max(0, text.indexOf(LENGTH)))
  }
  // What cannot be written is kept in words.
  if (typeof given === 'string') return /^\{"cause":"([^"]*)"/.exec(given)?.[1] ?? ''
  if (Array.isArray(given)) return given.length === 0 ? '' : causeOf(given[0]).replace(/\/\d+$/, '')
  return (given as Traced).cause ?? ''
}

function* numbered(cause: string, values: Iterable<unknown>): Iterable<Traced> {
  let index = 0
  for (const value of values) yield { cause: `${cause}/${index++}`, value }
}

/** What becomes of the functions of `map`. */
type Mend = (step: string, fn: (value: unknown) => unknown) => (value: unknown) => unknown

function chainOf(chain: ChainPlan, mend: Mend): ChainPlan {
  return { ops: chain.ops.map((op) => opOf(op, mend)), end: endOf(chain.end, mend) }
}

function opOf(op: ChainOp, mend: Mend): ChainOp {
  switch (op.kind) {
    case 'map': {
      const fn = mend(op.step, op.fn)
      return { ...op, fn: (value) => traced((value as Traced).cause, fn((value as Traced).value)) }
    }
    case 'filter':
      return { ...op, fn: (value) => op.fn((value as Traced).value) }
    case 'inspect':
      return { ...op, fn: (value) => op.fn((value as Traced).value) }
    case 'flatMap':
      return { ...op, fn: (value) => numbered((value as Traced).cause, op.fn((value as Traced).value)) }
  }
}

function endOf(end: ChainEnd, mend: Mend): ChainEnd {
  switch (end.kind) {
    case 'forward':
    case 'drop':
      return end
    case 'exchange':
      return { ...end, key: (value) => end.key((value as Traced).value) }
    case 'branch':
      return {
        ...end,
        tests: end.tests.map((test) => (value: unknown) => test((value as Traced).value)),
        to: end.to.map((chain) => chain && chainOf(chain, mend)),
      }
    case 'tee':
      return {
        ...end,
        to: end.to.map((chain, i) => {
          const traced = chainOf(chain, mend)
          return { ...traced, ops: [fork(i), ...traced.ops] }
        }),
      }
  }
}

/** What goes two ways has two causes from there on. */
function fork(index: number): ChainOp {
  return {
    kind: 'map',
    step: 'tee',
    fn: (value) => traced(`${(value as Traced).cause}/${index}`, (value as Traced).value),
  }
}

function traced(cause: string, value: unknown): Traced {
  return { cause, value }
}

function sinkOf(sink: SinkDescription<unknown>): SinkDescription<unknown> {
  return {
    ...sink,
    encode: (record) => {
      const { cause, value } = record as Traced
      const encoded = sink.encode(value)
      return typeof encoded === 'string'
        ? `${cause}${BAR}${encoded}`
        : Buffer.concat([Buffer.from(`${cause}${BAR}`), encoded])
    },
  }
}
