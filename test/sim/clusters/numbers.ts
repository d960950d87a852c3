/**
 * Pipelines that make numbers of their own, from nobody: each shows every number once, with what a step made of it and
 * of all numbers of its key before; or sums of the first numbers of each key, none twice, the last one surely.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { fileSink, generatorSource, lines, milliseconds, pipeline } from '../../../src/index.ts'
import type { Pipeline } from '../../../src/model/pipeline.ts'
import { type MemberStation, SHARED } from '../../../src/sim/member-station.ts'
import type { Volume } from '../../../src/sim/volume.ts'
import { WRAP } from '../graphs.ts'
import { linesIn } from '../remains.ts'
import type { ChainWatch } from './chain-watch.ts'

/** What one of them makes. */
export interface Numbers {
  readonly name: string
  /** Where its sink writes, on the shared volume. */
  readonly path: string
  readonly count: number
  readonly splits: number
  readonly keys: number
  readonly rate: number
  readonly kind: 'chain' | 'sum'
  readonly append: boolean
  /** A step refuses each number that this divides, when it has changed its state; 0: none. */
  readonly torn: number
}

/** Draws one that takes most of `actMs`, and leaves at most `letters`, which nobody takes out. */
export function drawNumbers(name: string, random: Prng, actMs: number, letters: number): Numbers {
  const splits = 1 + random.below(3)
  const count = 20 + random.below(200)
  const rate = Math.ceil((1000 * count) / (actMs * random.between(0.3, 1)))
  const kind = random.chance(0.5) ? 'chain' : 'sum'
  const append = kind === 'chain' && random.chance(0.6)
  const keys = splits * (1 + random.below(6))
  const torn = [0, 0, 3, 7][random.below(4)]!
  return { name, path: `/out/${name}.txt`, count, splits, keys, rate, kind, append, torn: count > letters ? 0 : torn }
}

export function pipelineOf({ name, path, count, splits, keys, rate, kind, append, torn }: Numbers): Pipeline {
  const check = (n: number): void => {
    if (isRefused(n, torn)) throw new Error('half done')
  }
  return pipeline(name, (p) => {
    const keyed = p
      .source('numbers', generatorSource({ count, rate, splits, value: (n) => n }))
      .keyBy('key', (n) => n % keys)
    const sink = fileSink({ path: `${SHARED}${path}`, append, framing: lines(), encode: String })
    if (kind === 'chain') {
      const step = (state: { chain: number }, n: number): string => {
        const line = chained(state, n)
        check(n)
        return line
      }
      keyed.mapWithState('chain', { init: () => ({ chain: 0 }), step }).sink('out', sink)
    } else {
      keyed
        .aggregate('sum', {
          init: () => ({ count: 0, sum: 0 }),
          add: (state, n) => {
            state.count++
            state.sum += n
            check(n)
          },
          combine: (state, other) => {
            state.count += other.count
            state.sum += other.sum
          },
          result: ({ count, sum }, key) => `${key}=${count}:${sum}`,
          every: milliseconds(50),
        })
        .sink('out', sink)
    }
  })
}

function isRefused(n: number, torn: number): boolean {
  return torn > 0 && n % torn === 0
}

function chained(state: { chain: number }, n: number): string {
  state.chain = (Math.imul(state.chain, 31) + n) % WRAP
  return `${n}=${state.chain}`
}

/**
 * The lines that it may show, and those of them that it must. A key is in one split, so its numbers come in their
 * order.
 */
export function expectedOf({ count, keys, kind, torn }: Numbers): ReadonlyMap<string, 'may' | 'must'> {
  const expected = new Map<string, 'may' | 'must'>()
  for (let key = 0; key < keys; key++) {
    const state = { chain: 0 }
    let [made, sum] = [0, 0]
    let last = ''
    for (let n = key; n < count; n += keys) {
      if (isRefused(n, torn)) continue
      made++
      sum += n
      last = kind === 'chain' ? chained(state, n) : `${key}=${made}:${sum}`
      expected.set(last, kind === 'chain' ? 'must' : 'may')
    }
    if (made > 0) expected.set(last, 'must')
  }
  return expected
}

/** What the run that is there shows, and in a file that grows perhaps some before it. */
export function shownOf({ path, append, count, torn }: Numbers, volume: Volume): readonly string[] {
  const lines = linesIn(volume, path, append)
  const made = torn === 0 ? count : count - Math.ceil(count / torn)
  return append ? lines.slice(-made) : lines
}

/** Whether the run that is there is known to have made all: what a growing file shows may be of one before it. */
export function hasEnded(name: string, stations: readonly MemberStation[], chain: ChainWatch): boolean {
  const run = chain.lastRun(name)?.run
  const residents = stations.map(({ worker }) => worker?.residents.all.get(name))
  return residents.some((resident) => resident?.phase === 'ended' && resident.run === run)
}

/** A line that it must show and does not, or `null`. */
export function lackOf(shown: readonly string[], expected: ReturnType<typeof expectedOf>): string | null {
  const there = new Set(shown)
  for (const [line, need] of expected) if (need === 'must' && !there.has(line)) return line
  return null
}

/** What is wrong with what is shown in the end, or `null`. */
export function faultOf(shown: readonly string[], expected: ReturnType<typeof expectedOf>): string | null {
  const there = new Set<string>()
  for (const line of shown) {
    if (!expected.has(line)) return `shows ${line}, which was never made`
    if (there.has(line)) return `shows ${line} twice`
    there.add(line)
  }
  const lack = lackOf(shown, expected)
  return lack === null ? null : `does not show ${lack}`
}
