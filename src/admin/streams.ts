/**
 * The producers that a pipeline's sources remember, as the control API shows them. The field names are a public format.
 */
import type { Resident } from '../worker/pipelines/pipelines.ts'

/** A producer that a source remembers. */
export interface StreamView {
  readonly source: string
  readonly producer: string
  readonly incarnation: string
  readonly acked: boolean
  /** The sequence of the last record that the pipeline has taken. */
  readonly position: number
  /** The worker that answers for it. */
  readonly home: string
  /** Record time of its last record, in milliseconds since 1970; 0 before the first. */
  readonly timeMs: number
  /**
   * Records that its producer does not have any more, and the worker whose journal does; `null` where none are missing.
   */
  readonly parked: { readonly first: number; readonly last: number; readonly home: string } | null
}

/** Some of the streams of one worker, which may be a hundred thousand for each source. */
export interface StreamPage {
  readonly pipeline: string
  /** Of all streams, those that are not in the page too. */
  readonly count: number
  readonly streams: readonly StreamView[]
}

/** The `limit` streams behind the first `from`. */
export function pageOfStreams({ name, execution }: Resident, from: number, limit: number): StreamPage {
  const { parked, streams } = execution.status
  const page: StreamView[] = []
  let count = 0
  for (const [source, rows] of streams) {
    const some = rows.slice(Math.max(0, from - count), Math.max(0, from + limit - count))
    count += rows.length
    if (some.length === 0) continue
    // After a loss all may be.
    const waiting = new Map(parked.get(source)?.map((one) => [`${one.producer}\0${one.incarnation}`, one]))
    for (const [producer, incarnation, position, home, , timeMs, acked] of some) {
      const waits = waiting.get(`${producer}\0${incarnation}`)
      page.push({
        ...{ source, producer, incarnation, acked, position, home, timeMs },
        parked: waits === undefined ? null : { first: waits.first, last: waits.last, home: waits.home },
      })
    }
  }
  return { pipeline: name, count, streams: page }
}
