/**
 * Pipelines that nobody would write: graphs drawn from the operators that there are. Every record is `{ k, n }`, every
 * function depends on its arguments alone, and the stateful ones on the order of what they get, so that a history that
 * is wrong anywhere gives another state.
 *
 * What drops its keys, or forgets them after a time, is known by its output alone: whatever comes to it comes out, and
 * must come out as it is.
 */
import type { Key } from '../../src/base/hash.ts'
import type { Prng } from '../../src/base/prng.ts'
import {
  type KeyedStream,
  lines,
  type Milliseconds,
  milliseconds,
  pipeline,
  type Stream,
  tcpSink,
  tcpSource,
} from '../../src/index.ts'
import { answer } from './answers.ts'
import type { MakeRecord, Script } from './cases.ts'
import { askingStep, KEEPING, keepingStep } from './keeping.ts'
import { mixed } from './mixed.ts'
import { tornKey, tornStep, wildly } from './torn.ts'

export interface Item {
  readonly k: Key
  readonly n: number
}

export type Items = Stream<Item>

export const WRAP = 1_000_003
/** No call is given up: whether one is would depend on the time. */
export const PATIENCE_MS = 3_600_000

export function drawGraph(random: Prng): Script {
  const salt = random.u32()
  const keys = 2 + random.below(30)
  const sources = 1 + random.below(3)
  // Every build must be the same: it draws from a generator of its own.
  const shape = random.u32()
  const records: Record<string, MakeRecord> = {}
  for (let i = 1; i <= sources; i++) {
    records[`source${i}`] = (life, sequence) => {
      const choice = mixed(salt, life, sequence)
      return Buffer.from(choice % 61 === 0 ? 'nonsense' : `${choice % keys},${mixed(salt + 1, life, sequence) % 1000}`)
    }
  }
  let exact = false
  const built = pipeline('graph', (p) => {
    const draw = new Draw(shape)
    let streams: Items[] = []
    for (const name of Object.keys(records)) {
      streams.push(draw.stateless(p.source(name, tcpSource({ port: 7001 })).map(`parse-${name}`, parse)))
    }
    if (streams.length > 1 && draw.chance(0.7))
      streams = [streams[0]!.merge('merged', ...(streams.slice(1) as [Items]))]
    for (let stage = 1 + draw.below(2); stage > 0; stage--) {
      streams = streams.flatMap((stream) => draw.stateful(stream))
      if (stage > 1 && streams.length > 1 && draw.chance(0.5)) {
        streams = [streams[0]!.merge(draw.name('merge'), ...(streams.slice(1) as [Items]))]
      }
    }
    for (const stream of streams) {
      stream.sink(draw.name('sink'), tcpSink({ port: 1, framing: lines(), encode: textOf }))
    }
    exact = draw.drops
  })
  built.build()
  return { name: 'graph', pipeline: built, records, exact }
}

export function parse(line: string): Item {
  const [k, n] = line.split(',')
  if (n === undefined) throw new Error('nonsense')
  return { k: Number(k), n: Number(n) }
}

/** How often a step forgets keys after a time, and the number that tells what draws it from what draws the rest. */
const MORTAL = 0.2
const AGES = 0x6d0f_0000
/** For how long it keeps them, in milliseconds. */
const LIFETIMES = [5, 20, 80, 300]

/** How many graphs have steps that fail half-way, and the number that draws those. */
const WILD = 0.3
const WILDNESS = 0x2e57_0000
/** And how often they do in such a graph. */
const WILD_STEP = 0.4

/** How many graphs have steps that keep what is hard to keep, the number that draws those, and how often they do. */
const RETENTIVE = 0.06
const RETENTION = 0x1d07_0000
const RETENTIVE_STEP = 0.6
const RETENTIVE_ASK = 0.3

/** Draws steps, each with a name of its own. */
export class Draw {
  /** Some step drops keys. */
  drops = false
  private state: number
  private names = 0
  /** Draws what keys die of by themselves: what was drawn before there was that stays as it was. */
  private readonly ages: Draw | null
  /** Draws what fails half-way, in the same way. */
  private readonly wild: Draw | null = null
  private readonly retentive: Draw | null = null

