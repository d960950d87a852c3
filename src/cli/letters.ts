/**
 * The dead letters of a pipeline in a cluster: each worker keeps those of the records that failed there, so every
 * worker that can be reached is asked. Of a pipeline that is drained each of them has all.
 */
import type { LetterPage, LetterView, ListedLetter } from '../admin/letters-view.ts'
import { fail, PotorooError } from '../base/errors.ts'
import type { Replayed } from '../worker/pipelines/pipelines.ts'
import { type ControlClient, type ControlFlags, findWorkers, part } from './control-client.ts'
import { askAll } from './each-worker.ts'

/** Letters that are looked for at a time: a worker takes only so many connections. */
const AT_ONCE = 16

export class Letters {
  private readonly pipeline: string
  private readonly workers: readonly ControlClient[]

  private constructor(pipeline: string, workers: readonly ControlClient[]) {
    this.pipeline = pipeline
    this.workers = workers
  }

  /** Rejects as `findWorkers` does. */
  static async of(pipeline: string, flags: ControlFlags): Promise<Letters> {
    return new Letters(pipeline, await findWorkers(flags, { pipeline }))
  }

  /** The oldest `limit` of all of them. */
  async list(limit: number): Promise<LetterPage> {
    const pages = await askAll(this.workers, (worker) => this.oldest(worker, limit))
    return onePage(this.pipeline, pages, limit)
  }

  /** Those of one worker, which answers so many at a time and no more. */
  private async oldest(worker: ControlClient, limit: number): Promise<LetterPage> {
    const letters: ListedLetter[] = []
    for (;;) {
      const range = `from=${letters.length}&limit=${limit - letters.length}`
      const page = await worker.get<LetterPage>(`${this.path}?${range}`)
      letters.push(...page.letters)
      const all = letters.length >= Math.min(limit, page.count)
      if (all || page.letters.length === 0) return { ...page, letters }
    }
  }

  async show(id: string): Promise<LetterView> {
    return (await this.find(id)).letter
  }

  /** Gives letters back to their steps; all of them where `ids` is `null`. */
  async replay(ids: readonly string[] | null): Promise<Replayed> {
    const results = await this.act<Replayed>('replay', ids)
    const sum = (of: (one: Replayed) => number): number => results.reduce((all, one) => all + of(one), 0)
    return { tried: sum(({ tried }) => tried), left: sum(({ left }) => left) }
  }

  /** Answers how many are gone for good; all of them where `ids` is `null`. */
  async purge(ids: readonly string[] | null): Promise<number> {
    const results = await this.act<{ readonly purged: number }>('purge', ids)
    return results.reduce((sum, { purged }) => sum + purged, 0)
  }

  private async act<T>(verb: 'replay' | 'purge', ids: readonly string[] | null): Promise<readonly T[]> {
    const path = `${this.path}/${verb}`
    if (ids === null) return askAll(this.workers, (worker) => worker.post<T>(path, { ids }))
    const found: { readonly id: string; readonly worker: ControlClient }[] = []
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const some = ids.slice(from, from + AT_ONCE)
      found.push(...(await Promise.all(some.map(async (id) => ({ id, worker: (await this.find(id)).worker })))))
    }
    const keepers = Map.groupBy(found, ({ worker }) => worker)
    return Promise.all(Array.from(keepers, ([worker, kept]) => worker.post<T>(path, { ids: kept.map(({ id }) => id) })))
  }

  /** The letter, and the worker that keeps it. Rejects with `E_NO_LETTER` where none does. */
  private async find(id: string): Promise<{ readonly worker: ControlClient; readonly letter: LetterView }> {
    const found = await askAll(this.workers, async (worker) => {
      try {
        return [{ worker, letter: await worker.get<LetterView>(`${this.path}/${part(id)}`) }]
      } catch (error) {
        if (error instanceof PotorooError && error.code === 'E_NO_LETTER') return []
        throw error
      }
    })
    const [first] = found.flat()
    if (first === undefined) throw fail('E_NO_LETTER', { pipeline: this.pipeline, id })
    return first
  }

  private get path(): string {
    return `/v1/pipelines/${part(this.pipeline)}/dead-letters`
  }
}

/** The oldest `limit` letters of what each worker has said. */
export function onePage(pipeline: string, pages: readonly LetterPage[], limit: number): LetterPage {
  const ofAll = pages.find((page) => page.ofAll)
  if (ofAll !== undefined) return ofAll
  const letters = pages.flatMap((page) => page.letters).toSorted((a, b) => a.timeMs - b.timeMs)
  const count = pages.reduce((sum, page) => sum + page.count, 0)
  return { pipeline, count, letters: letters.slice(0, limit) }
}
