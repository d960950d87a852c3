/**
 * What must never happen in a cluster, whatever the weather. It sees what workers do, and the truth that they do not
 * see: who runs, who reaches whom, and since when.
 */
import { assert } from '../../src/base/assert.ts'
import type { Cluster, Member } from '../../src/checkpoint/cluster.ts'
import type { ChainRecord } from '../../src/checkpoint/record.ts'
import { largestSet } from '../../src/cluster/largest-set.ts'

/** The values of one pipeline: key group → how many records it has counted. */
export type Values = ReadonlyMap<number, number>

export interface Truth {
  readonly now: number
  /**
   * Since when nothing has happened to a worker: no start, no stop, no cut, no slow store; infinite while it is down.
   */
  calmSince(worker: string): number
  /** Whether it does not reach some running worker now, or is not reached. */
  isCut(worker: string): boolean
  /** Whether it was asked to leave, in its life of now: how long that takes is the weather's to say. */
  isToLeave(worker: string): boolean
  running(): readonly string[]
  reaches(from: string, to: string): boolean
}

interface Generation {
  readonly cluster: Cluster
  readonly ready: Set<string>
  begun: boolean
}

/** After so long without an event of its own a worker has been heard by everyone, and everyone's beats say so. */
const CALM_MS = 9000

export class Referee {
  readonly generations = new Map<number, Generation>()
  private readonly truth: Truth
  private readonly nonces = new Map<number, string>()
  private readonly snapshots = new Map<string, Values>()
  /** Who counted for a key group, by generation. */
  private readonly counters = new Map<string, string>()
  private spoke = 0

  constructor(truth: Truth) {
    this.truth = truth
  }

  /** Someone has read `record`, after which the cluster is `cluster`. */
  read(record: ChainRecord, counts: boolean, cluster: Cluster): void {
    const before = this.nonces.get(record.n)
    assert(before === undefined || before === record.nonce, `two records ${record.n} of the chain`)
    if (before !== undefined) return
    this.nonces.set(record.n, record.nonce)
    if (record.kind === 'generation' && counts) this.made(cluster)
  }

  private made(cluster: Cluster): void {
    const { generation, members } = cluster
    const previous = this.generations.get(generation - 1)?.cluster
    if (previous !== undefined) this.mustNotDrop(previous, cluster)
    assert(
      members.some((member) => member.worker === cluster.coordinator),
      'the coordinator is a member',
    )
    for (const owner of cluster.owners) assert(owner < members.length, 'every key group has an owner')
    this.generations.set(generation, { cluster, ready: new Set(), begun: false })
  }

  /** A member to whom nothing has happened, and who has not asked to leave, is in the next generation. */
  private mustNotDrop(previous: Cluster, next: Cluster): void {
    for (const { worker, incarnation } of previous.members) {
      if (next.members.some((one) => one.incarnation === incarnation)) continue
      assert(
        this.truth.isToLeave(worker) || this.truth.isCut(worker) || this.calmMs(worker) < CALM_MS,
        `generation ${next.generation} drops ${worker}, to whom nothing has happened`,
      )
    }
  }

  private calmMs(worker: string): number {
    return this.truth.now - this.truth.calmSince(worker)
  }

  /**
   * Somebody wants to make a generation behind `after`; `again`: it has read the store once more since it wanted to.
   */
  proposes(worker: string, after: number, again: boolean): void {
    assert(again, `${worker} proposes generation ${after + 1} on what it knew before`)
  }

  /** Someone acts as the coordinator of `generation`. */
  coordinates(member: Member, generation: number): void {
    const { cluster } = this.generations.get(generation)!
    const named = cluster.members.find((one) => one.worker === cluster.coordinator)
    assert(
      named?.worker === member.worker && named.incarnation === member.incarnation,
      `${member.worker} coordinates generation ${generation} of ${cluster.coordinator}`,
    )
  }

  ready(member: Member, generation: number): void {
    this.generations.get(generation)!.ready.add(member.incarnation)
  }

  /** A member exchanges data of `generation` from now on, with `values` for each pipeline. */
  begins(member: Member, generation: number, values: ReadonlyMap<string, Values>): void {
    const known = this.generations.get(generation)!
    const { cluster, ready } = known
    const missing = cluster.members.filter((one) => !ready.has(one.incarnation))
    assert(missing.length === 0, `generation ${generation} begins without ${missing.map((one) => one.worker)}`)
    known.begun = true
    const index = cluster.members.findIndex((one) => one.incarnation === member.incarnation)
    assert(index >= 0, `${member.worker} begins generation ${generation} without being a member`)
    for (const [pipeline, entry] of cluster.pipelines) {
      const base = entry.base === null ? null : this.snapshots.get(entry.base.manifest)!
      for (let group = 0; group < cluster.owners.length; group++) {
        if (cluster.owners[group] !== index) continue
        const expected = base?.get(group) ?? 0
        const found = values.get(pipeline)?.get(group) ?? 0
        assert(found === expected, `${member.worker} begins ${pipeline}/${group} with ${found} instead of ${expected}`)
      }
    }
  }

  /** A worker counts a record for a key group. */
  counts(member: Member, generation: number, pipeline: string, group: number): void {
    const { cluster } = this.generations.get(generation)!
    const owner = cluster.members[cluster.owners[group]!]!
    assert(owner.incarnation === member.incarnation, `${member.worker} counts for ${group}, which is ${owner.worker}'s`)
    const name = `${generation} ${pipeline} ${group}`
    const before = this.counters.get(name) ?? member.incarnation
    assert(before === member.incarnation, `key group ${group} has two owners in generation ${generation}`)
    this.counters.set(name, member.incarnation)
    for (const [later, { cluster: next, begun }] of this.generations) {
      const still = next.members.some((one) => one.incarnation === member.incarnation)
      assert(
        later <= generation || !begun || !still,
        `${member.worker} counts in generation ${generation} after ${later}`,
      )
    }
    this.mustNotBeMinority(member.worker)
  }

  /** Long after the weather has changed last, nobody outside the largest set works. */
  private mustNotBeMinority(worker: string): void {
    const running = this.truth.running()
    if (running.some((one) => this.calmMs(one) < CALM_MS)) return
    const largest = largestSet(running, (a, b) => this.truth.reaches(a, b) && this.truth.reaches(b, a))
    const same = largestSet(
      running.filter((one) => one === worker || this.truth.reaches(one, worker)),
      (a, b) => this.truth.reaches(a, b) && this.truth.reaches(b, a),
    )
    assert(largest.includes(worker) || same.length === largest.length, `${worker} works in a minority`)
  }

  /** A worker writes what cannot be fenced. */
  speaks(member: Member, generation: number): void {
    assert(generation >= this.spoke, `${member.worker} speaks in generation ${generation} after ${this.spoke}`)
    this.spoke = generation
  }

  /** All members have saved an epoch, whose manifest is `manifest`. */
  saved(manifest: string, values: Values): void {
    this.snapshots.set(manifest, values)
  }

  snapshot(manifest: string): Values {
    return this.snapshots.get(manifest)!
  }
}
