/**
 * What members say to each other about the pipelines that they run, by the numbers of the runs.
 *
 * R1. What comes for a pipeline that does not run here yet waits for it. What comes late for one that was taken out
 *     never would, and would be in the way of others.
 * R2. A pipeline that has failed here is no secret: its coordinator hears of it at once, or the others where that is
 *     this worker, and who says something that asks for an answer gets that (`execution/epochs/epoch-post.ts`, M3). No epoch
 *     comes about without its part here.
 */
import type { ByteReader } from '../../base/bytes.ts'
import type { PotorooError } from '../../base/errors.ts'
import type { Cluster } from '../../checkpoint/cluster.ts'
import type { Heard } from '../../cluster/beats.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import { answerOfFailed, failedHere, heldByFailure } from '../execution/epochs/epoch-post.ts'
import type { Generation } from '../execution/generation.ts'
import { EarlyMessages } from './early.ts'
import type { Resident } from './resident.ts'
import type { Roster } from './roster.ts'

export interface MailSeams {
  /** Whether no other worker can ever be a member. */
  readonly alone: boolean
  /** Says something to a member of the generation that stands. */
  tell(worker: string, message: ControlMessage): void
  /** There is something new in the chain. */
  hint(): void
  cluster(): Cluster
}

export class RunMail {
  private readonly seams: MailSeams
  private readonly roster: Roster
  private readonly early = new EarlyMessages()
  private generation: Generation | null = null

  constructor(seams: MailSeams, roster: Roster) {
    this.seams = seams
    this.roster = roster
  }

  /** From now on it is that of `generation`, or of none. */
  enter(generation: Generation | null): void {
    this.generation = generation
    this.early.clear()
  }

  take(from: Heard, message: ControlMessage, body: ByteReader): void {
    if (message.kind === 'released') {
      for (const run of message.pipelines) this.roster.of(run)?.execution.resume()
    } else if ('pipeline' in message) {
      const resident = this.roster.of(message.pipeline)
      const error = this.roster.errorOf(message.pipeline)
      if (error !== null) this.answerFailed(from.worker, message.pipeline, error, message)
      else if (resident === null || resident.phase === 'starting') {
        this.keep(message.pipeline, from.worker, message, body)
      } else resident.execution.control(from.worker, message, body)
    }
  }

  /** The pipeline runs: it hears what has waited for it (R1). */
  deliver({ run, execution }: Resident): void {
    this.early.deliver(run, (from, message, body) => execution.control(from, message, body))
  }

  /** Another pipeline has come, or one was taken out (R1). */
  sort(): void {
    this.early.drop((run) => this.isGone(run))
  }

  private isGone(run: number): boolean {
    const { next, pipelines } = this.seams.cluster()
    return run < next && ![...pipelines.values()].some((entry) => entry.run === run)
  }

  /** R2. A worker alone may bring it up again within the generation: what is said would meet that one. */
  tellFailed(run: number, error: PotorooError): void {
    const { generation, seams } = this
    if (generation === null || seams.alone) return
    const { message } = error
    const { coordinator, members, self } = generation
    if (members[self]!.worker !== coordinator) seams.tell(coordinator, failedHere(run, message))
    else for (const { worker } of members) if (worker !== coordinator) seams.tell(worker, heldByFailure(run, message))
    // It may never have been up.
    this.early.deliver(run, (from, message) => this.answerFailed(from, run, error, message))
  }

  private answerFailed(from: string, run: number, error: PotorooError, message: ControlMessage): void {
    const answer = answerOfFailed(run, error.message, message)
    if (answer !== null && !this.seams.alone) this.seams.tell(from, answer)
  }

  private keep(run: number, from: string, message: ControlMessage, body: ByteReader): void {
    if (this.generation === null || this.isGone(run) || !this.early.keep(run, from, message, body)) return
    // The record that names the pipeline may not have been read here.
    this.seams.hint()
  }
}
