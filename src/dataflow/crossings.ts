/**
 * The ways of a runtime's channels to the other members of its generation. The data plane knows neither links nor
 * bytes: what it pushes is gone, and what comes is taken as from a channel.
 *
 * G1. A channel that crosses has, on every member, an outlet to every member and an input from every member, this one
 *     included. Records go to one of them, markers to all, so every task aligns over all members (I1-I3 of
 *     `inputs.ts`), and no barrier passes a task before this worker has begun its epoch.
 * G2. A member's records come in the order in which they were pushed there, each once.
 */
import type { ChannelPlan } from '../model/plan.ts'
import type { BatchPool } from './batch.ts'
import type { Channel, Intake, Outlet } from './channel.ts'

export interface Crossings {
  /** Members of the generation, and the place of this worker among them. */
  readonly members: number
  readonly self: number
  /** The member that all records of a sink's channel go to, `null` where each worker writes its own. */
  target(channel: ChannelPlan): number | null
  /**
   * The sending end of `channel` to `member`. It gives back to `pool` what it has sent; `onRoom`: there is room again.
   */
  outlet(channel: ChannelPlan, member: number, pool: BatchPool, onRoom: () => void): Outlet
  /** The receiving end of `channel` from `member`. It takes its batches out of `pool`. */
  input(channel: ChannelPlan, member: number, pool: BatchPool): Intake
}

/** A channel of the plan on this worker, with all its ends. */
export interface Ends {
  /** What the sending task pushes into. */
  readonly outlets: readonly Outlet[]
  /** What the receiving task takes from. */
  readonly inputs: readonly Intake[]
}

/** The ends of `channel`, whose end on this worker itself is `local` (G1). */
export function endsOf(
  channel: ChannelPlan,
  local: Channel,
  crossings: Crossings | null,
  pool: BatchPool,
  onRoom: () => void,
): Ends {
  const crosses = crossings !== null && (channel.kind === 'exchange' || crossings.target(channel) !== null)
  if (!crosses) return { outlets: [local], inputs: [local] }
  const { members, self } = crossings
  const each = <T>(of: (member: number) => T, own: T): T[] =>
    Array.from({ length: members }, (_, member) => (member === self ? own : of(member)))
  return {
    outlets: each<Outlet>((member) => crossings.outlet(channel, member, pool, onRoom), local),
    inputs: each<Intake>((member) => crossings.input(channel, member, pool), local),
  }
}
