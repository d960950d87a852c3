/**
 * Judges what people were shown of the state of a cluster, by the histories that the final states come from
 * (`history.ts`): every state names the visit that left it, and so everything that had happened to it.
 *
 * V1. What is shown of a key is what the user's functions give, run again over the visits that its state comes from.
 * V2. One answer is of one history: no key and no record is in it twice.
 * V3. An answer says truly which key groups it covers; of those it has every record that was stable before the
 *     question.
 * V4. What is committed is a cut: answers of one epoch agree, those of later ones go on from there, and an epoch has
 *     the records up to the positions of its sources and no others. Whoever asks one worker again gets no earlier
 *     epoch.
 * V5. What is shown behind a token has all records that it covers.
 * V6. What is linearizable has what was stable before the question, and what anybody had been shown by then that stays.
 * V7. What is committed or linearizable is never taken back.
 * V8. Where a store was damaged or put back all of that may be taken back, and what was said to be stable too: what was
 *     asked before it stands for good is held to what it says by itself (V1 to V3).
 */
import { isDeepStrictEqual } from 'node:util'
import { plain } from '../../../src/admin/plain.ts'
import { hashKey, type Key, keyGroupOf, shiftOf } from '../../../src/base/hash.ts'
import type { KeyedPlan, Plan, StepContext } from '../../../src/model/plan.ts'
import type { Complain, Evidence, Visit } from './evidence.ts'
import { droppedOf, historyOf, survivorsOf } from './history.ts'

/** The state of one key, as an answer has it. */
export interface Shown {
  readonly keyGroup: number
  readonly at: number
  readonly state: unknown
}

/** A question and its answer. */
export interface Read {
  readonly what: string
  readonly step: string
  readonly level: 'live' | 'committed' | 'linearizable'
  /** `null`: all keys. */
  readonly key: string | null
  /** What it was to be behind of. */
  readonly token: { readonly life: string; readonly sequence: number } | null
  /** What producers had been told is stable when it was asked. */
  readonly stable: readonly (readonly [life: string, sequence: number])[]
  /** Moments, in the order of all questions and answers. */
  readonly asked: number
  readonly answered: number
  /** Who was asked, in which of its lives. */
  readonly worker: string
  readonly epoch: number | null
  readonly generation: number | null
  /** How many keys there are, by the answer. */
  readonly keys: number | null
  readonly completeness: {
    readonly keyGroups: string
    readonly missing: readonly { readonly from: number; readonly to: number }[]
  } | null
  readonly shown: readonly Shown[]
  /** All keys in one answer. */
  readonly whole: boolean
}

export interface ReadEvidence extends Evidence {
  readonly reads: readonly Read[]
  readonly keyGroups: number
  /** By epoch, the last record that it has of lives, of those that have no copies. */
  readonly cuts: ReadonlyMap<number, ReadonlyMap<string, number>>
  /** Lives that go on elsewhere from a copy, whose records may not be theirs. */
  readonly copied: ReadonlySet<string>
  /** The moment from which nothing is taken back any more (V8). */
  readonly lasting: number
}

type KeyedTask = Extract<Plan['tasks'][number], { kind: 'keyed' }>

/** One step in the end. */
interface StepHistory {
  readonly task: KeyedTask
  /** The visits of each key, in order. */
  readonly visits: ReadonlyMap<Key, readonly Visit[]>
  /** Where a visit stands among those of its key. */
  readonly places: ReadonlyMap<number, number>
  /** Keys that were dropped at some time: that one is not there says nothing. */
  readonly dropped: ReadonlySet<Key>
  /** What comes to it is held back on its way, by steps in front of it. */
  readonly isHeld: boolean
}

/** A key as an answer has it: `place` among its visits, -1 before the first; `undefined`: on another branch. */
interface Sight {
  readonly key: Key
  readonly at: number
  readonly place: number | undefined
}

/** Stands in the way of what comes from a result, which is that of many records. */
const RESULT = ' >> '
const ENOUGH = 5
const SOME = 3

export function judgeReads(evidence: ReadEvidence): string[] {
  const complaints: string[] = []
  new Judge(evidence, (what) => {
    if (complaints.length < ENOUGH) complaints.push(what)
  }).run()
  return complaints
}

class Judge {
  private readonly evidence: ReadEvidence
  private readonly complain: Complain
  private readonly histories = new Map<string, StepHistory>()
  /** The record that a visit comes from, by its number. */
  private readonly roots = new Map<number, string>()

