/**
 * Compares what a receiver that acknowledges was given with what the user's functions, run again, give.
 *
 * A recovery goes back and calls the same functions anew, and the receiver knows the records of both attempts by the same ids: it
 * keeps the first. So a line is told by its *descent*: the record of a source that it stems from, and the steps that it has
 * come through since. Where a step depends on the order in which several sources meet, attempts may give other texts, or another
 * number of records, of one descent.
 *
 * G1. No line is given twice, and no id.
 * G2. Of each descent at least as many records are given as the surviving attempt must give, and where one of the lines is of
 *     that attempt, which is the last, no more than it may give.
 * G3. What comes of a call is not given behind what comes of a later one that found the state which it left; what comes of no
 *     call is given in the order of its life.
 */
import type { Complain, Evidence, Output, Visit } from './evidence.ts'

/** What a surviving attempt gives of one descent: so much surely, so much at most; and what was given. */
interface Account {
  due: number
  most: number
  given: number
  /** A line of the surviving attempt is among them. */
  survived: boolean
}

export function checkReceived(
  { step, lines, ids = [] }: Output,
  expected: ReadonlyMap<string, { readonly due: boolean }>,
  evidence: Evidence,
  complain: Complain,
): void {
  const accounts = new Map<string, Account>()
  for (const [cause, { due }] of expected) {
    const account = accountOf(accounts, descentOf(evidence, cause))
    account.most++
    if (due) account.due++
  }
  const given = new Set<string>()
  const order = new Order(evidence)
  for (const [i, line] of lines.entries()) {
    const cause = line.slice(0, line.indexOf('|'))
    const id = ids[i]!
    if (given.has(cause) || given.has(id)) complain(`${step}: gives ${cause}, by the id ${id}, twice`)
    given.add(cause)
    given.add(id)
    if (!order.takes(cause)) complain(`${step}: gives ${cause} behind a later one`)
    const account = accountOf(accounts, descentOf(evidence, cause))
    account.given++
    if (expected.has(cause)) account.survived = true
  }
  for (const [name, { due, most, given, survived }] of accounts) {
    if (given < due) complain(`${step}: gives ${given} of the ${due} records that come of ${name}`)
    if (survived && given > most) complain(`${step}: gives ${given} records of ${name}, of which ${most} come`)
  }
}

function accountOf(accounts: Map<string, Account>, name: string): Account {
  const known = accounts.get(name) ?? { due: 0, most: 0, given: 0, survived: false }
  accounts.set(name, known)
  return known
}

/**
 * The record of a source that a cause stems from, and the steps that it has come through. How many records come of a call may
 * differ from one attempt to the next: which of them it is belongs to no descent, but on the way to another call.
 */
function descentOf(evidence: Evidence, cause: string): string {
  let [head, ...path] = cause.split('/') as [string, ...string[]]
  let descent = ''
  for (let visit = visitOf(evidence, head); visit !== undefined; visit = visitOf(evidence, head)) {
    ;[head, ...path] = visit.cause.split('/') as [string, ...string[]]
    descent = `${path.join('/')} ${visit.step} ${descent}`
  }
  return `${head} ${descent}`
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
