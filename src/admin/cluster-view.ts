/** What `status`, `key-groups` and `where` show of a cluster, as one of its workers sees it. A public format. */
import { hashKey, keyGroupOf, shiftOf } from '../base/hash.ts'
import { compareNames } from '../base/names.ts'
import type { Pipelines } from '../worker/pipelines/pipelines.ts'
import { keysOf } from '../worker/pipelines/query.ts'
import type { SeatStatus } from '../worker/seat/seat-status.ts'
import type { Worker } from '../worker/worker.ts'

/**
 * `starting`: before the first generation, or while this worker is no member of one; `recovering`: everything after a
 * failure; `rescaling`: key groups change their owners; `minority`: this worker is cut off from most of the others and
 * waits; `fenced`: the others went on without it, and it begins anew; `leaving`: it hands over what it owns.
 */
export type Mode = 'starting' | 'normal' | 'recovering' | 'rescaling' | 'leaving' | 'minority' | 'fenced' | 'gone'

export interface MemberView {
  readonly worker: string
  readonly incarnation: string
  readonly address: string
  /** Key groups that it owns; 0 for one that beats and is no member yet. */
  readonly keyGroups: number
  readonly member: boolean
  /** Whether heartbeats arrive from it; always of this worker itself. */
  readonly heard: boolean
  /** Whether its links stand. */
  readonly linked: boolean
  /** What holds up its loop, and for how long. */
  readonly stuck: {
    readonly ms: number
    readonly pipeline: string | null
    readonly step: string | null
    readonly key: string | null
    readonly stack: string
  } | null
}

export interface ClusterView {
  /** The worker that says so. */
  readonly worker: string
  /** Whether it was started as a worker of a cluster, which may be the only one left. */
  readonly shared: boolean
  readonly mode: Mode
  /**
   * While it leaves: pipelines that do not run here, or are held, of which its journal has records that no checkpoint
   * covers. One that is no member joins for their sake.
   */
  readonly waitsFor: readonly string[]
  readonly generation: number
  readonly coordinator: string
  readonly keyGroups: number
  /** What keeps the worker from the cluster's store, and for how long; `null` where it can read and append. */
  readonly store: { readonly ms: number; readonly reason: string } | null
  readonly workers: readonly MemberView[]
  readonly pipelines: readonly { readonly pipeline: string; readonly epoch: number; readonly floor: number }[]
}

/** What is answered to a worker that is to leave: `ClusterView.waitsFor`, once that is known. */
export type LeaveAnswer = Pick<ClusterView, 'waitsFor'>

const modes: Readonly<Record<Worker['phase'], Mode>> = {
  closed: 'gone',
  booting: 'starting',
  following: 'starting',
  joining: 'starting',
  restoring: 'recovering',
  ready: 'recovering',
  active: 'normal',
  leaving: 'leaving',
  minority: 'minority',
  fenced: 'fenced',
  gone: 'gone',
}

export function modeOf({ phase, rescaling }: SeatStatus): Mode {
  return rescaling && phase === 'active' ? 'rescaling' : modes[phase]
}

/** `nowMs` is wall time in milliseconds since 1970. */
export function viewCluster({ worker }: Pipelines, nowMs: number): ClusterView {
  const { cluster, name, status } = worker
  const { generation, coordinator, members, owners } = cluster
  const owned = members.map((_, index) => owners.reduce((sum, owner) => sum + (owner === index ? 1 : 0), 0))
  const seen = members.map((member, index) => ({ ...member, member: true, keyGroups: owned[index]! }))
  const others = status.peers
    .filter(({ incarnation }) => !members.some((one) => one.incarnation === incarnation))
    .map(({ worker, incarnation }) => ({ worker, incarnation, address: '', member: false, keyGroups: 0 }))
  return {
    worker: name,
    shared: worker.shared,
    mode: modeOf(status),
    waitsFor: status.isLeaving ? worker.leaving.waitsFor : [],
    ...{ generation, coordinator, keyGroups: owners.length },
    store: status.storeTrouble,
    workers: [...seen, ...others]
      .toSorted((a, b) => compareNames(a.worker, b.worker))
      .map((one) => ({ ...one, ...conditionOf(worker, one, nowMs) }))
      // The last beat of one that has ended, or has left, lies in the store for a while.
      .filter(({ member, heard, linked }) => member || heard || linked),
    pipelines: Array.from(cluster.pipelines, ([pipeline, { epochs, floor }]) => ({
      ...{ pipeline, epoch: epochs.at(-1)?.epoch ?? 0, floor },
    })),
  }
}

function conditionOf(
  self: Worker,
  { worker, incarnation }: { readonly worker: string; readonly incarnation: string },
  nowMs: number,
): Pick<MemberView, 'heard' | 'linked' | 'stuck'> {
  if (worker === self.name) return { heard: true, linked: true, stuck: null }
  const { status } = self
  const heard = status.heard?.beat.hears.some((one) => one.incarnation === incarnation) ?? false
  const linked = status.peers.some((peer) => peer.incarnation === incarnation && peer.linked)
  const found = status.heard?.stuck.get(incarnation)
  if (found === undefined) return { heard, linked, stuck: null }
  const { sinceMs, ...stuck } = found
  return { heard, linked, stuck: { ...stuck, ms: Math.max(0, Math.round(nowMs - sinceMs)) } }
}

/** Key groups with one owner, `from` and `to` among them. */
export interface KeyGroupRun {
  readonly from: number
  readonly to: number
  readonly worker: string
}

export interface KeyPlace {
  readonly key: string
  readonly type: string
  readonly keyGroup: number
  readonly worker: string
}

/** Who owns each key group. */
export function viewKeyGroups({ cluster: { owners, members } }: Worker): readonly KeyGroupRun[] {
  const runs: { from: number; to: number; worker: string }[] = []
  for (const [group, index] of owners.entries()) {
    const owner = members[index]!.worker
    const last = runs.at(-1)
    if (last?.worker === owner) last.to = group
    else runs.push({ from: group, to: group, worker: owner })
  }
  return runs
}

/** Where the keys are that `text` may mean. */
export function whereIs({ worker }: Pipelines, text: string): readonly KeyPlace[] {
  const { owners, members } = worker.cluster
  if (owners.length === 0) return []
  return keysOf(text).map((key) => {
    const keyGroup = keyGroupOf(hashKey(key), shiftOf(owners.length))
    return { key: String(key), type: typeof key, keyGroup, worker: members[owners[keyGroup]!]!.worker }
  })
}