  constructor(evidence: ReadEvidence, complain: Complain) {
    this.evidence = evidence
    this.complain = complain
    const { plan } = evidence
    const survivors = survivorsOf(evidence)
    for (const task of plan.tasks) {
      if (task.kind !== 'keyed') continue
      const { step } = task
      // What is wrong with the history itself the checker of histories says.
      const history = historyOf(evidence, step, droppedOf(evidence, survivors, step), () => {})
      const visits = new Map<Key, Visit[]>()
      const places = new Map<number, number>()
      const dropped = new Set<Key>()
      for (const [key, stretches] of history) {
        const all = stretches.flatMap((stretch) => stretch.visits)
        visits.set(key, all)
        if (stretches.some(({ final }) => !final)) dropped.add(key)
        for (const [i, { number }] of all.entries()) places.set(number, i)
      }
      this.histories.set(step, { task, visits, places, dropped, isHeld: isHeld(plan, task.id) })
    }
  }

  run(): void {
    const { reads } = this.evidence
    const sights = new Map<Read, readonly Sight[]>()
    for (const read of reads) {
      const history = this.histories.get(read.step)!
      this.state(read)
      this.oneHistory(read)
      this.completeness(read, history)
      if (!this.lasts(read)) continue
      const seen = this.sightsOf(read, history)
      sights.set(read, seen)
      this.behind(read, history, seen)
      if (read.level !== 'live') this.stays(read, seen)
      if (read.level === 'linearizable') this.hasStable(read, history, seen)
      if (read.level === 'committed') this.cut(read, history, seen)
    }
    this.epochs(sights)
    this.linear(sights)
  }

  // ── What an answer says by itself ────────────────────────────────────────────────────────────────────────────────

  /** V1. */
  private state({ what, step, key, shown }: Read): void {
    const { task } = this.histories.get(step)!
    for (const { at, state } of shown) {
      const visit = this.evidence.visits[at]
      if (visit?.step !== step || (key !== null && textOf(visit.key) !== key)) {
        this.complain(`${what} shows what visit ${at} left, which was not of it (V1)`)
        continue
      }
      const again = stateAfter(task.keyed, visit.key, this.chain(at))
      if (!isDeepStrictEqual(carried(again), state)) {
        this.complain(`${what} shows ${JSON.stringify(state)} and not ${JSON.stringify(carried(again))} (V1)`)
      }
    }
  }

  /** V2. */
  private oneHistory({ what, shown }: Read): void {
    const there = new Set<string>()
    for (const { at } of shown) {
      for (const visit of this.chain(at)) {
        const root = this.rootOf(visit)
        if (there.has(root)) return this.complain(`${what} has ${root} twice (V2)`)
        there.add(root)
      }
    }
  }

  /** V3. */
  private completeness(read: Read, { visits, isHeld, dropped }: StepHistory): void {
    const { what, completeness, keys, shown, whole, level, stable } = read
    if (completeness === null) return
    const { keyGroups } = this.evidence
    const missing = new Set<number>()
    for (const { from, to } of completeness.missing) for (let group = from; group <= to; group++) missing.add(group)
    if (completeness.keyGroups !== `${keyGroups - missing.size}/${keyGroups}`) {
      this.complain(`${what} covers ${completeness.keyGroups}, and lacks ${missing.size} of ${keyGroups} (V3)`)
    }
    const stray = shown.find(({ keyGroup }) => missing.has(keyGroup))
    if (stray !== undefined) this.complain(`${what} shows key group ${stray.keyGroup} and says that it lacks it (V3)`)
    if (!whole || level !== 'live') return
    if (dropped.size === 0 && shown.length < (keys ?? 0)) {
      this.complain(`${what} counts ${keys} keys and shows ${shown.length} (V3)`)
    }
    if (isHeld || !this.lasts(read)) return
    const there = new Set<string>()
    for (const { at } of shown) for (const { cause } of this.chain(at)) there.add(cause)
    const told = new Map(stable)
    let lacks = 0
    for (const [key, all] of visits) {
      if (dropped.has(key) || missing.has(this.groupOf(key))) continue
      for (const { cause } of all) {
        if (!isRecord(cause) || there.has(cause) || !this.covers(told, cause)) continue
        if (++lacks <= SOME) this.complain(`${what} lacks ${cause}, which was stable before it was asked (V3)`)
      }
    }
  }

  // ── What it says against the history that survived ───────────────────────────────────────────────────────────────