  constructor(seed: number, ages: Draw | null = new Draw(seed ^ AGES, null)) {
    this.state = seed
    this.ages = ages
    if (ages === null) return
    const wild = new Draw(seed ^ WILDNESS, null)
    if (wild.chance(WILD)) this.wild = wild
    const retentive = new Draw(seed ^ RETENTION, null)
    if (retentive.chance(RETENTIVE)) this.retentive = retentive
  }

  below(n: number): number {
    this.state = (this.state + 1) | 0
    return mixed(this.state, 'draw', 0) % n
  }

  chance(share: number): boolean {
    return this.below(1000) < share * 1000
  }

  name(kind: string): string {
    return `${kind}-${++this.names}`
  }

  /** Up to two steps without state. */
  stateless(stream: Items): Items {
    let out = stream
    for (let left = this.below(3); left > 0; left--) {
      const kind = this.below(7)
      if (kind === 0) out = out.map(this.name('map'), ({ k, n }) => ({ k, n: (n * 3 + 1) % WRAP }))
      else if (kind === 1) out = out.filter(this.name('filter'), ({ n }) => n % 7 !== 0)
      else if (kind === 2) out = out.flatMap(this.name('flat'), copies)
      else if (kind === 3) out = out.map(this.name('fault'), refuse)
      else if (kind === 4) {
        const parts = out.branch(this.name('branch'), { even: ({ n }) => n % 2 === 0 })
        const name = this.name('odd')
        out = parts.even.merge(
          this.name('both'),
          parts.rest.map(name, ({ k, n }) => ({ k, n: n + 1 })),
        )
      } else if (kind === 5) {
        const concurrency = [1, 3, 16][this.below(3)]!
        const options = { concurrency, timeoutMs: PATIENCE_MS }
        out = out.asyncMap(this.name('ask'), (item) => answer(() => ask(item)), options)
      } else out = out.inspect(this.name('look'), () => {})
    }
    if (this.isWild) return wildly(out, this.name('torn'), this.wild!.below(4))
    return this.retentive?.chance(RETENTIVE_ASK) === true ? askingStep(out, this.name('keeping')) : out
  }

  /** Whether what is drawn next fails half-way. */
  private get isWild(): boolean {
    return this.wild?.chance(WILD_STEP) === true
  }

  /** A step with state that fails half-way, or keeps what is hard to keep; mostly none. */
  private other(keyed: KeyedStream<Key, Item>): Items | null {
    if (this.isWild) return tornStep(keyed, this.name('torn'), this.wild!.below(6))
    if (this.retentive?.chance(RETENTIVE_STEP) !== true) return null
    return keepingStep(keyed, this.name('keeping'), this.retentive.below(KEEPING))
  }

