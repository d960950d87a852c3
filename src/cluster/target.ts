/**
 * What a rescale aims at (PROTOCOLS 11): the next members and owners, from what was asked for. Pure.
 *
 * X1. Who leaves loses key groups, splits and seat in one change, once it has nothing else (`empty`). Who asks before that keeps
 *     its seat meanwhile, and gives the others away.
 * X2. Members keep their order, newcomers stand at the end in the order of their ids.
 */
import type { Member } from '../checkpoint/cluster.ts'
import { assign, inherit, type Move, movesBetween, rebalance, type Seat } from './assignment.ts'
import { seatsOf } from './generation.ts'

export type Request =
  | {
      readonly kind: 'join'
      readonly member: Member
      /** Links with members that it has had: what was sent before the last one began may not have arrived. */
      readonly sessions: number
      readonly skipStalled: boolean
    }
  /** `empty`: it has nothing but what moves with the change (X1). */
  | { readonly kind: 'leave'; readonly worker: string; readonly empty: boolean; readonly skipStalled: boolean }
  /** Move at most `budget` key groups so that work is spread evenly by `load`, a measured rate for each key group. */
  | {
      readonly kind: 'rebalance'
      /** Who has asked for it, and which of its requests it is. */
      readonly worker: string
      readonly number: number
      readonly load: Float64Array
      readonly budget: number
      readonly skipStalled: boolean
    }
  /** Nothing moves: a pipeline has another program, which begins with a generation. */
  | { readonly kind: 'renew'; readonly skipStalled: boolean }

/** The generation that stands. */
export interface Origin {
  readonly members: readonly Member[]
  readonly owners: Uint16Array
  readonly leaving: readonly string[]
}

export interface Target {
  readonly members: readonly Member[]
  readonly seats: readonly Seat[]
  readonly owners: Uint16Array
  readonly moves: readonly Move[]
}

/** The generation after `origin` in which all of `requests` are met; `null` where it would not differ. */
export function targetOf(origin: Origin, requests: readonly Request[]): Target | null {
  const leaves = requests.filter((request) => request.kind === 'leave')
  const out = new Set(leaves.filter((leave) => leave.empty).map((leave) => leave.worker))
  const leaving = new Set([...origin.leaving, ...leaves.map((leave) => leave.worker)])
  const joins = requests
    .flatMap((request) => (request.kind === 'join' ? [request.member] : []))
    .filter((member) => !origin.members.some((one) => one.worker === member.worker))
    .toSorted((a, b) => (a.worker < b.worker ? -1 : 1))
  const members = [...origin.members.filter((member) => !out.has(member.worker)), ...joins]
  const seats = seatsOf(members, [...leaving])
  const owners = ownersOf(origin, seats, requests)
  const moves = movesBetween(origin, { members, owners })
  const reseated = members.length !== origin.members.length || leaves.some((leave) => !isLeaving(origin, leave.worker))
  const renewed = requests.some((request) => request.kind === 'renew')
  return moves.length > 0 || joins.length > 0 || reseated || renewed ? { members, seats, owners, moves } : null
}

/** Evenly shared where someone comes or begins to leave, by load where that was asked for, otherwise as they were. */
function ownersOf(origin: Origin, seats: readonly Seat[], requests: readonly Request[]): Uint16Array {
  const { length } = origin.owners
  const begins = (request: Request) => request.kind === 'leave' && !isLeaving(origin, request.worker)
  const moves = requests.some((request) => request.kind === 'join' || begins(request))
  const shared = moves ? assign(length, seats, origin) : inherit(length, seats, origin)
  const load = requests.find((request) => request.kind === 'rebalance')
  return load === undefined ? shared : rebalance(shared, seats, load.load, load.budget).owners
}

/** `origin` as it will be with `requests`. */
export function originWith(origin: Origin, requests: readonly Request[]): Origin {
  const joins = requests.flatMap((request) => (request.kind === 'join' ? [request.member] : []))
  const leaves = requests.flatMap((request) => (request.kind === 'leave' ? [request.worker] : []))
  return { ...origin, members: [...origin.members, ...joins], leaving: [...origin.leaving, ...leaves] }
}

function isLeaving(origin: Origin, worker: string): boolean {
  return origin.leaving.includes(worker)
}

/** How many workers a cluster may have, and why not more. */
export interface Room {
  readonly workers: number
  readonly reason: string
}

/** Why `request` cannot be met at all, or `null`. */
export function objectionTo(origin: Origin, request: Request, room: Room): string | null {
  switch (request.kind) {
    case 'join':
      return origin.members.length < room.workers ? null : room.reason
    case 'leave': {
      const { worker } = request
      if (!origin.members.some((member) => member.worker === worker)) return `${worker} is no member`
      const stays = origin.members.some((member) => member.worker !== worker && !isLeaving(origin, member.worker))
      return stays ? null : 'nobody would stay to take what it owns; stop the cluster instead'
    }
    case 'renew':
      return null
    case 'rebalance':
      return request.load.length === origin.owners.length ? null : 'a load is needed for every key group'
  }
}
