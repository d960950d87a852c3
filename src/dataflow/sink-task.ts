/**
 * Encodes records and gives them to a writer.
 *
 * W1. A barrier is handed to the writer behind the bytes of everything before it; the writer answers when all of that
 *     has left its control (PROTOCOLS 8).
 * W2. A writer that takes nothing more stops the task, and with it, channel by channel, the sources.
 * W3. A batch is written in pieces of about `PIECE`, each of whole records, and may wait between two of them for the
 *     writer: a batch of long records may be larger than a string, or a message, may be.
 */
import { fail } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import { disregard, refusePromise } from '../base/promise.ts'
import type { SinkDescription } from '../model/connector.ts'
import { Batch, type BatchPool, type Marker } from './batch.ts'
import { isRecordFault } from './collector.ts'
import { type FailureReport, failureOf } from './failure.ts'
import type { Inputs } from './inputs.ts'
import type { Lineage } from './lineage.ts'
import type { Task, TaskParts, TaskReports } from './task.ts'

/** Characters or bytes after which a piece is written (W3). */
const PIECE = 256 << 10

/** Where each record of a write ends in its bytes, and the ids of all, where they have some. */
export interface Apart {
  readonly ends: readonly number[]
  readonly ids: readonly string[] | null
}

/** What a sink task asks of a connector's writer. */
export interface SinkWriter {
  /**
   * Takes the bytes of `records` records, told `apart` where the sink asks for it; false: no more until it wakes the
   * task.
   */
  write(bytes: Buffer, records: number, apart?: Apart): boolean
  /** False after `write` answered false, until there is room again. */
  readonly room: boolean
  /** Answers when everything before has left the writer's control, with what belongs into the snapshot. */
  barrier(epoch: number, generation: number, done: (held: Json) => void): void
}

export interface SinkTaskParts extends TaskParts {
  readonly inputs: Inputs
  readonly sink: SinkDescription<unknown>
  readonly writer: SinkWriter
  /** Tells which records led to each, for a sink that is to know. */
  readonly lineage: Lineage | null
  /** Hears of records that could not be encoded. */
  readonly report: FailureReport
}

export class SinkTask implements Task {
  readonly id: number
  readonly step: string
  private readonly inputs: Inputs
  private readonly sink: SinkDescription<unknown>
  private readonly writer: SinkWriter
  private readonly lineage: Lineage | null
  private readonly pool: BatchPool
  private readonly report: FailureReport
  private readonly reports: TaskReports
  /** What is being written, up to `cursor`. */
  private batch: Batch | null = null
  private cursor = 0

  constructor({ id, step, inputs, pool, reports, sink, writer, lineage, report }: SinkTaskParts) {
    this.id = id
    this.step = step
    this.inputs = inputs
    this.sink = sink
    this.writer = writer
    this.lineage = lineage
    this.pool = pool
    this.report = report
    this.reports = reports
  }

  readonly heldSince = Infinity

  get waits(): boolean {
    return this.batch !== null || this.inputs.waits
  }

  get due(): number {
    return Infinity
  }

  get running(): string {
    return this.step
  }

  /** A sink has no chain. */
  tryAgain(): boolean {
    return false
  }

  release(): void {}

  close(): void {}

  run(): boolean {
    if (!this.writer.room) return false
    if (this.batch === null) {
      const element = this.inputs.next()
      if (element === undefined) return false
      if (element instanceof Batch) this.batch = element
      else this.pass(element)
    }
    if (this.batch !== null) this.writePiece(this.batch)
    return this.writer.room
  }

  private writePiece(batch: Batch): void {
    const { sink, cursor } = this
    this.cursor = sink.apart === true ? this.writeApart(batch, cursor) : this.writeTogether(batch, cursor)
    if (this.cursor < batch.length) return
    this.batch = null
    this.cursor = 0
    this.pool.give(batch)
  }

