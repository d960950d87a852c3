/**
 * Another worker in the present generation: a link for each lane, the channels on them, and who dials.
 *
 * P1. `lost` is said once. From then on nothing of the generation comes from this worker or goes to it.
 * P2. A session's messages stand in the form of the version that both have agreed on, so control messages wait for the
 *     first welcome. Channels wait for their credit, which comes after it.
 * P3. A channel has one end here for as long as the generation lasts: what is late for an end that was closed never
 *     comes to another.
 */
import { assert } from '../base/assert.ts'
import type { ByteReader, ByteWriter } from '../base/bytes.ts'
import type { PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { linkMessages } from '../protocol/messages.ts'
import { Dialer, type DialerContext, type DialerEvents, type Target } from './dialer.ts'
import type { Called } from './greeting.ts'
import type { Welcome } from './handshake.ts'
import { type ChannelTaker, Inlet } from './inlet.ts'
import type { Line } from './line.ts'
import { Link, type LinkEvents } from './link.ts'
import { type BatchEncoder, type ChannelAddress, type CreditTaker, Outlet } from './outlet.ts'
import { type ControlMessage, type Lane, lanes, type Message, type Numbered } from './wire.ts'

export type BodyWriter = (writer: ByteWriter) => void

/** What the worker hears of its links. Calls come from the loop, never inside a call of the worker's own. */
export interface PeerEvents {
  /** A control message; `body` stands at what follows its fields, good during the call alone. */
  control(worker: string, message: ControlMessage, body: ByteReader): void
  /** A connection to that worker has ended: what the status says may have changed. */
  interrupted(worker: string): void
  /** The generation cannot go on with that worker. Said once for a worker and generation. */
  lost(worker: string, error: PotorooError): void
  /** That worker is not linked, for a reason that may need a person. Said again while it lasts. */
  refused(worker: string, error: PotorooError): void
  /** That worker knows of a newer generation: a hint to look into the chain. */
  newer(generation: number, worker: string): void
}

/** Channels of one pipeline lie below this: with the pipeline's number of 32 bits a key is an exact integer. */
const CHANNELS = 1 << 20

/** What is known of a worker, for the status, for metrics, and for who decides who is there. Times are monotonic. */
export interface PeerStatus {
  readonly worker: string
  readonly incarnation: string
  readonly dials: boolean
  /** Both lanes stand. */
  readonly linked: boolean
  /** When something was last heard from it. */
  readonly heardAt: number
  /** Why the last dial failed; `null` where it did not, or where the other side dials. */
  readonly failure: string | null
  /** The last dial was refused: nobody listens there. */
  readonly unheard: boolean
  readonly lanes: Readonly<Record<Lane, LaneStatus>>
}

export interface LaneStatus extends Readonly<Link['counters']> {
  readonly phase: Link['phase']
  /** Bytes that wait for the other side to say that they have arrived. */
  readonly keptBytes: number
}

export class Peer implements LinkEvents, DialerEvents {
  readonly target: Target
  /** Whether this worker dials that one. */
  readonly dials: boolean
  readonly links: Readonly<Record<Lane, Link>>
  private readonly limits: Limits
  private readonly events: PeerEvents
  private readonly dialers: Readonly<Record<Lane, Dialer>> | null
  private readonly outlets = new Map<number, CreditTaker>()
  private readonly inlets = new Map<number, Inlet>()
  /** First credit of channels whose end here is not made yet. */
  private readonly granted = new Map<number, Message<'credit'>>()
  /** Messages from before the first welcome (P2). */
  private early: { readonly message: Numbered; readonly body: BodyWriter | null }[] = []
  private lost = false

  constructor(context: DialerContext, generation: number, target: Target, dials: boolean, events: PeerEvents) {
    this.limits = context.limits
    this.target = target
    this.dials = dials
    this.events = events
    const link = (lane: Lane): Link => new Link(context, lane, generation, target.worker, this)
    const links = { control: link('control'), data: link('data') }
    const dialer = (lane: Lane): Dialer => new Dialer(context, links[lane], target, this)
    this.links = links
    this.dialers = dials ? { control: dialer('control'), data: dialer('data') } : null
    for (const lane of lanes) this.dialers?.[lane].start()
  }

  get status(): PeerStatus {
    const { target, dials, links, dialers } = this
    const { control, data } = links
    return {
      worker: target.worker,
      incarnation: target.incarnation,
      dials,
      linked: control.phase === 'open' && data.phase === 'open',
      heardAt: Math.max(control.heardAt, data.heardAt),
      failure: dialers?.control.failure ?? dialers?.data.failure ?? null,
      unheard: dialers?.control.unheard === true || dialers?.data.unheard === true,
      lanes: { control: laneStatus(control), data: laneStatus(data) },
    }
  }

  /** Sends a message on the control lane, with the body that `body` writes, where its row has one. */
  send(message: Numbered, body: BodyWriter | null): void {
    if (this.lost) return
    if (this.links.control.version === 0) this.early.push({ message, body })
    else this.links.control.send(message, body)
  }

  /** The sending end of a channel to this worker. */
  outlet<B>(address: ChannelAddress, encode: BatchEncoder<B>): Outlet<B> {
    const key = keyOf(address)
    assert(key >= 0, 'a plan has fewer channels')
    assert(!this.outlets.has(key), 'P3: a channel has one end here in a generation')
    const outlet = new Outlet(this.links.data, address, encode)
    this.outlets.set(key, outlet)
    const granted = this.granted.get(key)
    this.granted.delete(key)
    if (granted !== undefined) outlet.grant(granted.consumed, granted.window)
    return outlet
  }

  /** Opens the receiving end of a channel from this worker. */
  inlet(address: ChannelAddress, taker: ChannelTaker): Inlet {
    const key = keyOf(address)
    assert(key >= 0, 'a plan has fewer channels')
    assert(!this.inlets.has(key), 'P3: a channel has one end here in a generation')
    const inlet = new Inlet(this, address, this.limits.channelCreditBytes, taker)
    this.inlets.set(key, inlet)
    inlet.tell()
    return inlet
  }

  /** A lane, for a caller that is this worker. */
  lane(lane: Lane): Called {
    const link = this.links[lane]
    const { incarnation } = this.target
    return { incarnation, dials: !this.dials, link, serve: (...one) => this.serve(lane, ...one) }
  }

  private serve(lane: Lane, line: Line, version: number, theirs: number, expects: number): void {
    for (const one of lanes) this.links[one].version = version
    this.links[lane].attach(line, theirs, expects)
    const { early } = this
    this.early = []
    for (const { message, body } of early) this.links.control.send(message, body)
  }

  tick(now: number): void {
    for (const lane of lanes) {
      this.links[lane].tick(now)
      this.dialers?.[lane].tick()
    }
  }

  /** The generation is over here. */
  retire(reason: string): void {
    this.lost = true
    for (const lane of lanes) {
      this.dialers?.[lane].stop()
      this.links[lane].retire(reason)
    }
  }

  // ── From the links ───────────────────────────────────────────────────────────────────────────────────────────────

  deliver(link: Link, message: Numbered, reader: ByteReader): void {
    if (linkMessages.row(message.kind).lane !== link.lane)
      throw link.offence(`"${message.kind}" came on the ${link.lane} lane`)
    switch (message.kind) {
      case 'batch':
        if (!this.inletOf(link, message).arrive(reader, reader.end))
          throw link.offence(`a batch came without credit on channel ${message.channel}`)
        break
      case 'barrier':
      case 'watermark':
      case 'end':
        this.inletOf(link, message).mark(message)
        break
      case 'credit':
        this.onCredit(link, message)
        break
      default:
        this.events.control(this.target.worker, message, reader)
    }
  }

  interrupted(link: Link): void {
    this.dialers?.[link.lane].interrupted()
    this.events.interrupted(this.target.worker)
  }

  answered(link: Link): void {
    this.dialers?.[link.lane].answered()
  }

  over(_: Link, error: PotorooError): void {
    // The other lane says nothing more (P1).
    this.retire(error.message)
    this.events.lost(this.target.worker, error)
  }

  private inletOf(link: Link, message: ChannelAddress): Inlet {
    const inlet = this.inlets.get(keyOf(message))
    // What is sent waits for the credit that opening tells.
    if (inlet === undefined) throw link.offence(`channel ${message.channel} was not opened`)
    return inlet
  }

  private onCredit(link: Link, credit: Message<'credit'>): void {
    const key = keyOf(credit)
    if (key < 0) throw link.offence(`channel ${credit.channel} cannot be`)
    const outlet = this.outlets.get(key)
    if (outlet === undefined) {
      if (this.granted.size >= this.limits.linkChannels) throw link.offence('it opens channels without end')
      this.granted.set(key, credit)
    } else if (!outlet.grant(credit.consumed, credit.window)) {
      throw link.offence(`it returns ${credit.consumed} bytes of channel ${credit.channel} that cannot be`)
    }
  }

  // ── From the diallers ────────────────────────────────────────────────────────────────────────────────────────────

  attach(link: Link, line: Line, welcome: Welcome, expects: number): void {
    link.session = welcome.session
    this.serve(link.lane, line, welcome.version, welcome.received, expects)
  }

  refused(_: Link, error: PotorooError): void {
    this.events.refused(this.target.worker, error)
  }

  newer(_: Link, generation: number): void {
    this.events.newer(generation, this.target.worker)
  }
}

function laneStatus({ phase, keptBytes, counters }: Link): LaneStatus {
  return { phase, keptBytes, ...counters }
}

/** One number for a channel; a channel that is none has the key of none. */
function keyOf({ pipeline, channel }: ChannelAddress): number {
  return channel < CHANNELS ? pipeline * CHANNELS + channel : -1
}