  /** The keys that an answer is about, those too that are not there. */
  private sightsOf({ key, shown, whole }: Read, { visits, places, dropped }: StepHistory): readonly Sight[] {
    const there = new Map<Key, Sight>()
    for (const { at } of shown) {
      const visit = this.evidence.visits[at]
      if (visit !== undefined) there.set(visit.key, { key: visit.key, at, place: places.get(at) })
    }
    if (!whole && (key === null || shown.length > 0)) return [...there.values()]
    for (const other of visits.keys()) {
      if (there.has(other) || dropped.has(other)) continue
      if (key === null || textOf(other) === key) there.set(other, { key: other, at: 0, place: -1 })
    }
    return [...there.values()]
  }

  /** V5. */
  private behind(read: Read, { visits, dropped }: StepHistory, sights: readonly Sight[]): void {
    const { token, what, level, completeness } = read
    if (token === null) return
    const told = new Map([[token.life, token.sequence]])
    const missing = completeness?.missing ?? []
    for (const { key, at, place } of sights) {
      const group = this.groupOf(key)
      if (at === 0 && missing.some(({ from, to }) => group >= from && group <= to)) continue
      // What a live answer shows of what comes out of other states may go elsewhere, once they have been rolled back.
      const direct = level === 'live'
      let there: Set<string> | null = null
      for (const [i, visit] of (visits.get(key) ?? []).entries()) {
        const { cause } = visit
        if (direct || place === undefined) {
          if (!isRecord(cause) || dropped.has(key) || !this.covers(told, cause)) continue
          there ??= new Set(this.chain(at).map((one) => one.cause))
          if (there.has(cause)) continue
        } else {
          if (i <= place || !this.covers(told, this.rootOf(visit))) continue
        }
        this.complain(
          `${what} behind ${token.life}#${token.sequence} lacks ${this.rootOf(visit)} of ${String(key)} (V5)`,
        )
        break
      }
    }
  }

  /** V7. */
  private stays({ what }: Read, sights: readonly Sight[]): void {
    const lost = sights.find(({ place }) => place === undefined)
    if (lost !== undefined)
      this.complain(`${what} shows visit ${lost.at} of ${String(lost.key)}, which was taken back (V7)`)
  }

  /** V6. */
  private hasStable({ what, stable }: Read, { visits, isHeld }: StepHistory, sights: readonly Sight[]): void {
    if (isHeld) return
    const told = new Map(stable)
    for (const { key, place = Infinity } of sights) {
      const late = (visits.get(key) ?? []).slice(place + 1).find((visit) => this.covers(told, this.rootOf(visit)))
      if (late !== undefined) this.complain(`${what} lacks ${this.rootOf(late)}, which was stable (V6)`)
    }
  }

  /** V4: an epoch is a cut through its sources. */
  private cut({ what, epoch }: Read, { visits, isHeld }: StepHistory, sights: readonly Sight[]): void {
    const cut = this.evidence.cuts.get(epoch ?? 0)
    if (cut === undefined || isHeld) return
    for (const { key, place = Infinity } of sights) {
      for (const [i, visit] of (visits.get(key) ?? []).entries()) {
        const root = this.rootOf(visit)
        const position = cut.get(lifeOf(root))
        if (position === undefined || i <= place === sequenceOf(root) <= position) continue
        const says = i <= place ? 'has' : 'lacks'
        return this.complain(`${what} ${says} ${root} of ${String(key)}, and epoch ${epoch} ends at ${position} (V4)`)
      }
    }
  }

  /** V4: epochs agree with themselves, and follow one another. */
  private epochs(sights: ReadonlyMap<Read, readonly Sight[]>): void {
    const known = new Map<string, Map<number, number>>()
    const heard = new Map<string, Read[]>()
    for (const [read, seen] of sights) {
      const { level, step, epoch, worker } = read
      if (level !== 'committed' || epoch === null) continue
      heard.set(worker, [...(heard.get(worker) ?? []), read])
      for (const { key, place } of seen) {
        if (place === undefined) continue
        const at = `${step} ${typeof key} ${String(key)}`
        const places = known.get(at) ?? new Map<number, number>()
        known.set(at, places)
        const before = places.get(epoch) ?? place
        places.set(epoch, place)
        if (before !== place) this.complain(`epoch ${epoch} has ${at} at its visits ${before} and ${place} (V4)`)
      }
    }
    for (const [at, places] of known) {
      let last = -1
      for (const [epoch, place] of [...places].sort(([a], [b]) => a - b)) {
        if (place < last) this.complain(`${at} goes back to visit ${place} from ${last} in epoch ${epoch} (V4)`)
        last = place
      }
    }
    for (const reads of heard.values()) {
      let newest: { readonly answered: number; readonly epoch: number } | null = null
      for (const { what, asked, answered, epoch } of reads) {
        if (newest !== null && newest.answered < asked && epoch! < newest.epoch) {
          this.complain(`${what} is of epoch ${epoch}, and ${newest.epoch} had been shown (V4)`)
        }
        if (newest === null || epoch! >= newest.epoch) newest = { answered, epoch: epoch! }
      }
    }
  }

