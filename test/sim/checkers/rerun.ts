/**
 * Runs the user's functions again over what survived, step by step from the sources to the sinks, and compares.
 *
 * X1. Of every life the records 1 to n are there, each once, n being at least what was acknowledged (`whole`), but for
 *     those that were given up by name (`lost`), and those of which a copy has brought others (`forked`).
 * X2. Every record that reaches a stateful step stands in its history exactly once under its key, or has a letter.
 * X3. Records of one life with the same key stand in order, and so do those that one key of an earlier step put out.
 * X4. The user's functions, run again over the history, give the final states.
 * X5. A sink has given what the user's functions, run again, give: exactly once, at least once, or nothing else; to a
 *     receiver that knows its records again by their ids, once of whatever attempt (`received.ts`).
 * X6. The final states come from those of the epoch before the last life, by way of further visits or as they are.
 * X7. There is one dead letter for every record that the user's functions, run again, refuse, and no other.
 * X8. Keys with a time to live begin anew when they are over, and not before (`ages.ts`).
 * X9. Somebody may have given letters back: what is refused no more then goes on, in no order with what came behind it.
 *     What was taken out has no letter any more.
 */
import { isDeepStrictEqual } from 'node:util'
import { isDeeper } from '../../../src/base/codec/fault.ts'
import { DEPTH_MAX } from '../../../src/base/codec/format.ts'
import type { Key } from '../../../src/base/hash.ts'
import type { ChainPlan, KeyedPlan, StepContext, TaskPlan } from '../../../src/model/plan.ts'
import { isMendable } from '../graphs.ts'
import { Ages } from './ages.ts'
import type { Complain, Evidence, Life, Visit } from './evidence.ts'
import { droppedOf, type History, historyOf, survivorsOf } from './history.ts'
import { checkIds, checkReceived } from './received.ts'

/** A record that comes to a task. `due`: it must be there; otherwise it may, because a later one took its place. */
interface Arrival {
  readonly cause: string
  readonly value: unknown
  readonly key: Key
  readonly due: boolean
}

/** An arrival, and where. */
type Found = Arrival & { readonly channel: number }

type KeyedTask = TaskPlan & { readonly kind: 'keyed' }
type AsyncTask = TaskPlan & { readonly kind: 'asyncMap' }
type SinkTask = TaskPlan & { readonly kind: 'sink' }
type SourceTask = TaskPlan & { readonly kind: 'source' }

const ENOUGH = 5

export function rerun(evidence: Evidence): string[] {
  const complaints: string[] = []
  const complain: Complain = (what) => {
    if (complaints.length < ENOUGH) complaints.push(what)
  }
  new Rerun(evidence, complain).run()
  return complaints
}

class Rerun {
  private readonly evidence: Evidence
  private readonly complain: Complain
  private readonly letters = new Set<string>()
  /** Those that somebody may have taken out. */
  private readonly purged = new Set<string>()
  /** What must, or may, have a letter. */
  private readonly refusals = new Set<string>()
  private readonly causes: ReadonlySet<string>
  private readonly aggregates: ReadonlySet<string>
  /** What comes to each channel. */
  private readonly arrivals: Arrival[][]

  constructor(evidence: Evidence, complain: Complain) {
    this.evidence = evidence
    this.complain = complain
    for (const { step, cause } of evidence.letters) {
      // What an aggregate would have put out is given as its state, and comes again with every later one.
      if (cause === '') continue
      const letter = `${step} ${cause}`
      if (this.letters.has(letter)) complain(`${step}: ${cause} has two letters`)
      this.letters.add(letter)
    }
    for (const { step, cause, done } of evidence.purged ?? []) {
      const letter = `${step} ${cause}`
      if (done && this.letters.has(letter)) complain(`${step}: ${cause} has a letter that was taken out`)
      this.purged.add(letter)
    }
    this.causes = survivorsOf(evidence)
    this.aggregates = new Set(
      evidence.plan.tasks.flatMap((task) =>
        task.kind === 'keyed' && task.keyed.kind === 'aggregate' ? [task.step] : [],
      ),
    )
    this.arrivals = evidence.plan.channels.map(() => [])
  }

  run(): void {
    for (const task of this.evidence.plan.tasks) {
      if (task.kind === 'source') this.source(task)
      else if (task.kind === 'keyed') this.keyed(task)
      else if (task.kind === 'asyncMap') this.ask(task)
      else this.sink(task)
    }
    for (const letter of this.letters) {
      if (!this.refusals.has(letter)) this.complain(`${letter} has a letter and was not refused`)
    }
  }