  private pass(marker: Marker): void {
    const { id, reports, writer } = this
    if (marker.kind === 'barrier') {
      reports.reached(marker, id)
      writer.barrier(marker.epoch, marker.generation, (held) => {
        reports.prepared(marker, id, held)
      })
    } else if (marker.kind === 'end') {
      reports.ended(id)
    }
  }

  /**
   * Joins texts, so that one conversion to bytes serves them all; bytes go out as they are. Answers how far it has
   * come.
   */
  private writeTogether(batch: Batch, from: number): number {
    const { framing } = this.sink
    const suffix = framing === null ? '' : framing.suffix
    const parts: Uint8Array[] = []
    let text = ''
    let size = 0
    let records = 0
    let i = from
    for (; i < batch.length && size < PIECE; i++) {
      try {
        const encoded = encodedBy(this.sink, this.step, batch.values[i])
        if (typeof encoded === 'string' && suffix !== null) {
          text += suffix === '' ? encoded : encoded + suffix
        } else {
          if (text !== '') parts.push(Buffer.from(text))
          text = ''
          parts.push(...framedBy(this.sink, this.step, encoded))
        }
        size += encoded.length
        records++
      } catch (error) {
        this.fail(batch, i, error)
      }
    }
    if (records === 0) return i
    if (parts.length === 0) this.writer.write(Buffer.from(text), records)
    else this.writer.write(Buffer.concat(text === '' ? parts : [...parts, Buffer.from(text)]), records)
    return i
  }

  /** Tells the writer where each record ends, and by which id it will be known again. Answers how far it has come. */
  private writeApart(batch: Batch, from: number): number {
    const { lineage } = this
    const { channel } = this.inputs
    const parts: Uint8Array[] = []
    const ends: number[] = []
    const ids: string[] = []
    let end = 0
    let i = from
    for (; i < batch.length && end < PIECE; i++) {
      try {
        const encoded = encodedBy(this.sink, this.step, batch.values[i])
        for (const part of framedBy(this.sink, this.step, encoded)) {
          parts.push(part)
          end += part.length
        }
        ends.push(end)
        if (lineage !== null) ids.push(lineage.idOf(batch, i, channel))
      } catch (error) {
        this.fail(batch, i, error)
      }
    }
    if (ends.length > 0)
      this.writer.write(Buffer.concat(parts), ends.length, { ends, ids: lineage === null ? null : ids })
    return i
  }

  private fail(batch: Batch, i: number, error: unknown): void {
    if (!isRecordFault(error)) throw error
    this.report(failureOf(batch, i, this.step, undefined, error))
  }
}

/** What the sink `step` makes of `value`. Throws what makes a dead letter of it. */
export function encodedBy(sink: SinkDescription<unknown>, step: string, value: unknown): string | Uint8Array {
  if (value instanceof Promise) refusePromise(value)
  const encoded: unknown = sink.encode(value)
  if (typeof encoded === 'string' || encoded instanceof Uint8Array) return encoded
  if (encoded instanceof Promise) disregard(encoded)
  throw fail('E_ENCODED', { step, got: describe(encoded) })
}

/** A record in its frame, as `step` sends it: parts in order. Throws what makes a dead letter of it. */
export function framedBy(
  { framing, recordBytes: limit = Infinity }: SinkDescription<unknown>,
  step: string,
  encoded: string | Uint8Array,
): readonly Uint8Array[] {
  // Bytes of their own: who encodes may use the same memory for the next record, before this one has gone.
  const bytes = typeof encoded === 'string' ? Buffer.from(encoded) : Buffer.from(encoded)
  // It would be refused again and again, and nothing behind it would go on.
  if (bytes.length > limit) throw fail('E_OUTPUT_TOO_LONG', { step, bytes: bytes.length, limit })
  return framing === null ? [bytes] : framing.frame(bytes)
}

function describe(value: unknown): string {
  if (value instanceof Promise) return 'a promise'
  if (value === undefined || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
}
