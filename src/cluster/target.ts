/**
 * What a rescale aims at (PROTOCOLS 11): the next members and owners, from what was asked for. Pure.
 *
 * X1. Who leaves loses key groups, splits and seat in one change. It asks once it has nothing else.
 * X2. Members keep their order, newcomers stand at the end in the order of their ids.
 */
import type { Member } from '../checkpoint/cluster.ts'
import { assign, inherit, type Move, movesBetween, rebalance } from './assignment.ts'

export type Request =
  | {
      readonly kind: 'join'
      readonly member: Member
      /** Links with members that it has had: what was sent before the last one began may not have arrived. */
      readonly sessions: number
      readonly skipStalled: boolean
    }
  | { readonly kind: 'leave'; readonly worker: string; readonly skipStalled: boolean }
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
}

export interface Target {
  readonly members: readonly Member[]
  readonly owners: Uint16Array
  readonly moves: readonly Move[]
}

/** The generation after `origin` in which all of `requests` are met; `null` where it would not differ. */
export function targetOf(origin: Origin, requests: readonly Request[]): Target | null {
  const out = new Set(requests.flatMap((request) => (request.kind === 'leave' ? [request.worker] : [])))
  const joins = requests
    .flatMap((request) => (request.kind === 'join' ? [request.member] : []))
    .filter((member) => !origin.members.some((one) => one.worker === member.worker))
    .toSorted((a, b) => (a.worker < b.worker ? -1 : 1))
  const members = [...origin.members.filter((member) => !out.has(member.worker)), ...joins]
  const owners = ownersOf(origin, members, requests)
  const moves = movesBetween(origin, { members, owners })
  const reseated = joins.length > 0 || members.length !== origin.members.length
  const renewed = requests.some((request) => request.kind === 'renew')
  return moves.length > 0 || reseated || renewed ? { members, owners, moves } : null
}

/** Evenly shared where someone comes or leaves, by load where that was asked for, otherwise as they were. */
function ownersOf(origin: Origin, members: readonly Member[], requests: readonly Request[]): Uint16Array {
  const { length } = origin.owners
  const moves = requests.some(({ kind }) => kind === 'join' || kind === 'leave')
  const shared = moves ? assign(length, members, origin) : inherit(length, members, origin)
  const load = requests.find((request) => request.kind === 'rebalance')
  return load === undefined ? shared : rebalance(shared, members, load.load, load.budget).owners
}

/** `origin` with the members that there will be. */
export function originWith(origin: Origin, requests: readonly Request[]): Origin {
  const joins = requests.flatMap((request) => (request.kind === 'join' ? [request.member] : []))
  const stays = ({ worker }: Member) =>
    !requests.some((request) => request.kind === 'leave' && request.worker === worker)
  return { ...origin, members: [...origin.members.filter(stays), ...joins] }
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
      const stays = origin.members.some((member) => member.worker !== worker)
      return stays ? null : 'nobody would stay to take what it owns; stop the cluster instead'
    }
    case 'renew':
      return null
    case 'rebalance':
      return request.load.length === origin.owners.length ? null : 'a load is needed for every key group'
  }
}
