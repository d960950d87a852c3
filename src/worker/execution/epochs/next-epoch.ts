/**
 * Who waits on this worker for an epoch that begins after he came, whichever that is: readers, of whom there may be
 * many at a time.
 *
 * N1. Who comes before the next barrier has come here shares its epoch: whatever he has seen here stands in front of
 *     that barrier. So one request is made for each barrier, however many come, and however long no epoch becomes
 *     complete.
 * N2. Who waits no more leaves nothing behind.
 */
import type { Answered } from './epoch-requests.ts'

export class NextEpoch {
  private readonly request: (done: Answered) => void
  /** Those who have come since the last barrier; `null`: nobody has asked since. */
  private waiting: Set<Answered> | null = null

  /** `request` asks for an epoch that begins after that call. */
  constructor(request: (done: Answered) => void) {
    this.request = request
  }

  /** `done` hears once why it did not come about, or `null`, unless what is answered here is called before. */
  wait(done: Answered): () => void {
    if (this.waiting !== null) {
      const { waiting } = this
      waiting.add(done)
      return () => waiting.delete(done)
    }
    const waiting = new Set([done])
    this.waiting = waiting
    this.request((failure) => {
      if (this.waiting === waiting) this.waiting = null
      for (const one of waiting) one(failure)
    })
    return () => waiting.delete(done)
  }

  /** A barrier has come here: who comes from now on waits for a later one. */
  barrier(): void {
    this.waiting = null
  }
}
