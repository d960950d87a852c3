/**
 * How far complete epochs cover the streams of one source, and what its journal may let go because of that.
 *
 * The caller has read the epoch's record, or the floor's, in the chain (`source.ts`, D4). This member's own rows are
 * enough for both, but for a floor where the journal `keepsForOthers`.
 */
import type { Homes } from './homes.ts'
import type { Segments } from './segments.ts'
import type { Stream, StreamRow } from './stream.ts'
import type { Streams } from './streams.ts'

export interface CoverageOptions {
  readonly streams: Streams
  /** The stream of this incarnation's plain connections. */
  readonly plain: Stream
  readonly homes: Homes
  readonly segments: Segments
  /** How many milliseconds ago a time was, as of now. */
  readonly ages: () => (time: number) => number
  /** More of `stream` may be covered. */
  covered(stream: Stream): void
}

export class Coverage {
  private readonly options: CoverageOptions

  constructor(options: CoverageOptions) {
    this.options = options
  }

  /**
   * The epoch with these rows is complete: producers may forget what it covers, and streams that were to move with it
   * do. `held`: keys of streams of which steps here held records at its barrier.
   */
  complete(rows: readonly StreamRow[], held: ReadonlySet<string> = new Set()): void {
    const { streams, homes, covered } = this.options
    const news = ({ state, covered }: Stream, [, , position]: StreamRow): boolean =>
      state.phase !== 'home' || position > covered
    streams.match(rows, news, (stream, row) => {
      const [, , position] = row
      if (stream.state.phase === 'home') stream.covered = Math.max(stream.covered, position)
      homes.onComplete(stream, row, held.has(stream.key))
      covered(stream)
    })
  }

  /** No epoch with rows below these will ever be a base again: the journal needs nothing up to them. */
  floor(rows: readonly StreamRow[]): void {
    const { streams, plain, homes, segments, ages } = this.options
    const news = ({ floor }: Stream, [, , position]: StreamRow): boolean => position > floor
    streams.match(rows, news, (stream, [, , position]) => {
      stream.raiseFloor(position)
    })
    streams.expire(
      plain,
      ages(),
      (key) => segments.holds(key),
      (stream) => homes.forget(stream),
    )
  }

  /**
   * Whether the journal keeps something of streams that others answer for: what this member reports says nothing of
   * them.
   */
  get keepsForOthers(): boolean {
    const { streams, segments } = this.options
    return segments.keptFor((key) => {
      const state = streams.ofKey(key)?.state
      return state?.phase === 'wanting' || (state?.phase === 'away' && state.home !== '')
    })
  }

  /** Nothing of the stream `key` is needed up to this sequence. */
  floorOf(key: string): number {
    return this.options.streams.ofKey(key)?.freeUpTo ?? 0
  }
}
