/**
 * What a receiver remembers of one sink: the ids that can come again, and no others.
 *
 * N1. An id is remembered with the epoch after which it was sent. Once the floor is above that epoch, every checkpoint
 *     that can ever be gone back to has its record before it: the id never comes again, and is forgotten.
 * N2. A generation begins at a base. What was sent after the base, or a later epoch, is in no history any more: its
 *     record comes again at some time, however far the floor has risen by then. Such an id is loose until it has come
 *     again. A base below the floor is that of a store which was put back: the floor is no higher than that any more.
 *     Where a generation was missed, its base is not known: any id may be in no history, and all are loose.
 * N3. At most `max` ids are remembered. Beyond them the loose ones go first, the oldest before the others; whoever is
 *     forgotten too early is handed over again when it comes.
 */

/** In place of the epoch of a loose id. */
const LOOSE = -1

export class Memory {
  generation = 0
  base = 0
  floorEpoch = 0
  /** Ids that were forgotten too early (N3). */
  forgotten = 0
  private readonly max: number
  private readonly ids = new Map<string, number>()
  /** Ids by the epoch after which they were sent, as they came; one that came again later stands in both. */
  private readonly sent = new Map<number, string[]>()
  /** Those of `ids` that are, the oldest first. */
  private readonly loose = new Set<string>()

  constructor(max: number) {
    this.max = max
  }

  get size(): number {
    return this.ids.size
  }

  /** A generation begins, or goes on from another base (N2). */
  begin(generation: number, base: number): void {
    const missed = generation > this.generation + 1
    this.generation = generation
    this.base = base
    this.floorEpoch = Math.min(this.floorEpoch, base)
    for (const [after, ids] of this.sent) {
      if (after < base && !missed) continue
      this.sent.delete(after)
      for (const id of ids) if (this.ids.get(id) === after) this.loosen(id)
    }
  }

  /** Remembers an id as one that comes again some time. */
  loosen(id: string): void {
    this.ids.set(id, LOOSE)
    this.loose.add(id)
  }

  get looseIds(): Iterable<string> {
    return this.loose
  }

  /** Takes note of an id that was sent after the barrier of epoch `after`; true when it is new. */
  take(id: string, after: number): boolean {
    const known = this.ids.get(id)
    if (known === after) return false
    if (known === LOOSE) this.loose.delete(id)
    this.ids.set(id, after)
    const list = this.sent.get(after)
    if (list === undefined) this.sent.set(after, [id])
    else list.push(id)
    if (known === undefined && this.ids.size > this.max) this.shrink()
    return known === undefined
  }

  /** N1. */
  floor(epoch: number): void {
    if (epoch <= this.floorEpoch) return
    this.floorEpoch = epoch
    for (const [after, ids] of this.sent) {
      if (after >= epoch) continue
      this.sent.delete(after)
      for (const id of ids) if (this.ids.get(id) === after) this.ids.delete(id)
    }
  }

  /** Forgets a tenth, so that it does not happen for every record (N3). */
  private shrink(): void {
    let left = Math.ceil(this.max / 10)
    const forget = (id: string): void => {
      this.ids.delete(id)
      this.forgotten++
      left--
    }
    for (const id of this.loose) {
      if (left === 0) return
      this.loose.delete(id)
      forget(id)
    }
    for (const after of [...this.sent.keys()].sort((a, b) => a - b)) {
      const list = this.sent.get(after)!
      let at = 0
      for (; at < list.length && left > 0; at++) if (this.ids.get(list[at]!) === after) forget(list[at]!)
      list.splice(0, at)
      if (list.length > 0) return
      this.sent.delete(after)
    }
  }
}
