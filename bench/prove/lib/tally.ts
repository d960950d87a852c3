/**
 * The independent count: what has been sent, and whether states and files say the same.
 *
 * It knows nothing of how the engine works. Each key has one producer, which counts it up from 1; words are
 * everybody's.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** What is wrong, as sentences; the first few are enough to understand it. */
const FINDINGS_MAX = 10

export class Findings {
  readonly list: string[] = []
  /** Records that are missing, that came again, and that stand where they must not. */
  lost = 0
  doubled = 0
  misplaced = 0

  add(finding: string): void {
    if (this.list.length < FINDINGS_MAX) this.list.push(finding)
  }

  get none(): boolean {
    return this.list.length === 0
  }
}

export class Tally {
  /** The last number of each key. */
  readonly numbers = new Map<string, number>()
  readonly words = new Map<string, number>()
  records = 0

  /** Counts the next record of `key` and answers its number. */
  add(key: string, word: string): number {
    const number = (this.numbers.get(key) ?? 0) + 1
    this.numbers.set(key, number)
    this.words.set(word, (this.words.get(word) ?? 0) + 1)
    this.records++
    return number
  }

  clone(): Tally {
    const copy = new Tally()
    for (const [key, number] of this.numbers) copy.numbers.set(key, number)
    for (const [word, total] of this.words) copy.words.set(word, total)
    copy.records = this.records
    return copy
  }

  // ── States ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Compares the states of step `window`, by key. */
  checkWindows(states: ReadonlyMap<string, { readonly last: readonly number[] }>, findings: Findings): void {
    compareKeys('step window', this.numbers, states, findings)
    for (const [key, number] of this.numbers) {
      const last = states.get(key)?.last.join(' ')
      if (last === undefined) findings.lost += number
      else if (last !== windowAt(number)) {
        findings.add(`step window: the state of ${key} is ${last}, and ${windowAt(number)} was sent`)
        findings.misplaced++
      }
    }
  }

  /** Compares the states of step `count`, by word. */
  checkCounts(states: ReadonlyMap<string, { readonly total: number }>, findings: Findings): void {
    compareKeys('step count', this.words, states, findings)
    for (const [word, sent] of this.words) {
      const total = states.get(word)?.total ?? 0
      if (total === sent) continue
      findings.add(`step count: the state of ${word} is ${total}, and it was sent ${sent} times`)
      if (total < sent) findings.lost += sent - total
      else findings.doubled += total - sent
    }
  }

  // ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Reads the files in `folder` as their consumer would: `windows` in segments, `totals` as one that has grown. */
  checkFiles(folder: string, findings: Findings): void {
    this.checkWindowLines(segmentsOf(folder, 'windows'), findings)
    this.checkTotalLines([readFileSync(`${folder}/totals`, 'utf8')], findings)
  }

  /** The same where both are in segments, of several writers each. */
  checkSegments(folder: string, findings: Findings): void {
    this.checkWindowLines(segmentsOf(folder, 'windows'), findings)
    this.checkTotalLines(segmentsOf(folder, 'totals'), findings)
  }

  private checkWindowLines(texts: readonly string[], findings: Findings): void {
    const windows = new Sequence('windows', findings, (number, rest) => rest === windowAt(number))
    for (const text of texts) windows.read(text, lastOfWindow)
    windows.finish(this.numbers)
  }

  private checkTotalLines(texts: readonly string[], findings: Findings): void {
    const totals = new Sequence('totals', findings, () => true)
    for (const text of texts) totals.read(text, Number)
    totals.finish(this.words)
  }
}

/** What is visible of a file sink's output: complete epochs only, in the order of their names. */
function segmentsOf(folder: string, name: string): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.startsWith(`${name}.`) && !file.endsWith('.pending'))
    .sort()
    .map((file) => readFileSync(`${folder}/${file}`, 'utf8'))
}

/** The window of a key after its number `number`. */
function windowAt(number: number): string {
  return [3, 2, 1, 0].map((back) => Math.max(0, number - back)).join(' ')
}

function lastOfWindow(rest: string): number {
  return Number(rest.slice(rest.lastIndexOf(' ') + 1))
}

function compareKeys(
  where: string,
  sent: ReadonlyMap<string, number>,
  states: ReadonlyMap<string, unknown>,
  findings: Findings,
): void {
  for (const key of sent.keys()) if (!states.has(key)) findings.add(`${where}: ${key} has no state`)
  for (const key of states.keys()) if (!sent.has(key)) findings.add(`${where}: ${key} has a state and was never sent`)
}

/** Lines `name rest` of one output, in which every name counts up from 1 by one. */
class Sequence {
  private readonly output: string
  private readonly findings: Findings
  private readonly fits: (number: number, rest: string) => boolean
  private readonly last = new Map<string, number>()

  constructor(output: string, findings: Findings, fits: (number: number, rest: string) => boolean) {
    this.output = output
    this.findings = findings
    this.fits = fits
  }

  read(text: string, numberOf: (rest: string) => number): void {
    const { last, findings, output } = this
    if (text !== '' && !text.endsWith('\n')) findings.add(`${output}: a file ends within a line`)
    for (const line of text.split('\n')) {
      if (line === '') continue
      const space = line.indexOf(' ')
      const name = line.slice(0, space)
      const rest = line.slice(space + 1)
      const number = numberOf(rest)
      const expected = (last.get(name) ?? 0) + 1
      if (number !== expected) {
        findings.add(`${output}: ${name} has ${number} where ${expected} follows`)
        if (number > expected) findings.lost += number - expected
        else findings.doubled++
      } else if (!this.fits(number, rest)) {
        findings.add(`${output}: ${line} is not what follows ${number - 1}`)
        findings.misplaced++
      }
      last.set(name, Math.max(number, expected - 1))
    }
  }

  finish(sent: ReadonlyMap<string, number>): void {
    for (const [name, number] of sent) {
      const last = this.last.get(name) ?? 0
      if (last === number) continue
      this.findings.add(`${this.output}: ${name} ends with ${last}, and ${number} were sent`)
      if (last < number) this.findings.lost += number - last
    }
    for (const name of this.last.keys()) if (!sent.has(name)) this.findings.add(`${this.output}: nobody sent ${name}`)
  }
}
