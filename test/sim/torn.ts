/**
 * Steps that fail half-way: they have changed their state, or put out a part, when they throw. Nothing of that may be
 * seen (PROTOCOLS 9).
 */
import type { Key } from '../../src/base/hash.ts'
import { type KeyedStream, milliseconds } from '../../src/index.ts'
import { answer } from './answers.ts'
import { type Item, type Items, PATIENCE_MS, WRAP } from './graphs.ts'
import { mixed } from './mixed.ts'

/** What `flatMapWithState` may put out of one record, in clusters that are drawn: some give more. */
export const OUTPUTS = 200

/** A step without state behind `stream`. */
export function wildly(stream: Items, name: string, kind: number): Items {
  if (kind === 0) return stream.flatMap(name, halfOf)
  if (kind === 1) return stream.filter(name, ({ n }) => fitting(n, 47) && n % 5 !== 0)
  if (kind === 2) {
    const { odd, rest } = stream.branch(name, { odd: ({ n }) => fitting(n, 43) && n % 2 === 1 })
    const even = rest.map(`${name}-even`, ({ k, n }) => ({ k, n: n + 2 }))
    return odd.merge(`${name}-both`, even)
  }
  return stream.asyncMap(name, (item) => answer(() => (item.n % 6 === 0 ? undefined : item)) as Promise<Item>, {
    concurrency: 4,
    timeoutMs: PATIENCE_MS,
  })
}

/** Gives some, and then perhaps fails. */
function* halfOf({ k, n }: Item): Iterable<Item> {
  for (let i = 0; i < 1 + (n % 3); i++) yield { k, n: n + i }
  fitting(n, 29)
}

/** Throws where `n` is a multiple of `of`. */
function fitting(n: number, of: number): true {
  if (n % of === 0) throw new Error(`${n} does not fit`)
  return true
}

/** No key for some, and one that is none for others. */
export function tornKey(keyOf: (item: Item) => Key): (item: Item) => Key {
  return (item) => {
    fitting(item.n, 53)
    return item.n % 59 === 0 ? Number.NaN : keyOf(item)
  }
}

interface Log {
  readonly log: number[]
  readonly by: Record<string, { n: number }>
  chain: number
}

const empty = (): Log => ({ log: [], by: {}, chain: 0 })
/** Of so many entries a log begins anew. */
const LONG = 120

/** Changes all of `state` that there is; throws for some when half of it is done. */
function change(state: Log, n: number, least: number): void {
  if (state.log.length > LONG) state.log.length = 0
  for (let i = 0; i < least; i++) state.log.push((n + i) % 100)
  const place = `of ${n % 4}`
  state.by[place] = { n: (state.by[place]?.n ?? 0) + 1 }
  if (n % 19 === 0) {
    state.log.length = 0
    delete state.by[place]
    throw new Error('half done')
  }
  state.chain = (Math.imul(state.chain, 31) + n) % WRAP
}

/** A step with state. */
export function tornStep(keyed: KeyedStream<Key, Item>, name: string, kind: number): Items {
  switch (kind) {
    case 0:
      // Its states are as long as a few hundred bytes, or as none.
      return keyed.mapWithState(name, {
        init: empty,
        step: (state, { k, n }) => {
          change(state, n, 1 + (n % 12))
          return { k, n: state.chain + state.log.length }
        },
      })
    case 1:
      return keyed.mapWithState(name, {
        init: empty,
        step: (state, { k, n }, context) => {
          if (n % 17 === 0) context.replace({ ...empty(), chain: n })
          if (n % 23 === 0) context.forget()
          change(state, n, 2)
          fitting(n, 23)
          return { k, n: state.chain }
        },
      })
    case 2:
      return keyed.flatMapWithState(name, {
        init: empty,
        step: function* (state, { k, n }) {
          // Too many by themselves, or few enough to go more ways than one, and to become more behind.
          const count = n % 16 === 0 ? OUTPUTS + 1 : n % 6
          for (let i = 0; i < count; i++) {
            change(state, i === 3 ? n : n * 19 + 1 + (i % 18), 1)
            yield { k, n: state.chain }
          }
        },
      })
    case 3:
      return keyed.mapWithState(name, {
        init: (key) => {
          if (mixed(5, String(key), 0) % 6 === 0) throw new Error('no such key')
          return empty()
        },
        step: (state, { k, n }) => {
          change(state, n, 3)
          return n % 3 === 0 ? (undefined as never) : { k, n: state.chain }
        },
      })
    case 4:
      return keyed.aggregate(name, {
        init: () => ({ ...empty(), count: 0 }),
        add: (state, { n }) => {
          state.count++
          change(state, n, 4)
        },
        result: ({ count, chain }, k) => (count % 3 === 0 ? (undefined as never) : { k, n: chain }),
        every: milliseconds(20),
      })
    default:
      return keyed.reduce(
        name,
        (a, b) => (b.n % 31 === 0 ? (undefined as never) : { k: b.k, n: (a.n * 7 + b.n) % WRAP }),
        {
          every: milliseconds(20),
        },
      )
  }
}
