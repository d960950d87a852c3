/**
 * Who brought the records of a stream up to some position: what a client has to know that goes on behind it
 * (`streams.ts`, T4).
 *
 * L1. A trail never changes; where another writer goes on it is followed by another trail. So it stands for records,
 *     like the position beside it, and goes wherever that goes.
 * L2. Of each writer the last record is kept: a client knows up to where each one may have brought records, so who
 *     knows that it has brought this one knows the same of all before.
 * L3. What was forgotten is taken to be known. Only the latest writers are kept, and of requests, each of which is a
 *     writer of its own (`brought.ts`), only one behind another writer.
 */
import { TRAIL_WRITERS } from '../protocol/messages.ts'
import { isOfRequest } from './brought.ts'

/** Somebody who brought records, and the last of them. */
export type Bringer = { readonly writer: string; readonly last: number }

export class Trail {
  /** Who brought the last record; '' where nobody knows. */
  readonly writer: string
  /** Who brought others in front of it, in the order of their last ones. */
  readonly before: readonly Bringer[]

  constructor(writer: string, before: readonly Bringer[] = []) {
    this.writer = writer
    this.before = before
  }

  /** The trail once `writer` has gone on behind record `last`. */
  follow(last: number, writer: string): Trail {
    const { writer: latest, before } = this
    if (writer === latest) return this
    if (latest === '' || (isOfRequest(latest) && isOfRequest(writer))) return new Trail(writer, without(before, writer))
    return new Trail(writer, [...without(before, writer), { writer: latest, last }].slice(-TRAIL_WRITERS))
  }
}

function without(bringers: readonly Bringer[], writer: string): readonly Bringer[] {
  return bringers.some((one) => one.writer === writer) ? bringers.filter((one) => one.writer !== writer) : bringers
}

/** Nobody knows who brought what. */
export const NO_TRAIL = new Trail('')