  /** A step with state, or two that read the same stream. */
  stateful(stream: Items): Items[] {
    const keyOf = KEYS[this.below(KEYS.length)]!
    const keyed = stream.keyBy(this.name('key'), this.isWild ? tornKey(keyOf) : keyOf)
    const outputs: Items[] = []
    for (let left = this.chance(0.2) ? 2 : 1; left > 0; left--) {
      const kind = this.below(7)
      if (this.ages!.chance(MORTAL)) {
        this.drops = true
        const name = this.name('mortal')
        const kept = mortal(
          keyed,
          name,
          this.ages!.below(4),
          milliseconds(LIFETIMES[this.ages!.below(LIFETIMES.length)]!),
        )
        kept.sink(this.name('sink'), tcpSink({ port: 1, framing: lines(), encode: textOf }))
        continue
      }
      // What drops keys has a sink of its own.
      const other = kind === 2 ? null : this.other(keyed)
      if (other !== null) {
        // As many draws as the step has that it takes the place of: all that follows stays as it was.
        if (kind === 4 || kind === 5) this.below(3)
        outputs.push(kind === 3 || kind === 4 || kind === 5 ? other : this.stateless(other))
        continue
      }
      switch (kind) {
        case 0:
          outputs.push(
            this.stateless(
              keyed.mapWithState(this.name('window'), {
                init: () => ({ last: [0, 0, 0], chain: 0 }),
                step: (state, { k, n }) => {
                  state.last.push(n)
                  state.last.shift()
                  state.chain = (Math.imul(state.chain, 31) + n) % WRAP
                  return { k, n: state.chain }
                },
              }),
            ),
          )
          break
        case 1:
          outputs.push(
            this.stateless(
              keyed.flatMapWithState(this.name('split'), {
                init: () => ({ seen: new Map<number, number>(), total: 0 }),
                step: (state, { k, n }) => {
                  state.total += n
                  state.seen.set(n % 5, (state.seen.get(n % 5) ?? 0) + 1)
                  return Array.from({ length: n % 3 }, (_, i) => ({ k, n: (state.total + i) % WRAP }))
                },
              }),
            ),
          )
          break
        case 2:
          this.drops = true
          keyed
            .mapWithState(this.name('forget'), {
              init: (key) => ({ key: String(key), count: 0 }),
              step: (state, { k, n }, context) => {
                state.count++
                if (state.count === 4) context.forget()
                return { k, n: n + state.count }
              },
            })
            .sink(this.name('sink'), tcpSink({ port: 1, framing: lines(), encode: textOf }))
          break
        case 3:
          outputs.push(
            keyed.mapWithState(this.name('replace'), {
              init: () => ({ n: 0, text: '' }),
              step: (state, { k, n }, context) => {
                if (n % 11 === 0) throw new Error('not this one')
                context.replace({ n: state.n + n, text: `${state.text}${n % 10}`.slice(-20) })
                return { k, n: state.n }
              },
            }),
          )
          break
        case 4:
          outputs.push(
            keyed.aggregate(this.name('sum'), {
              init: () => ({ count: 0, sum: 0 }),
              add: (sum, { n }) => {
                sum.count++
                sum.sum += n
                if (n % 53 === 0) throw new Error('half done')
              },
              result: ({ count, sum }, k) => ({ k, n: sum * 2 + count }),
              every: milliseconds([5, 30, 400][this.below(3)]!),
            }),
          )
          break
        case 5:
          outputs.push(
            keyed.reduce(this.name('reduce'), (a, b) => ({ k: a.k, n: a.n + b.n }), {
              every: milliseconds([5, 30, 400][this.below(3)]!),
            }),
          )
          break
        default:
          outputs.push(
            this.stateless(
              keyed.mapWithState(this.name('count'), {
                init: () => ({ total: 0 }),
                step: (state, { k }) => ({ k, n: ++state.total }),
              }),
            ),
          )
      }
    }
    return outputs
  }
}

/** A step whose keys have a time to live. */
function mortal(keyed: KeyedStream<Key, Item>, name: string, kind: number, ttl: Milliseconds): Items {
  switch (kind) {
    case 0:
      return keyed.flatMapWithState(name, {
        init: () => ({ seen: [] as number[] }),
        step: (state, { k, n }) => {
          state.seen.push(n)
          return Array.from({ length: 1 + (n % 2) }, (_, i) => ({ k, n: state.seen.length + i }))
        },
        ttl,
      })
    case 1:
      return keyed.aggregate(name, {
        init: () => ({ count: 0, sum: 0 }),
        add: (sum, { n }) => {
          sum.count++
          sum.sum += n
        },
        result: ({ count, sum }, k) => ({ k, n: sum * 2 + count }),
        every: milliseconds(30),
        ttl,
      })
    default:
      return keyed.mapWithState(name, {
        init: () => ({ chain: 0 }),
        step: (state, { k, n }) => {
          if (n % 43 === 0) throw new Error('not this one')
          state.chain = (Math.imul(state.chain, 31) + n) % WRAP
          return { k, n: state.chain }
        },
        ttl,
      })
  }
}

const KEYS: readonly ((item: Item) => Key)[] = [
  ({ k }) => k,
  ({ k }) => `key ${String(k)} of a text that is not short`,
  ({ k, n }) => (n % 2 === 0 ? Number(k) : `${String(k)}`),
  ({ n }) => BigInt(n % 17),
  ({ n }) => n % 3 === 0,
]

export function textOf({ k, n }: Item): string {
  return `${String(k)}=${n}`
}

/** Whether somebody can mend the step of this name so that it lets pass what it refused. */
export function isMendable(step: string): boolean {
  return /^(fault|ask)-/.test(step)
}

function* copies({ k, n }: Item): Iterable<Item> {
  for (let i = 0; i < n % 3; i++) yield { k, n: n + i }
}

function refuse(item: Item): Item {
  if (item.n % 37 === 0) throw new Error('refused')
  return item
}

function ask({ k, n }: Item): Item {
  if (n % 41 === 0) throw new Error('no answer')
  return { k, n: (n * 7 + 2) % WRAP }
}
