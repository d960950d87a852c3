/**
 * Reads standard input: one connection that stands from the beginning and is closed when the input has ended.
 *
 * R1. Its records go through a lane into the journal, as those of any connection; a lane without room pauses the
 *     reading.
 * R2. Who closes the source gives back the bytes of an unfinished record: opened again, it goes on in the middle of it.
 * R3. Bytes that are no record end the input, which is said: the records in front of them have been taken. It has ended
 *     for whoever opens it again, too: behind such bytes nothing says where a record begins.
 */
import { fail, PotorooError } from '../../base/errors.ts'
import type { InputHandler, Reading } from '../../env/input.ts'
import type { SourceDescription } from '../../model/connector.ts'
import { Assembler } from '../assembler.ts'
import type { Door, JournaledSource, Lane, Listening, SourceContext, SourceStatus } from '../connector.ts'
import { STANDARD_INPUT } from './describe.ts'

/** Who it is that sends, in messages. */
const REMOTE = 'standard input'

export const standardInputConnector: JournaledSource = {
  family: 'journaled',
  kind: STANDARD_INPUT,
  open: (description, door, context) => new OpenInput(description, door, context),
}

class OpenInput implements Listening, InputHandler {
  readonly status: SourceStatus = { connections: 1, accepted: 1, refused: 0, expelled: 0, bytes: 0, records: 0 }
  private readonly context: SourceContext
  private readonly lane: Lane
  private readonly assembler: Assembler
  private reading: Reading | null = null
  private full = false
  private closed = false

  constructor(description: SourceDescription<unknown>, door: Door, context: SourceContext) {
    this.context = context
    this.lane = door.lane(REMOTE)
    this.assembler = new Assembler(description.framing, context.limits.recordBytes, (bytes, cuts) => {
      this.status.records += cuts.count
      this.full = !this.lane.push(bytes, cuts)
    })
    this.lane.onRoom(() => this.reading?.resume())
    context.env.clock.soon(() => this.opened())
  }

  private opened(): void {
    const { context } = this
    if (this.closed) return
    this.reading = context.standardInput?.read(this) ?? null
    if (this.reading !== null) context.listening(REMOTE)
    else this.failed(context.standardInput === null ? 'this worker has none' : 'another source reads it')
  }

  onBytes(chunk: Buffer): void {
    const { status, assembler } = this
    status.bytes += chunk.length
    this.full = false
    try {
      assembler.push(chunk)
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.refuse(error.message)
      return
    }
    if (this.full) this.reading!.pause()
  }

  onEnd(): void {
    const why = this.assembler.end('it')
    if (why !== null) this.refuse(why)
    else this.leave()
  }

  onFailed(error: Error): void {
    this.failed(error.message)
  }

  close(): void {
    this.closed = true
    this.reading?.stop(this.assembler.take())
    this.leave()
  }

  private refuse(reason: string): void {
    const { context, status } = this
    status.expelled++
    this.reading!.drop()
    this.leave()
    context.warn(fail('E_INPUT_LEFT', { step: context.step, reason }))
  }

  private failed(reason: string): void {
    const { context } = this
    this.leave()
    context.failed(fail('E_STANDARD_INPUT', { step: context.step, reason }))
  }

  private leave(): void {
    this.status.connections = 0
    this.lane.close()
  }
}
