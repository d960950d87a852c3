/**
 * Steps that keep what is hard to keep: states that some records leave nested too deep to be written, so that a
 * checkpoint meets them and the record becomes a dead letter (`dataflow/state-depth.ts`), records that are so
 * themselves in front of a step that holds them (`dataflow/async-task.ts`, J5), and sums that are changed in place,
 * where others may have the same object (`dataflow/aggregate-task.ts`, A4; `model/lower.ts`).
 */
import type { Key } from '../../src/base/hash.ts'
import { type KeyedStream, milliseconds } from '../../src/index.ts'
import { answer } from './answers.ts'
import { type Item, type Items, PATIENCE_MS, WRAP } from './graphs.ts'

/** How many kinds there are, the first of which have states that may be too deep. */
export const KEEPING = 6
/** More levels than a state may have, and so many that a few times as many are more. */
const TOO_MANY = 100
const SOME = 12

interface Deep {
  chain: number
  nest: unknown
}

const shallow = (): Deep => ({ chain: 0, nest: null })

/** Nests `state` deeper for some, too deep for a few of them, and takes that back for others. */
function delve(state: Deep, n: number): void {
  state.chain = (Math.imul(state.chain, 31) + n) % WRAP
  if (n % 31 === 0) state.nest = inside(state.nest, TOO_MANY)
  else if (n % 13 === 0) state.nest = null
  else if (n % 3 === 0) state.nest = inside(state.nest, SOME)
}

/** `value` in so many lists and fields. */
function inside(value: unknown, levels: number): unknown {
  let nest = value
  for (let i = 0; i < levels; i++) nest = i % 2 === 0 ? [nest] : { in: nest }
  return nest
}

/** A sum, or a part of one, which its functions change in place. */
type Lent = { -readonly [Field in keyof Item]: Item[Field] }

/** A step of the kind that `kind` says. */
export function keepingStep(keyed: KeyedStream<Key, Item>, name: string, kind: number): Items {
  const every = milliseconds(20)
  switch (kind) {
    case 0:
      return keyed.mapWithState(name, {
        init: shallow,
        step: (state, { k, n }) => {
          delve(state, n)
          return { k, n: state.chain }
        },
      })
    case 1:
      return keyed.mapWithState(name, {
        init: shallow,
        step: (state, { k, n }, context) => {
          const next = { ...state }
          delve(next, n)
          context.replace(next)
          return { k, n: next.chain }
        },
      })
    case 2:
      return keyed.flatMapWithState(name, {
        init: shallow,
        step: function* (state, { k, n }) {
          for (let i = 0; i < n % 3; i++) yield { k, n: state.chain + i }
          delve(state, n)
        },
      })
    case 3:
      return keyed.aggregate(name, {
        init: shallow,
        add: (sum, { n }) => delve(sum, n),
        result: ({ chain }, k) => ({ k, n: chain }),
        every,
      })
    case 4:
      return keyed.reduce(name, addTo, { every })
    default:
      return keyed.aggregate(name, {
        init: () => ({ lent: { k: 0 as Key, n: 0 } }),
        add: ({ lent }, { k, n }) => {
          addTo(lent, { k, n })
          lent.k = k
        },
        result: ({ lent }) => lent,
        every,
      })
  }
}

/**
 * A step that asks about records some of which are too deep to be kept meanwhile. Their letters have words, in which no
 * bigint can be shown.
 */
export function askingStep(stream: Items, name: string): Items {
  return stream
    .map(`${name}-nested`, ({ k, n }) => ({
      k: typeof k === 'bigint' ? Number(k) : k,
      n,
      nest: n % 23 === 0 ? inside(null, TOO_MANY) : null,
    }))
    .asyncMap(name, ({ k, n }) => answer(() => ({ k, n: n + 1 })), { concurrency: 8, timeoutMs: PATIENCE_MS })
}

function addTo(sum: Lent, { n }: Item): Lent {
  sum.n = (sum.n * 7 + n) % WRAP
  return sum
}
