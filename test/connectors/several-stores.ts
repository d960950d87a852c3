/**
 * Stores that come to one path, each with its own writers, on a disk that takes its time, at about one time or the
 * first one before the others: some begin there, write, end and begin again.
 *
 * T1. Of several stores one begins at most.
 * T2. Who comes first, before the others, begins, and is refused at no later start. Of two that come at one time each
 *     may see the other's mark: then it is for a person to say whose it is.
 */
import { Prng } from '../../src/base/prng.ts'
import type { Json, Writer } from '../../src/connectors/connector.ts'
import { fileSink } from '../../src/connectors/file/describe.ts'
import { fileSinkConnector } from '../../src/connectors/file/sink.ts'
import { calm } from '../../src/sim/weather.ts'
import { Bench } from './bench.ts'

const JITTER_MS = 30
/** Within so long all come, and so often each begins again. */
const COME_MS = 150
const LIVES = 4
/** By then each has done what it does. */
const DONE_MS = 2000

/** What is wrong with what happens from `seed` on. */
export function severalStores(seed: number): readonly string[] {
  const random = new Prng(seed)
  const slow = { ...calm, disk: { ...calm.disk, jitterMs: JITTER_MS } }
  const on = new Bench(fileSinkConnector, fileSink<unknown>({ path: 'out/rows', encode: String }), slow, seed)
  // That of the bench is none of them.
  on.pass(DONE_MS)
  on.writer.close()
  for (const name of on.volume.list('out') as string[]) on.volume.remove(`out/${name}`)
  const stores = ['a', 'b b', 'ü'].slice(0, 1 + random.below(3))
  const apart = stores.length === 1 || random.chance(0.5)
  const began = new Set<string>()
  const wrong: string[] = []

  /** One life of a writer: restores, shows a segment, and ends. */
  const live = (store: string, writer: string, life: number): void => {
    const failed = ({ code }: { readonly code: string }): void => {
      if (apart && store === stores[0]) wrong.push(`${store} is refused by ${code}, and came first (T2)`)
    }
    const opened: Writer = on.another({ store, writer, failed })
    // Each counts generations and epochs for itself.
    const at = { generation: life * (1 + random.below(5)), epoch: random.below(3) }
    opened.restore({ ...at, back: false, snapshots: [] }, () => {
      began.add(store)
      if (began.size > 1) wrong.push(`${[...began].join(' and ')} have begun (T1)`)
      opened.write(Buffer.from(store), 1)
      opened.barrier(at.epoch + 1, at.generation, (snapshot: Json) => {
        opened.commit(at.epoch + 1, snapshot)
        opened.end(() => opened.close())
      })
    })
  }
  for (const [i, store] of stores.entries()) {
    for (const writer of ['w1', 'w2'].slice(random.below(2))) {
      for (let life = 1; life <= LIVES; life++) {
        const first = life - 1 + (apart && i > 0 ? 1 : 0)
        const comeMs = first * DONE_MS + random.between(0, COME_MS)
        on.process.env.clock.after(comeMs, () => live(store, writer, life))
      }
    }
  }
  on.pass((LIVES + 1) * DONE_MS)
  if (apart && !began.has(stores[0]!)) wrong.push(`${stores[0]} came first, and has not begun (T2)`)
  return [...new Set(wrong)]
}
