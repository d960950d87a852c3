/** What a pipeline's execution knows of the generation that it belongs to, and its ways to the other members. */
import type { Member } from '../checkpoint/cluster.ts'
import type { Placement } from '../cluster/splits.ts'
import type { ChannelTaker, Inlet } from '../transport/inlet.ts'
import type { BatchEncoder, ChannelAddress, Outlet } from '../transport/outlet.ts'
import type { BodyWriter } from '../transport/peer.ts'
import type { ControlMessage } from '../transport/wire.ts'

/** One generation, as its record in the chain describes it. Never changed. */
export interface Generation {
  readonly number: number
  /** The worker that decides the epochs. */
  readonly coordinator: string
  /** A member's place in the list is its index in `owners`. */
  readonly members: readonly Member[]
  /** This worker's place in `members`. */
  readonly self: number
  /** Key group → index of the member that owns it. */
  readonly owners: Uint16Array
  readonly placement: Placement
}

/** The ways to the members of a generation. They end with it: what is sent afterwards is lost. */
export interface Links {
  /** Sends on the control lane. A message to this worker itself comes back on a turn of its own, like any other. */
  send(worker: string, message: ControlMessage, body?: BodyWriter | null): void
  /** The sending end of a channel to another member, once in a generation. */
  outlet<B>(worker: string, address: ChannelAddress, encode: BatchEncoder<B>): Outlet<B>
  /** The receiving end of a channel from another member, once in a generation. */
  inlet(worker: string, address: ChannelAddress, taker: ChannelTaker): Inlet
}
