/**
 * Programs of one pipeline that follow one another: a trunk that all of them have, and twigs that come, change and go.
 *
 * The trunk is a drawn graph whose heads (`Draw`) are watched: a step of its own counts what passes each, in every
 * program. A twig is a few steps in a row beside it, that listen to a head, read files or have producers of their own,
 * and end in a file. What of a head's records a twig must have is so told by the trunk, whose history is judged for
 * itself (`checkers/twigs.ts`).
 *
 * A step is known by its name: one that has another name, or another kind under its name, is another step.
 */
import type { Prng } from '../../src/base/prng.ts'
import {
  fileSink,
  fileSource,
  lines,
  milliseconds,
  type PipelineBuilder,
  pipeline,
  tcpSource,
} from '../../src/index.ts'
import type { Pipeline } from '../../src/model/pipeline.ts'
import type { Plan } from '../../src/model/plan.ts'
import { answer } from './answers.ts'
import { type Case, caseOf, type Drain, type Feed, type MakeRecord, type Place } from './cases.ts'
import { Draw, type Items, PATIENCE_MS, parse, textOf, WRAP } from './graphs.ts'
import { mixed } from './mixed.ts'

export type PartKind = 'files' | 'acked' | 'call' | 'chain' | 'sum' | 'append' | 'segments'

export interface Part {
  readonly step: string
  readonly kind: PartKind
  /** Of a source: where it listens, should it have producers. It stays, whatever name the source is given. */
  readonly port?: number
}

/** Steps in a row. */
export interface Twig {
  /** The head that it listens to; `null`: its first part is a source. */
  readonly head: number | null
  readonly parts: readonly Part[]
}

export interface Program {
  /** In the order in which they were drawn; the first one is 0. */
  readonly number: number
  readonly twigs: readonly Twig[]
  /** What was said with `--drop`. */
  readonly drop: readonly string[]
}

/** All programs that can be drawn. */
export interface Family {
  /** The trunk. */
  readonly system: Case
  /** The steps that count what passes each head. */
  readonly watches: readonly string[]
  /** What the files hold that twigs read. */
  readonly files: Feed
  /** What the producers of `part` send, where twigs have such. */
  readonly feed: (part: Part) => Feed
  readonly acked: boolean
  readonly plan: (program: Program) => Plan
}

/** By what the chain knows `program`. */
export function hashOf({ number }: Program): string {
  return number === 0 ? 'program' : `program-${number}`
}

/** `called`: some twigs have producers. `acked` draws which sinks have receivers (`cases.ts`). */
export function drawFamily(random: Prng, acked: Prng, place: Place, called: boolean): Family {
  const [salt, shape, keys] = [random.u32(), random.u32(), 2 + random.below(20)]
  const sources = 1 + random.below(2)
  const item: MakeRecord = (life, sequence) =>
    Buffer.from(`${mixed(salt, life, sequence) % keys},${mixed(salt + 1, life, sequence) % 1000}`)
  const records: Record<string, MakeRecord> = {}
  for (let i = 1; i <= sources; i++) {
    records[`source${i}`] = (life, sequence) =>
      mixed(salt, life, sequence) % 61 === 0 ? Buffer.from('nonsense') : item(life, sequence)
  }
  const watches: string[] = []
  let exact = false
  const written = (twigs: readonly Twig[]): Pipeline =>
    pipeline('programs', (p) => {
      const draw = new Draw(shape)
      let heads = Object.keys(records).map((name): Items => {
        return draw.stateless(p.source(name, tcpSource({ port: 7001 })).map(`parse-${name}`, parse))
      })
      if (heads.length > 1 && draw.chance(0.5)) heads = [heads[0]!.merge('merged', heads[1]!)]
      watches.splice(0, Infinity, ...heads.map((_, i) => `watch${i}`))
      for (const [i, head] of heads.entries()) keep(head, watches[i]!, 'chain')
      for (const stream of heads.flatMap((head) => draw.stateful(head))) {
        stream.sink(draw.name('sink'), fileSink({ path: 'out', encode: textOf }))
      }
      exact = draw.drops
      for (const twig of twigs) grow(p, heads, twig, place)
    })
  const trunk = written([])
  trunk.build()
  const system = caseOf({ name: 'programs', pipeline: trunk, records, exact }, random, acked, place)
  const files = { step: 'twigs', kind: 'file', web: false, port: 0, files: 2, record: item, framing: lines() } as const
  const feed = ({ step, port }: Part): Feed => ({ ...files, step, kind: 'acked', port: port!, files: 0 })
  return { system, watches, files, feed, acked: called, plan: ({ twigs }) => system.build(written(twigs)) }
}

function grow(p: PipelineBuilder<Record<never, never>>, heads: readonly Items[], twig: Twig, place: Place): void {
  let stream = twig.head === null ? null : heads[twig.head]!
  for (const { step, kind, port } of twig.parts) {
    if (kind === 'files')
      stream = p.source(step, fileSource({ path: `${place.folder}/in-twigs/*` })).map(`parse-${step}`, parse)
    else if (kind === 'acked') {
      const source = tcpSource({ host: place.host, port: port!, protocol: 'acked' })
      stream = p.source(step, source).map(`parse-${step}`, parse)
    } else if (kind === 'call')
      stream = stream!.asyncMap(step, (item) => answer(() => item), { timeoutMs: PATIENCE_MS })
    else if (kind === 'chain' || kind === 'sum') stream = keep(stream!, step, kind)
    else {
      const path = `${place.folder}${drainOf({ step, kind }).path}`
      stream!.sink(step, fileSink({ path, append: kind === 'append', framing: lines(), encode: textOf }))
    }
  }
}

/** A step with state that refuses nothing and drops nothing. */
function keep(stream: Items, step: string, kind: 'chain' | 'sum'): Items {
  const keyed = stream.keyBy(`key-${step}`, ({ k }) => k)
  if (kind === 'sum') {
    return keyed.aggregate(step, {
      init: () => ({ sum: 0 }),
      add: (state, { n }) => {
        state.sum += n
      },
      result: ({ sum }, k) => ({ k, n: sum }),
      every: milliseconds(30),
    })
  }
  return keyed.mapWithState(step, {
    init: () => ({ chain: 0 }),
    step: (state, { k, n }) => {
      state.chain = (Math.imul(state.chain, 31) + n) % WRAP
      return { k, n: state.chain }
    },
  })
}

/** What a sink of a twig writes: another kind of one name writes to another place. */
export function drainOf({ step, kind }: Part): Drain & Part {
  const drain = { step, port: 0, path: `/out/${step}-${kind}.txt`, caused: false }
  return kind === 'append' ? { ...drain, kind } : { ...drain, kind: 'segments' }
}
