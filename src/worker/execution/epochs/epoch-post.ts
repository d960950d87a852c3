/**
 * What the members of a generation say to each other about one pipeline's epochs: the coordinator's side and the
 * participant's, as messages.
 *
 *     coordinator ─► members      startEpoch, epochComplete, epochAbandoned, sourcesHeld, sourcesReleased, epochAnswered
 *     members ─► coordinator      epochPart …, epochAcked, epochFailed, epochPassed, epochAsked, outputEnded
 *
 * M1. A worker that is its own coordinator talks to itself by the same messages; only what it saves, which may be long,
 *     stays in memory.
 * M2. What a member saves goes in pieces, none of which stands in the way of others on its lane for long, and each of
 *     which a frame holds, however short these are here. They go one behind the other (`worker/patient-sender.ts`): of
 *     a hundred thousand streams, or files, all together would be more than a lane may hold. No other epoch begins
 *     before the last of them has gone (`checkpoint/coordinator.ts`, C1 and C3).
 * M3. Where the pipeline has failed, its worker says `epochFailed` of epoch 0, which there is none of: at once, and to
 *     each `startEpoch`. A coordinator on which it has failed holds the sources of all members, and answers who asks.
 */
import type { ByteReader } from '../../../base/bytes.ts'
import { fail } from '../../../base/errors.ts'
import type { Fate, Purpose } from '../../../checkpoint/barrier.ts'
import type { Snapshot } from '../../../checkpoint/manifest.ts'
import type { ControlMessage, Message } from '../../../transport/wire.ts'
import type { PatientSender } from '../../patient-sender.ts'
import type { Generation, Links } from '../generation.ts'

/** Bytes of a piece of a snapshot (M2), where a frame holds twice as many. */
const PIECE_BYTES = 256 << 10

/** What comes to the worker that coordinates. */
export interface CoordinatorsMail {
  saved(worker: string, epoch: number, snapshot: Snapshot): void
  refused(worker: string, epoch: number, reason: string): void
  passed(worker: string, epoch: number): void
  /** The pipeline has failed there. */
  failedOn(worker: string, reason: string): void
  wanted(worker: string, number: number, purpose: Purpose): void
  outputEnded(worker: string): void
}

/** What comes to every member. */
export interface MembersMail {
  startEpoch(epoch: number, purpose: Purpose, previous: Fate | null): void
  endEpoch(fate: Fate): void
  holdSources(reason: string): void
  releaseSources(): void
  answered(number: number, failure: string | null): void
}

export class EpochPost {
  private readonly generation: Generation
  private readonly links: Links
  private readonly pipeline: number
  private readonly self: string
  private readonly pieceBytes: number
  private readonly sender: PatientSender
  /** Pieces of snapshots that are not whole yet, by worker (M2). */
  private readonly pieces = new Map<string, { epoch: number; readonly bytes: Buffer[] }>()
  /** What this worker has saved for itself (M1). */
  private own: { readonly epoch: number; readonly snapshot: Snapshot } | null = null

  /** `run` is the pipeline's number on the wire; `sender` is for its pieces alone. */
  constructor(generation: Generation, links: Links, run: number, frameBytes: number, sender: PatientSender) {
    this.generation = generation
    this.links = links
    this.sender = sender
    this.pipeline = run
    this.pieceBytes = Math.min(PIECE_BYTES, frameBytes >>> 1)
    this.self = generation.members[generation.self]!.worker
  }

  // ── As the coordinator ───────────────────────────────────────────────────────────────────────────────────────────

  startEpoch(epoch: number, purpose: Purpose, previous: Fate | null): void {
    const before = previous?.outcome ?? null
    this.tellAll({ kind: 'startEpoch', pipeline: this.pipeline, epoch, purpose: wordOf(purpose), before })
  }

  endEpoch({ epoch, outcome }: Fate): void {
    const { pipeline } = this
    if (outcome === 'complete') this.tellAll({ kind: 'epochComplete', pipeline, epoch, record: 0 })
    else this.tellAll({ kind: 'epochAbandoned', pipeline, epoch })
  }

  holdSources(reason: string): void {
    this.tellAll({ kind: 'sourcesHeld', pipeline: this.pipeline, reason })
  }

  releaseSources(): void {
    this.tellAll({ kind: 'sourcesReleased', pipeline: this.pipeline })
  }

  answer(worker: string, number: number, failure: string | null): void {
    const { pipeline } = this
    this.links.send(worker, {
      kind: 'epochAnswered',
      pipeline,
      number,
      failure,
    })
  }

  private tellAll(message: ControlMessage): void {
    for (const { worker } of this.generation.members) this.links.send(worker, message)
  }

  // ── As a member ──────────────────────────────────────────────────────────────────────────────────────────────────

  saved(epoch: number, snapshot: Snapshot): void {
    const { pipeline, generation } = this
    const { coordinator } = generation
    if (coordinator === this.self) this.own = { epoch, snapshot }
    else this.sendPieces(epoch, Buffer.from(JSON.stringify(snapshot)))
    this.sender.send(coordinator, () => this.tell({ kind: 'epochAcked', pipeline, epoch }))
  }

