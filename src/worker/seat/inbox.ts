/** Where each message of another worker's seat, door or pipeline goes. */
import type { ByteReader } from '../../base/bytes.ts'
import type { Cluster } from '../../checkpoint/cluster.ts'
import type { Heard } from '../../cluster/beats.ts'
import type { MembershipEvent } from '../../cluster/membership-state.ts'
import type { ControlMessage, Message } from '../../transport/wire.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import type { Look } from './look.ts'
import type { MoverDriver } from './mover-driver.ts'
import type { Rebalances } from './rebalances.ts'
import type { RecoveryDriver } from './recovery-driver.ts'
import type { RescaleDriver } from './rescale-driver.ts'
import type { SeatWork } from './work.ts'

export interface Addressees {
  readonly look: Look
  readonly leases: LeaseKeeper
  readonly recovery: RecoveryDriver
  readonly rescale: RescaleDriver
  readonly rebalances: Rebalances
  readonly mover: MoverDriver
  readonly work: SeatWork
  cluster(): Cluster
  /** Whether this worker coordinates the generation that stands. */
  coordinates(): boolean
  send(worker: string, message: ControlMessage): void
  /** For the table of membership. */
  step(event: MembershipEvent): void
}

export class Inbox {
  private readonly to: Addressees

  constructor(to: Addressees) {
    this.to = to
  }

  /** `body` stands behind the message's fields, good during the call alone. */
  take(from: Heard, message: ControlMessage, body: ByteReader): void {
    const { to } = this
    switch (message.kind) {
      case 'generation':
        return to.look.again()
      case 'generationSeen':
        return to.leases.seen(from.incarnation, message.generation)
      case 'memberReady':
        return to.recovery.ready(from, message.generation)
      case 'memberDamaged': {
        const pipeline = this.nameOf(message.pipeline)
        if (pipeline === null) return
        return to.recovery.damaged(from, message.generation, pipeline, message.instead)
      }
      case 'activate':
        return to.step({ kind: 'activate', generation: message.generation })
      case 'leaseAsked':
        return to.leases.grant(from.worker, message)
      case 'leaseGranted':
        return to.leases.granted(message)
      case 'joinRequested': {
        const { worker, incarnation, address, sessions, skipStalled } = message
        return to.rescale.request({ kind: 'join', member: { worker, incarnation, address }, sessions, skipStalled })
      }
      case 'leaveRequested': {
        const { worker, skipStalled } = message
        return to.rescale.request({ kind: 'leave', worker, skipStalled })
      }
      case 'requestAnswered':
        return to.step({ ...message, kind: 'joinAnswered' })
      case 'rebalanceRequested':
        return this.rebalance(from, message, body)
      case 'rebalanceAnswered':
        return to.rebalances.answered(message)
      case 'roundArrived':
        return to.rescale.arrived(from, message.attempt, message.round)
      case 'moveAnnounced':
      case 'roundAsked':
        return to.mover.take(message)
      case 'keyGroupPart':
      case 'roundSent':
        return // Of members of earlier releases: what moves goes by the store (`mover-driver.ts`, M2).
      case 'released':
        to.mover.take(message)
        return to.work.control(from, message, body)
      case 'homeAsked':
      case 'homeNamed':
      case 'handoverAsked':
      case 'streamMoved':
      case 'sourceOpen':
        return to.work.atDoor(from, message)
      case 'heartbeat':
        return
      default:
        return to.work.control(from, message, body)
    }
  }

  private rebalance(from: Heard, message: Message<'rebalanceRequested'>, body: ByteReader): void {
    const { rescale, coordinates, cluster, send } = this.to
    const { generation, number, budget } = message
    const { worker } = from
    if (!coordinates() || generation !== cluster().generation || !rescale.started) {
      const reason = 'a generation is beginning'
      return send(worker, { kind: 'rebalanceAnswered', number, answer: 'later', reason })
    }
    const load = Float64Array.from({ length: body.remaining / 8 }, () => body.f64())
    rescale.request({ kind: 'rebalance', worker, number, load, budget, skipStalled: false })
  }

  private nameOf(number: number): string | null {
    for (const [name, entry] of this.to.cluster().pipelines) if (entry.run === number) return name
    return null
  }
}
