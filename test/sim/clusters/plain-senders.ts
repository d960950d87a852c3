/**
 * Plain connections outlive the generations in which their worker goes on (decision 0024): senders have no outbox, and
 * lose what is on its way when a connection ends.
 *
 * P1. A connection to a worker that stays, as the same incarnation and with the same program, is ended by nobody but
 *     its sender. A worker alone begins the same program anew where somebody submits it again.
 * P2. What was sent by one that stands in the end is in, from its first record to its last.
 */
import type { MemberStation } from '../../../src/sim/member-station.ts'
import type { SenderLife, SimSender } from '../../../src/sim/sender.ts'
import type { SimProcess } from '../../../src/sim/world.ts'
import type { Outside } from '../outside.ts'
import type { ClusterConfig } from './config.ts'

/** What a connection leads to. */
interface End {
  readonly station: MemberStation
  readonly process: SimProcess | null
  readonly incarnation: string | undefined
  /** Which program serves it. */
  readonly submitted: number | undefined
  readonly generation: number
}

/** The phases of a worker that has a place in its cluster, or is about to have it again in the next generation. */
const STAYS = new Set(['active', 'restoring', 'ready', 'following'])
const SERVES = new Set(['starting', 'running', 'ended'])

export class PlainSenders {
  readonly complaints: string[] = []
  /** Lives of which everything has to be there (P2). */
  readonly whole = new Set<SenderLife>()
  private readonly stations: readonly MemberStation[]
  private readonly senders: readonly SimSender[]
  private readonly pipeline: string
  private readonly judged: boolean
  private readonly alone: boolean
  private readonly ends = new Map<SimSender, End>()

  constructor(config: ClusterConfig, stations: readonly MemberStation[], { senders }: Outside, pipeline: string) {
    const { harsh, weather, deeds } = config
    this.stations = stations
    this.senders = senders.map(({ sender }) => sender)
    this.pipeline = pipeline
    this.alone = config.alone
    this.judged = !harsh && weather.network.resetChance === 0 && deeds.damageMs === 0 && deeds.putBackMs === 0
    if (!this.judged) return
    for (const sender of this.senders)
      sender.watch = { opened: (host) => this.opened(sender, host), lost: () => this.lost(sender) }
  }

  /** Whether the connection of `sender` stands at a worker that has stayed since it was opened. */
  stands(sender: SimSender): boolean {
    const end = this.ends.get(sender)
    return sender.life !== null && end !== undefined && this.stays(end)
  }

  /** Everything that was sent is in: that of connections which stand is owed (P2). */
  close(): void {
    for (const sender of this.senders) if (this.stands(sender)) this.whole.add(sender.life!)
  }

  private opened(sender: SimSender, host: string): void {
    const end = this.endAt(host)
    if (end === null) this.ends.delete(sender)
    else this.ends.set(sender, end)
  }

  private endAt(host: string): End | null {
    const station = this.stations.find(({ name }) => name === host)
    if (station === undefined) return null
    const { process, worker } = station
    const resident = worker?.residents.all.get(this.pipeline)
    // Where another program is on its way up, that of before still listens, and takes its connections with it. Who
    // begins has no seat yet.
    if (resident?.phase === 'starting' || worker?.phase === 'closed') return null
    const generation = worker?.cluster.generation ?? 0
    return { station, process, incarnation: worker?.incarnation, submitted: resident?.submitted, generation }
  }

  /** P1. */
  private lost(sender: SimSender): void {
    const end = this.ends.get(sender)
    if (end === undefined) return
    this.ends.delete(sender)
    if (!this.stays(end)) return
    const { station, generation } = end
    const now = station.worker!.cluster.generation
    this.complaints.push(`${station.name} ends a connection of ${sender.machine}, of ${generation}, in ${now} (P1)`)
  }

  private stays({ station, process, incarnation, submitted }: End): boolean {
    const { worker, resting, left } = station
    if (worker === null || station.process !== process || resting || left || !STAYS.has(worker.phase)) return false
    const resident = worker.residents.all.get(this.pipeline)
    const entry = worker.cluster.pipelines.get(this.pipeline)
    if (resident === undefined || entry === undefined || entry.drained || !SERVES.has(resident.phase)) return false
    if (this.alone && resident.phase === 'starting') return false
    return worker.incarnation === incarnation && resident.submitted === submitted && entry.submitted === submitted
  }
}