  private sendPieces(epoch: number, bytes: Buffer): void {
    const { pipeline, links, generation, pieceBytes, sender } = this
    const { coordinator } = generation
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes)
      sender.send(coordinator, () =>
        links.send(coordinator, { kind: 'epochPart', pipeline, epoch }, (writer) => writer.bytes(piece)),
      )
    }
  }

  /** What this worker has saved goes no further. */
  close(): void {
    this.sender.close()
  }

  refused(epoch: number, reason: string): void {
    this.tell({ kind: 'epochFailed', pipeline: this.pipeline, epoch, reason })
  }

  passed(epoch: number): void {
    this.tell({ kind: 'epochPassed', pipeline: this.pipeline, epoch })
  }

  ask(number: number, purpose: Purpose): void {
    const name = purpose.kind === 'savepoint' ? purpose.name : null
    const word = purpose.kind === 'drain' && purpose.stays ? 'finish' : wordOf(purpose)
    this.tell({ kind: 'epochAsked', pipeline: this.pipeline, number, purpose: word, name })
  }

  outputEnded(): void {
    this.tell({ kind: 'outputEnded', pipeline: this.pipeline })
  }

  private tell(message: ControlMessage): void {
    this.links.send(this.generation.coordinator, message)
  }

  // ── What comes ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a message that came from `worker`; `coordinator` is `null` where this worker is none. */
  take(
    worker: string,
    message: ControlMessage,
    body: ByteReader,
    member: MembersMail,
    coordinator: CoordinatorsMail | null,
  ): void {
    switch (message.kind) {
      case 'startEpoch':
        return member.startEpoch(message.epoch, purposeOf(message), previousOf(message))
      case 'epochComplete':
        return member.endEpoch({ epoch: message.epoch, outcome: 'complete' })
      case 'epochAbandoned':
        return member.endEpoch({ epoch: message.epoch, outcome: 'abandoned' })
      case 'sourcesHeld':
        return member.holdSources(message.reason)
      case 'sourcesReleased':
        return member.releaseSources()
      case 'epochAnswered':
        return member.answered(message.number, message.failure)
      case 'epochPart':
        return this.takePiece(worker, message.epoch, body)
      case 'epochAcked':
        return coordinator?.saved(worker, message.epoch, this.snapshotOf(worker, message.epoch))
      case 'epochFailed':
        this.pieces.delete(worker)
        if (message.epoch === 0) return coordinator?.failedOn(worker, message.reason)
        return coordinator?.refused(worker, message.epoch, message.reason)
      case 'epochPassed':
        return coordinator?.passed(worker, message.epoch)
      case 'epochAsked':
        return coordinator?.wanted(worker, message.number, purposeOf(message))
      case 'outputEnded':
        return coordinator?.outputEnded(worker)
    }
  }

  private takePiece(worker: string, epoch: number, body: ByteReader): void {
    let known = this.pieces.get(worker)
    if (known?.epoch !== epoch) this.pieces.set(worker, (known = { epoch, bytes: [] }))
    known.bytes.push(Buffer.from(body.bytes(body.remaining)))
  }

  private snapshotOf(worker: string, epoch: number): Snapshot {
    const { own } = this
    if (worker === this.self && own?.epoch === epoch) {
      this.own = null
      return own.snapshot
    }
    const known = this.pieces.get(worker)
    this.pieces.delete(worker)
    if (known?.epoch !== epoch) throw fail('E_DAMAGED', { offset: 0, reason: 'a snapshot without its pieces' })
    return JSON.parse(Buffer.concat(known.bytes).toString()) as Snapshot
  }
}

/** What a worker says, to the coordinator, of a pipeline that has failed there for `reason` (M3). */
export function failedHere(run: number, reason: string): ControlMessage {
  return { kind: 'epochFailed', pipeline: run, epoch: 0, reason }
}

/** What a worker on which a pipeline has failed answers to `message` of another; `null`: nothing (M3). */
export function answerOfFailed(run: number, reason: string, message: ControlMessage): ControlMessage | null {
  if (message.kind === 'startEpoch') return failedHere(run, reason)
  if (message.kind !== 'epochAsked') return null
  return { kind: 'epochAnswered', pipeline: run, number: message.number, failure: failedOnCoordinator(reason) }
}

/** What the coordinator says to the other members of a pipeline that has failed there for `reason` (M3). */
export function heldByFailure(run: number, reason: string): ControlMessage {
  return { kind: 'sourcesHeld', pipeline: run, reason: failedOnCoordinator(reason) }
}

function failedOnCoordinator(reason: string): string {
  return `it has failed on the coordinator: ${reason}`
}

function wordOf(purpose: Purpose): Message<'startEpoch'>['purpose'] {
  return purpose.kind === 'periodic' ? 'checkpoint' : purpose.kind
}

/** Members are not told the name of a savepoint, nor what becomes of a pipeline that drains. */
function purposeOf(message: Message<'startEpoch'> | Message<'epochAsked'>): Purpose {
  switch (message.purpose) {
    case 'checkpoint':
      return { kind: 'periodic' }
    case 'fresh':
      return { kind: 'fresh' }
    case 'savepoint':
      return { kind: 'savepoint', name: ('name' in message ? message.name : null) ?? '' }
    case 'rescale':
      return { kind: 'rescale' }
    case 'drain':
    case 'finish':
      return { kind: 'drain', stays: message.purpose === 'finish' }
  }
}

/**
 * The fate of the epoch before: it was the number before, or this is the first of the generation
 * (`checkpoint/coordinator.ts`, C1).
 */
function previousOf({ epoch, before }: Message<'startEpoch'>): Fate | null {
  return before === null ? null : { epoch: epoch - 1, outcome: before }
}
