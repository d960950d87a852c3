/**
 * The presences of a worker, one incarnation behind another, and what is counted over all of them.
 *
 * I1. What belongs to an incarnation is made when it is drawn: its journal and its way into the chain are there before
 *     anybody can hear of it, so before its first beat.
 * I2. Whoever waits for a presence that has ended is answered no more.
 */
import type { PotorooError } from '../../base/errors.ts'
import type { ChainReader } from '../../checkpoint/chain-reader.ts'
import type { Outlook } from './outlook.ts'
import { Presence, type PresenceEvents, type SeatSeams } from './presence.ts'
import type { StoreTroubles } from './store-trouble.ts'
import type { Stuck } from './watch.ts'
import type { SeatWork } from './work.ts'

/** How often and for how long the loop of a worker has stood still. */
export interface Standstills {
  readonly times: number
  readonly totalMs: number
  readonly last: (Stuck & { readonly ms: number }) | null
}

export class Presences {
  standstills: Standstills = { times: 0, totalMs: 0, last: null }
  /** What came on links and was no frame. */
  damagedFrames = 0
  /** There is none before the chain has been read. */
  current: Presence | null = null
  private readonly seams: SeatSeams
  private readonly troubles: StoreTroubles
  private readonly work: SeatWork
  private readonly outlook: Outlook
  private readonly events: PresenceEvents

  constructor(
    seams: SeatSeams,
    troubles: StoreTroubles,
    work: SeatWork,
    outlook: Outlook,
    events: Omit<PresenceEvents, 'found' | 'wasStuck' | 'damaged'>,
  ) {
    this.seams = seams
    this.troubles = troubles
    this.work = work
    this.outlook = outlook
    this.events = {
      ...events,
      found: (beat, stood) => outlook.found(beat, stood),
      wasStuck: (stuck, ms) => {
        const { times, totalMs } = this.standstills
        this.standstills = { times: times + 1, totalMs: totalMs + ms, last: { ...stuck, ms } }
      },
      damaged: () => {
        this.damagedFrames++
      },
    }
  }

  /** The worker goes on as `incarnation`, which has just been drawn; answers once others can hear it (I1, I2). */
  arrive(incarnation: string, chain: ChainReader, done: (error: PotorooError | null) => void): void {
    const { seams, troubles, work, outlook, events } = this
    outlook.drawn(incarnation)
    const presence = new Presence(seams, troubles, chain, incarnation, events)
    this.current = presence
    work.arrive(incarnation, (error) => {
      if (presence.closed || presence !== this.current) return
      if (error !== null) return done(error)
      presence.beHeard(work.world().seen, done)
    })
  }

  /** Ends what belongs to the incarnation. */
  depart(): void {
    this.current?.close()
  }
}