  /** V6: who reads linearizable is not behind what stays and had been shown. */
  private linear(sights: ReadonlyMap<Read, readonly Sight[]>): void {
    const shown = new Map<string, { readonly answered: number; readonly place: number }[]>()
    // In the order of their answers.
    for (const [{ level, step, asked, answered, what }, seen] of sights) {
      if (level === 'live') continue
      for (const { key, place } of seen) {
        if (place === undefined) continue
        const at = `${step} ${typeof key} ${String(key)}`
        const before = shown.get(at) ?? []
        const ahead = level === 'linearizable' && before.find((one) => one.answered < asked && one.place > place)
        if (ahead) this.complain(`${what} is at visit ${place} of its key, and ${ahead.place} had been shown (V6)`)
        before.push({ answered, place })
        shown.set(at, before)
      }
    }
  }

  /** V8. */
  private lasts({ asked }: Read): boolean {
    return asked >= this.evidence.lasting
  }

  // ── Histories ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The visits that left the state which names `at`, in order. */
  private chain(at: number): readonly Visit[] {
    const visits: Visit[] = []
    for (let visit = this.evidence.visits[at]; visit !== undefined; visit = this.evidence.visits[visit.before]) {
      visits.push(visit)
    }
    return visits.reverse()
  }

  /** The record that a visit comes from, and the way from there: the same in every attempt. */
  private rootOf({ number, cause }: Visit): string {
    const known = this.roots.get(number)
    if (known !== undefined) return known
    let root = cause
    if (!isRecord(cause)) {
      const at = cause.indexOf('@')
      const before = this.evidence.visits[Number(cause.slice(0, at))]
      const sign = this.histories.get(before?.step ?? '')?.task.keyed.kind === 'aggregate' ? RESULT : ' > '
      root = before === undefined ? cause : `${this.rootOf(before)}${sign}${cause.slice(at + 1)}`
    }
    this.roots.set(number, root)
    return root
  }

  /** Whether `told` covers the record that `root` begins with. */
  private covers(told: ReadonlyMap<string, number>, root: string): boolean {
    const life = lifeOf(root)
    if (root.includes(RESULT)) return false
    return sequenceOf(root) <= (told.get(life) ?? 0) && !this.evidence.copied.has(life)
  }

  private groupOf(key: Key): number {
    return keyGroupOf(hashKey(key), shiftOf(this.evidence.keyGroups))
  }
}

/** The state of `key` after `visits`. */
function stateAfter(keyed: KeyedPlan, key: Key, visits: readonly Visit[]): object {
  let state = keyed.init(key)
  const context: StepContext = {
    ...{ key, time: 0, position: 0, forget: () => {} },
    replace: (other) => {
      state = other
    },
  }
  for (const { value } of visits) {
    try {
      if (keyed.kind === 'aggregate') keyed.add(state, value)
      else {
        const output = keyed.step(state, value, context)
        // It goes on for as long as somebody asks.
        if (keyed.kind === 'flatMapWithState') for (const _ of (output ?? []) as Iterable<unknown>);
      }
    } catch {
      // The checker of histories says so.
    }
  }
  return state
}

/** Whether records wait at a step on their way to the task `id`. */
function isHeld({ tasks, channels }: Plan, id: number): boolean {
  const seen = new Set<number>()
  const holds = (to: number): boolean =>
    channels.some(({ from, to: end }) => {
      if (end !== to || seen.has(from)) return false
      seen.add(from)
      const task = tasks[from]!
      return task.kind === 'asyncMap' || (task.kind === 'keyed' && task.keyed.kind === 'aggregate') || holds(from)
    })
  return holds(id)
}

/** A cause that is a record of a source, and not what a call put out. */
function isRecord(cause: string): boolean {
  return cause.includes('#')
}

function lifeOf(root: string): string {
  return root.slice(0, Math.max(0, root.indexOf('#')))
}

function sequenceOf(root: string): number {
  return Number.parseInt(root.slice(root.indexOf('#') + 1), 10)
}

/** `state` as an answer carries it. */
function carried(state: object): unknown {
  return JSON.parse(JSON.stringify(plain(state)))
}

/** `key` as somebody writes it in a question. */
export function textOf(key: Key): string {
  return typeof key === 'bigint' ? `${key}n` : String(key)
}