  // ── Sources ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private source(task: SourceTask): void {
    const there = this.recordsThere(task)
    for (const life of this.evidence.lives) {
      if (life.source !== task.step) continue
      const found = there.get(life.name)!
      const last = Math.max(life.owed, ...found)
      if (last > life.made) this.complain(`${life.name}: record ${last} was never made`)
      for (let { first: sequence } = life; sequence <= last; sequence++) {
        const given = life.lost.some(({ first, last }) => first <= sequence && sequence <= last)
        const passed = life.forked && sequence > life.owed
        if ((life.whole && !given && !passed) || found.has(sequence)) this.record(task, life, sequence)
      }
    }
  }

  /** The records of each life that left a trace in a history that survived. */
  private recordsThere(task: SourceTask): Map<string, Set<number>> {
    const there = new Map<string, Set<number>>()
    for (const { name, source } of this.evidence.lives) if (source === task.step) there.set(name, new Set())
    for (const cause of this.causes) {
      const at = cause.indexOf('#')
      if (at >= 0) there.get(cause.slice(0, at))?.add(Number.parseInt(cause.slice(at + 1), 10))
    }
    return there
  }

  private record(task: SourceTask, life: Life, sequence: number): void {
    const cause = `${life.name}#${sequence}`
    const bytes = life.record(sequence)
    let value: unknown
    try {
      value = task.source.decoder.decode(bytes, 0, bytes.length)
    } catch {
      this.refused(task.step, cause, true)
      return
    }
    // A connection that broke off in the middle of a record, the end of which is missing.
    if (!life.whole && this.letters.has(`${task.step} ${cause}`)) return this.refused(task.step, cause, true)
    this.push(task.chain, task.step, cause, value, true)
  }

  // ── Chains ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends one record down a chain: all of what comes of it, or nothing and a letter. */
  private push(chain: ChainPlan, step: string, cause: string, value: unknown, due: boolean): void {
    this.pushAll(chain, step, cause, [{ cause, value }], due)
  }

  private pushAll(
    chain: ChainPlan,
    step: string,
    given: string,
    records: readonly { readonly cause: string; readonly value: unknown }[],
    due: boolean,
  ): void {
    const found: Found[] = []
    const place = { step }
    try {
      const passes = (step: string): boolean => this.passes(step, given)
      for (const { cause, value } of records) descend(chain, cause, value, due, place, found, passes)
    } catch {
      // What was given to the chain is what the letter has. An aggregate gave its state, which has no cause.
      this.refused(place.step, given, due && !this.aggregates.has(step))
      return
    }
    for (const { channel, ...arrival } of found) this.arrivals[channel]!.push(arrival)
  }

  private refused(step: string, cause: string, due: boolean): void {
    const letter = `${step} ${cause}`
    this.refusals.add(letter)
    if (due && !this.hasLetter(letter)) this.complain(`${step}: ${cause} was refused and has no letter`)
  }

  /** Whether `step` let pass what it refuses, since it was mended (X9). */
  private passes(step: string, given: string): boolean {
    return this.evidence.mended === true && isMendable(step) && !this.letters.has(`${step} ${given}`)
  }

  /** Whether it has a letter, or had one. */
  private hasLetter(letter: string): boolean {
    return this.letters.has(letter) || this.purged.has(letter)
  }

  // ── Steps that answer later ──────────────────────────────────────────────────────────────────────────────────────

  private ask({ step, inputs, chain, fn }: AsyncTask): void {
    const { signal } = new AbortController()
    for (const channel of inputs) {
      for (const { cause, value, due } of this.arrivals[channel]!) {
        const answered = (answer: unknown) => {
          if (answer !== undefined) this.push(chain, step, cause, answer, due)
        }
        const refused = () => {
          if (this.passes(step, cause)) answered(value)
          else this.refused(step, cause, due)
        }
        // What it may have to hold has to be written.
        if (isDeeper(value, DEPTH_MAX)) refused()
        else void fn(value, signal).then(answered, refused)
      }
    }
  }

  // ── Stateful steps ───────────────────────────────────────────────────────────────────────────────────────────────

  private keyed(task: KeyedTask): void {
    const { step } = task
    const expected = new Map<string, Arrival>()
    for (const channel of task.inputs) {
      for (const arrival of this.arrivals[channel]!) {
        if (expected.has(arrival.cause)) this.complain(`${step}: ${arrival.cause} comes twice by the plan`)
        expected.set(arrival.cause, arrival)
      }
    }
    const history = historyOf(this.evidence, step, droppedOf(this.evidence, this.causes, step), this.complain)
    const { ttlMs } = task.keyed
    const ages = ttlMs === undefined ? null : new Ages(this.evidence, step, ttlMs, this.complain)
    const met = new Set<string>()
    for (const [key, stretches] of history) {
      const visits = stretches.flatMap((stretch) => stretch.visits)
      for (const visit of visits) this.meet(step, key, visit, expected, met)
      this.order(step, key, visits)
      for (const { visits, final } of stretches) this.again(task, key, visits, final)
      ages?.check(stretches)
    }
    this.extend(step, history)
    for (const { cause, due } of expected.values()) {
      if (met.has(cause)) continue
      // The step itself may have refused it; whether it should have, nobody knows who has not its state.
      this.refusals.add(`${step} ${cause}`)
      if (due && !this.hasLetter(`${step} ${cause}`)) this.complain(`${step}: ${cause} is missing`)
    }
  }

  /** X6. */
  private extend(step: string, history: History): void {
    for (const [key, { at }] of this.evidence.before.get(step) ?? []) {
      const stretches = history.get(key) ?? []
      if (!stretches.some(({ visits }) => visits.some(({ number }) => number === at))) {
        this.complain(`${step}: the state of ${String(key)} does not go on from the one that was in the last epoch`)
      }
    }
  }

  private meet(step: string, key: Key, visit: Visit, expected: Map<string, Arrival>, met: Set<string>): void {
    const { cause } = visit
    const arrival = expected.get(cause)
    if (met.has(cause)) this.complain(`${step}: ${cause} is twice in the history of ${String(key)}`)
    met.add(cause)
    if (arrival === undefined) this.complain(`${step}: ${cause} is in the history of ${String(key)} and was never sent`)
    else if (arrival.key !== key)
      this.complain(`${step}: ${cause} is in the history of ${String(key)}, not ${String(arrival.key)}`)
    else if (arrival.value !== visit.value && !isDeepStrictEqual(arrival.value, visit.value))
      this.complain(`${step}: ${cause} has another value`)
  }

  /** X3: what comes from one place comes in its order. */
  private order(step: string, key: Key, visits: readonly Visit[]): void {
    const last = new Map<string, readonly number[]>()
    for (const { cause } of visits) {
      // X9.
      if (this.evidence.replayed?.has(cause.split('/', 1)[0]!)) continue
      const { place, rank } = this.rankOf(cause)
      const before = last.get(place)
      if (before !== undefined && compare(before, rank) >= 0) {
        this.complain(`${step}: ${cause} comes behind a later one in the history of ${String(key)}`)
      }
      last.set(place, rank)
    }
  }

  private rankOf(cause: string): { readonly place: string; readonly rank: readonly number[] } {
    const hash = cause.indexOf('#')
    if (hash >= 0) {
      if (!cause.includes('/', hash)) return { place: cause.slice(0, hash), rank: [Number(cause.slice(hash + 1))] }
      const [sequence, ...path] = cause
        .slice(hash + 1)
        .split('/')
        .map(Number)
      return { place: `${cause.slice(0, hash)} ${path.length}`, rank: [sequence!, ...path] }
    }
    const [head, ...path] = cause.split('/')
    const number = Number.parseInt(head!, 10)
    const visit = this.evidence.visits[number]
    return {
      place: `${visit?.step} ${typeof visit?.key} ${String(visit?.key)} ${path.length}`,
      rank: [number, ...path.map(Number)],
    }
  }

  /** X4, and what the step puts out. */
  private again(task: KeyedTask, key: Key, visits: readonly Visit[], final: boolean): void {
    const { keyed, step } = task
    const state =
      keyed.kind === 'aggregate' ? this.accumulate(task, keyed, key, visits) : this.call(task, keyed, key, visits)
    const expected = this.evidence.states.get(step)?.get(key)
    if (final && !isDeepStrictEqual(state, expected?.state)) {
      this.complain(`${step}: the state of ${String(key)} is ${show(expected?.state)}, run again it is ${show(state)}`)
    }
  }

  private call(
    task: KeyedTask,
    keyed: Exclude<KeyedPlan, { kind: 'aggregate' }>,
    key: Key,
    visits: readonly Visit[],
  ): object {
    let state = keyed.init(key)
    for (const { number, value } of visits) {
      const context: StepContext = {
        key,
        time: 0,
        position: 0,
        forget: () => {},
        replace: (other) => {
          state = other
        },
      }
      let output: unknown
      let values: unknown[]
      try {
        output = keyed.step(state, value, context)
        values = keyed.kind === 'mapWithState' ? [output] : [...((output ?? []) as Iterable<unknown>)]
      } catch {
        this.complain(`${task.step}: ${this.evidence.visits[number]!.cause} is in the state and is refused run again`)
        continue
      }
      if (output === undefined) continue
      const cause = `${number}@${task.step}`
      const records = values.map((value, i) => ({
        cause: keyed.kind === 'mapWithState' ? cause : `${cause}/${i}`,
        value,
      }))
      this.pushAll(task.chain, task.step, cause, records, true)
    }
    return state
  }

  /** An aggregate puts out the results that it had at some visits, at the last one surely. */
  private accumulate(
    task: KeyedTask,
    keyed: Extract<KeyedPlan, { kind: 'aggregate' }>,
    key: Key,
    visits: readonly Visit[],
  ): object {
    const state = keyed.init(key)
    for (const [i, { number, value }] of visits.entries()) {
      try {
        keyed.add(state, value)
      } catch {
        this.complain(`${task.step}: ${this.evidence.visits[number]!.cause} is in the state and is refused run again`)
        continue
      }
      const result = keyed.result(state, key)
      if (result === undefined) continue
      this.push(task.chain, task.step, `${number}@${task.step}`, structuredClone(result), i === visits.length - 1)
    }
    return state
  }

  // ── Sinks ────────────────────────────────────────────────────────────────────────────────────────────────────────

  private sink(task: SinkTask): void {
    const { step, sink } = task
    const output = this.evidence.outputs.find((output) => output.step === step)
    if (output === undefined) return
    const expected = new Map<string, { readonly text: string; readonly due: boolean; count: number }>()
    for (const channel of task.inputs) {
      for (const { cause, value, due } of this.arrivals[channel]!) {
        try {
          expected.set(cause, { text: textOf(sink.encode(value)), due, count: 0 })
        } catch {
          this.refused(step, cause, due)
        }
      }
    }
    const { promise, lines } = output
    for (const line of lines) {
      const bar = line.indexOf('|')
      const cause = line.slice(0, bar)
      const known = expected.get(cause)
      if (known === undefined) {
        // What a recovery took back was given all the same, where nothing can be taken back.
        if (promise === 'exactly' || !this.wasMade(cause)) this.complain(`${step}: gives ${line}, which was never made`)
      } else {
        if (known.text !== line.slice(bar + 1)) this.complain(`${step}: gives ${line} and not ${known.text}`)
        if (++known.count === 2 && promise === 'exactly') this.complain(`${step}: gives ${cause} twice`)
      }
    }
    if (promise === 'some') return
    if (promise === 'once') return checkReceived(output, expected, this.evidence, this.complain)
    checkIds(output, this.evidence, this.complain)
    for (const [cause, { due, count }] of expected) {
      if (due && count === 0) this.complain(`${step}: ${cause} was not given`)
    }
  }

  private wasMade(cause: string): boolean {
    const number = Number.parseInt(cause, 10)
    return cause.includes('#') || this.evidence.visits[number] !== undefined
  }
}

