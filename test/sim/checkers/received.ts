/**
 * Compares what a receiver that acknowledges was given with what the user's functions, run again, give.
 *
 * A recovery goes back and calls the same functions anew, and the receiver knows the records of both attempts by the
 * same ids: it keeps the first. So a line is told by its *descent*: the record of a source that it stems from, and the
 * steps that it has come through since. Where a step depends on the order in which several sources meet, attempts may
 * give other texts, or another number of records, of one descent.
 *
 * G1. No line is given twice, and no id; nor is what comes of one record by way of one call that answers once,
 *     whichever attempt it is of, where all are of programs with the same steps. (Calls that answer several times, or
 *     two in a row, may give by one attempt what they do not by the other.)
 * G2. Of each descent at least as many records are given as the surviving attempt must give.
 * G3. What comes of a call is not given behind what comes of a later one that found the state which it left; what comes
 *     of no call is given in the order of its life.
 * G4. What has ids and may come more than once has one id: what comes of a call, or of a record by way of none, has the
 *     same whenever it comes, and nothing that stems from elsewhere has that one.
 */
import type { ChainPlan, Plan } from '../../../src/model/plan.ts'
import type { Complain, Evidence, Output, Visit } from './evidence.ts'

export function checkReceived(
  { step, lines, ids = [] }: Output,
  expected: ReadonlyMap<string, { readonly due: boolean }>,
  evidence: Evidence,
  complain: Complain,
): void {
  const given = new Set<string>()
  const counts = new Map<string, number>()
  const order = new Order(evidence)
  const streams = new Map(evidence.lives.map(({ name, stream }) => [name, stream]))
  for (const [i, line] of lines.entries()) {
    const cause = line.slice(0, line.indexOf('|'))
    for (const name of [cause, ids[i]!, evidence.reshaped ? '' : answerOf(evidence, cause)]) {
      if (given.has(name)) complain(`${step}: gives ${name}, by the id ${ids[i]}, twice`)
      if (name !== '') given.add(name)
    }
    if (!order.takes(cause)) complain(`${step}: gives ${cause} behind a later one`)
    count(counts, descentOf(evidence, streams, cause))
  }
  const due = new Map<string, number>()
  for (const [cause, arrival] of expected) if (arrival.due) count(due, descentOf(evidence, streams, cause))
  for (const [descent, most] of due) {
    const got = counts.get(descent) ?? 0
    if (got < most) complain(`${step}: gives ${got} of the ${most} records that come of ${descent}`)
  }
}

/** G4, where nobody knows ids again; steps that change give others. */
export function checkIds({ step, lines, ids = [] }: Output, evidence: Evidence, complain: Complain): void {
  if (evidence.reshaped) return
  const streams = new Map(evidence.lives.map(({ name, stream }) => [name, stream]))
  const descents = new Map<string, string>()
  const known = new Map<string, string>()
  for (const [i, id] of ids.entries()) {
    // What stems from several records has none.
    if (id === '') continue
    const cause = lines[i]!.slice(0, lines[i]!.indexOf('|'))
    const descent = descentOf(evidence, streams, cause)
    if ((descents.get(id) ?? descent) !== descent)
      complain(`${step}: gives what comes of ${descents.get(id)} and of ${descent} by the id ${id}`)
    descents.set(id, descent)
    if ((known.get(cause) ?? id) !== id) complain(`${step}: gives ${cause} by the ids ${known.get(cause)} and ${id}`)
    known.set(cause, id)
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/**
 * What `cause` is where it is the one answer of a call about a record that no call has made (G1); otherwise nothing.
 */
function answerOf(evidence: Evidence, cause: string): string {
  const visit = visitOf(evidence, headOf(cause))
  if (visit === undefined || !visit.cause.includes('#')) return ''
  const task = evidence.plan.tasks.find(({ step }) => step === visit.step)
  if (task?.kind !== 'keyed' || task.keyed.kind !== 'mapWithState') return ''
  return staysOne(evidence.plan, task.chain) ? `the answer of ${visit.step} to ${visit.cause}` : ''
}

/** Whether at most one record comes out at a sink of each that goes into the chain. */
function staysOne(plan: Plan, { ops, end }: ChainPlan): boolean {
  if (end.kind !== 'forward' || ops.some(({ kind }) => kind === 'flatMap')) return false
  const next = plan.tasks[plan.channels[end.channel]!.to]!
  return next.kind === 'sink' || ('chain' in next && staysOne(plan, next.chain))
}

/**
 * The record of a source that a cause stems from, and the steps that it has come through. How many records come of a
 * call, and which, may differ from one attempt to the next; where an outbox was copied, so may the record, whose number
 * and id are those of another one's.
 */
function descentOf(evidence: Evidence, streams: ReadonlyMap<string, string>, cause: string): string {
  let head = headOf(cause)
  let steps = ''
  for (let visit = visitOf(evidence, head); visit !== undefined; visit = visitOf(evidence, head)) {
    head = headOf(visit.cause)
    steps = ` ${visit.step}${steps}`
  }
  const at = head.indexOf('#')
  const life = head.slice(0, Math.max(0, at))
  return (streams.get(life) ?? life) + head.slice(life.length) + steps
}

function headOf(cause: string): string {
  const end = cause.indexOf('/')
  return end < 0 ? cause : cause.slice(0, end)
}

function visitOf(evidence: Evidence, head: string): Visit | undefined {
  return head.includes('#') ? undefined : evidence.visits[Number.parseInt(head, 10)]
}

/** G3. */
class Order {
  private readonly evidence: Evidence
  /** By step and key: the last call of which something was given. */
  private readonly calls = new Map<string, Visit>()
  /** By life and way: the last record of it that was given. */
  private readonly records = new Map<string, number>()

  constructor(evidence: Evidence) {
    this.evidence = evidence
  }

  /** False: what comes of `cause` should have been given before. */
  takes(cause: string): boolean {
    const [head, ...path] = cause.split('/') as [string, ...string[]]
    // What was tried again has no order with the rest.
    if (this.evidence.replayed?.has(head) === true) return true
    const visit = visitOf(this.evidence, head)
    if (visit === undefined) {
      const [life, sequence] = head.split('#')
      const place = `${life} ${path.length}`
      const last = this.records.get(place) ?? 0
      this.records.set(place, Number(sequence))
      return last <= Number(sequence)
    }
    const place = `${visit.step} ${typeof visit.key} ${String(visit.key)}`
    const last = this.calls.get(place)
    this.calls.set(place, visit)
    return last === undefined || !this.descends(last, visit)
  }

  /** Whether `later` found what `earlier` had left, at once or by way of other calls. */
  private descends(later: Visit, earlier: Visit): boolean {
    const { visits } = this.evidence
    let number = later.before
    while (number > earlier.number) number = visits[number]!.before
    return number === earlier.number
  }
}
