/**
 * Who could be the next generation, by the beats (PROTOCOLS 4): a decision by facts. Pure.
 *
 * N1. Candidates are the last generation's workers that beat, in any incarnation. Others come by joining; only where
 *     none of the last generation's workers beats do they count, and no more of them than a cluster takes, the lowest
 *     ids first.
 * N2. The members of a next generation are the largest set of candidates that all hear each other, incarnations
 *     included.
 */
import type { Cluster, Member } from '../checkpoint/cluster.ts'
import type { Beat } from './beats.ts'
import { largestSet, MOST_WORKERS } from './largest-set.ts'
import type { Twice } from './namesake.ts'

/** What one worker makes of the beats. */
export interface Beating {
  /** The beats that count now, its own among them, by worker. */
  readonly beats: ReadonlyMap<string, Beat>
  /** It has watched too shortly to say of anyone that its beat has stopped (`isYoung`). */
  readonly young: boolean
  /** Whether another process lives under its name (`namesake.ts`). */
  readonly twice: Twice
  /** Whose beats have not come in time for long enough to be taken in (`beats.ts`, B5). */
  readonly late: ReadonlySet<string>
}

export function beatingFrom(
  own: Beat,
  others: readonly Beat[],
  young: boolean,
  twice: Twice = 'no',
  late: ReadonlySet<string> = new Set(),
): Beating {
  return { beats: new Map([...others, own].map((beat) => [beat.worker, beat])), young, twice, late }
}

/** What the beats say about the last generation. */
export interface Standing {
  /** The largest set of candidates that all hear each other, in the order of ids (N2). */
  readonly largest: readonly Member[]
  /** Whether some member of the last generation beats in the incarnation that its record names. */
  readonly alive: boolean
  /**
   * Whether some candidate beats and is not in `largest`: it may have died, or come back, a moment ago. Or whether some
   * member does not beat, for a reader that has not watched for long.
   */
  readonly contested: boolean
  /** Members of the last generation that are not in `largest` in their incarnation. */
  readonly missing: readonly Member[]
  /** Whether every worker of the last generation is in `largest`, in any incarnation. */
  readonly complete: boolean
}

/** `workers`: how many a cluster takes. */
export function standingOf(cluster: Cluster, beating: Beating, workers = MOST_WORKERS): Standing {
  const { members } = cluster
  const known = new Set(members.map((member) => member.worker))
  const { beats, young } = beating
  const among = [...beats.keys()].filter((worker) => known.has(worker))
  const candidates = among.length > 0 ? among : [...beats.keys()].toSorted().slice(0, workers)
  const set = largestSet(candidates, hearing(beats))
  const largest = set.map((worker) => memberOf(beats.get(worker)!))
  return {
    largest,
    contested: candidates.length > set.length || (young && !members.every((member) => beats.has(member.worker))),
    alive: members.some((member) => beats.get(member.worker)?.incarnation === member.incarnation),
    missing: members.filter((member) => !includes(largest, member)),
    complete: members.every((member) => set.includes(member.worker)),
  }
}

/** Why `worker` cannot be taken in now, as the end of a sentence; `null` where it can. */
export function obstacleTo(cluster: Cluster, beating: Beating, worker: string): string | null {
  if (!mayJoin(cluster, beating, worker)) return 'it does not hear every member, or is not heard by all'
  return beating.late.has(worker) ? 'its beats have not come in time for long enough' : null
}

/**
 * Whether every member of the generation beats, and `worker` hears them and is heard by them: only then may it join.
 */
export function mayJoin(cluster: Cluster, beating: Beating, worker: string): boolean {
  const hears = hearing(beating.beats)
  return cluster.members.every(
    (member) =>
      beating.beats.get(member.worker)?.incarnation === member.incarnation &&
      hears(worker, member.worker) &&
      hears(member.worker, worker),
  )
}

/**
 * A worker of `members`, those of the generation and those that are joining it, which a change of owners cannot count
 * on any more; `null` where all is well.
 */
export function lostOf(cluster: Cluster, beating: Beating, members: readonly Member[]): string | null {
  const gone =
    standingOf(cluster, beating).missing[0] ??
    members.find((one) => beating.beats.get(one.worker)?.incarnation !== one.incarnation)
  const cut = members.find((one) => !includes(cluster.members, one) && !mayJoin(cluster, beating, one.worker))
  return gone?.worker ?? cut?.worker ?? null
}

export function includes(members: readonly Member[], one: { readonly worker: string; readonly incarnation: string }) {
  return members.some((member) => member.worker === one.worker && member.incarnation === one.incarnation)
}

function memberOf({ worker, incarnation, address }: Beat): Member {
  return { worker, incarnation, address }
}

function hearing(beats: Beating['beats']): (listener: string, speaker: string) => boolean {
  const heard = new Map<string, ReadonlySet<string>>()
  for (const [worker, beat] of beats) {
    const live = beat.hears.filter((one) => beats.get(one.worker)?.incarnation === one.incarnation)
    heard.set(worker, new Set(live.map((one) => one.worker)))
  }
  return (listener, speaker) => heard.get(listener)?.has(speaker) === true
}