/** What `op` makes of `value`, or that as it is where it was mended in time (X9). */
function mapped(
  op: ChainPlan['ops'][number] & { kind: 'map' },
  value: unknown,
  passes: (step: string) => boolean,
): unknown {
  try {
    return op.fn(value)
  } catch (error) {
    if (passes(op.step)) return value
    throw error
  }
}

/**
 * Walks a chain with one record; throws what the user's function throws and no letter says was mended, `place.step`
 * being where.
 */
function descend(
  chain: ChainPlan,
  cause: string,
  value: unknown,
  due: boolean,
  place: { step: string },
  found: Found[],
  passes: (step: string) => boolean,
  from = 0,
): void {
  for (let i = from; i < chain.ops.length; i++) {
    const op = chain.ops[i]!
    place.step = op.step
    if (op.kind === 'map') value = mapped(op, value, passes)
    else if (op.kind === 'filter') {
      if (!op.fn(value)) return
    } else if (op.kind === 'inspect') op.fn(value)
    else {
      let index = 0
      for (const one of op.fn(value)) {
        descend(chain, `${cause}/${index++}`, one, due, place, found, passes, i + 1)
        place.step = op.step
      }
      return
    }
  }
  const { end } = chain
  switch (end.kind) {
    case 'forward':
      found.push({ channel: end.channel, cause, value, key: '', due })
      return
    case 'exchange': {
      place.step = end.step
      const key = end.key(value)
      if (Number.isNaN(key)) throw new Error('not a number is no key')
      found.push({ channel: end.channel, cause, value, key, due })
      return
    }
    case 'tee':
      for (const [i, to] of end.to.entries()) descend(to, `${cause}/${i}`, value, due, place, found, passes)
      return
    case 'branch': {
      place.step = end.step
      const k = end.tests.findIndex((test) => test(value))
      const to = end.to[k < 0 ? end.tests.length : k]
      if (to) descend(to, cause, value, due, place, found, passes)
      return
    }
    case 'drop':
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - (b[i] ?? 0)
  return 0
}

function textOf(encoded: string | Uint8Array): string {
  const text = typeof encoded === 'string' ? encoded : Buffer.from(encoded).toString()
  return text.endsWith('\n') ? text.slice(0, -1) : text
}

function show(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 200) ?? String(value)
}
