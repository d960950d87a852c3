/**
 * A member's side of a change of owners (PROTOCOLS 11), and that of a worker that is joining.
 *
 * M1. The coordinator announces the moves of an attempt one by one, and asks for its first round behind the last of
 *     them.
 * M2. What moves goes by the store, where it lies already: who gets key groups reads them ahead, round by round, and
 *     says that it has them once it has. Correctness never depends on it: what was not read ahead is read later.
 * M3. What was read counts for the round of the attempt that it was asked for in, and for no other. Attempts are
 *     counted anew in each generation, so every one that is read is told here, also to a worker that it does not name.
 */
import type { Round } from '../../cluster/rescale-state.ts'
import type { Message } from '../../transport/wire.ts'
import type { DriverHost } from './driver-host.ts'

export type MoverMessage = Message<'moveAnnounced' | 'roundAsked' | 'released'>

export class MoverDriver {
  private readonly host: DriverHost
  /** The attempt that was heard of last, 0 where none is under way. */
  private attempt = 0
  /** Key groups that this worker is to get in it. */
  private takes: number[] = []
  /** Who is to get key groups from this worker in it. */
  private receivers = new Set<string>()
  /** Counts what was asked for: the answer to an earlier round is none (M3). */
  private turn = 0

  constructor(host: DriverHost) {
    this.host = host
  }

  take(message: MoverMessage): void {
    const { attempt } = message
    switch (message.kind) {
      case 'moveAnnounced': {
        const { from, to, keyGroups } = message
        const { worker } = this.host
        this.enter(attempt)
        if (to === worker) this.takes.push(...keyGroups)
        if (from === worker) this.receivers.add(to)
        return
      }
      case 'roundAsked':
        this.enter(attempt)
        return this.readAhead(message.round)
      case 'released':
        if (attempt !== this.attempt) return
        this.forget()
        return this.host.work.forgetAhead()
    }
  }

  /** Another generation has been read, or this worker begins anew, with empty state. */
  forget(): void {
    this.enter(0)
  }

  private enter(attempt: number): void {
    if (attempt === this.attempt) return
    this.attempt = attempt
    this.takes = []
    this.receivers = new Set()
    this.turn++
  }

  /** Who gets nothing reads, too, and nobody waits for it: every member looks at what is new when the owners change. */
  private readAhead(round: Round): void {
    const { host, attempt, takes, receivers } = this
    // Members of earlier releases wait for the word of each that gives them something.
    for (const worker of receivers) host.send(worker, { kind: 'roundSent', attempt, round })
    const turn = ++this.turn
    host.work.readAhead(takes, round === 'last', () => {
      if (turn === this.turn && takes.length > 0)
        host.send(host.coordinator(), { kind: 'roundArrived', attempt, round })
    })
  }
}
