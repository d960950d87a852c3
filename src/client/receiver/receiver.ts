/**
 * Takes what acked sinks send, and hands each record over once.
 *
 * R1. Records are handed over one after another, in the order in which they were taken; each only once it is kept.
 * R2. In memory a record is kept when it was handled; on disk when it is in the inbox and synced.
 *     What was handled is noted there one by one: of a receiver that dies only the record in hand is handed over again.
 * R3. A handler that throws, or an inbox that cannot be written, ends the receiver: nothing more is taken or
 *     acknowledged.
 */

import { EventEmitter } from 'node:events'
import { showAddress } from '../../base/address.ts'
import { fail } from '../../base/errors.ts'
import { RECORD_BYTES } from '../../protocol/delivery.ts'
import type { Address } from '../options.ts'
import { DiskInbox } from './disk-inbox.ts'
import { type Entry, Intake, type Stream } from './intake.ts'
import type { Listening } from './listen.ts'
import type { ReceivedRecord, receiveSettings } from './options.ts'
import { type ReceiverClock, type Surroundings, thisMachine } from './surroundings.ts'

export interface ReceiverEvents {
  /** A sink was turned away; it will come again. */
  refused: [refusal: { readonly code: string; readonly reason: string }]
  /** The receiver has ended for good (R3). Without a listener the error is thrown as an uncaught exception. */
  failed: [error: unknown]
}

/** A record in keeping. */
export interface Kept {
  readonly sequence: number
  readonly stream: Stream
  readonly id: string
  readonly bytes: Buffer
}

/** Records that were kept together, and what follows when they are handled. */
interface Handful {
  readonly records: readonly Kept[]
  readonly done: () => void
}

type ReceiverSettings = ReturnType<typeof receiveSettings>

/** A receiver that does not listen yet. */
interface Opening {
  readonly intake: Intake
  listens(listening: Listening): Receiver
  close(): void
}

/** What is handed over of an earlier life before sinks may bring as much. */
const PART_BYTES = 64 << 10
/** After so long the loop has its turn, however quick the handler is. */
const TURN_MS = 8

export class Receiver extends EventEmitter<ReceiverEvents> {
  /** Sequence of the last record that was handled. */
  handled = 0
  /** Where it listens. */
  readonly address: Address
  private readonly settings: ReceiverSettings
  private readonly clock: ReceiverClock
  private readonly intake: Intake
  private readonly inbox: DiskInbox | null
  private readonly listening: Listening
  private readonly stopLooking: () => void
  private queue: Handful[] = []
  private running = false
  private over = false
  /** Nothing more is handed over. */
  private finishing = false
  private readonly finished = Promise.withResolvers<void>()
  private next = 1

  /** Use `receiveAcked`. Throws `E_INBOX…`. */
  static async open(
    settings: ReceiverSettings,
    listen: (intake: Intake) => Promise<Listening>,
    around: Surroundings = thisMachine,
  ): Promise<Receiver> {
    const opening = Receiver.prepare(settings, around)
    try {
      return opening.listens(await listen(opening.intake))
    } catch (error) {
      opening.close()
      throw error
    }
  }

  /** Opens the inbox: a receiver once its intake `listens`. Throws `E_INBOX…`. */
  static prepare(settings: ReceiverSettings, around: Surroundings): Opening {
    let receiver: Receiver | null = null
    const intake = new Intake(
      {
        name: showAddress(settings),
        token: settings.token,
        creditBytes: settings.creditBytes,
        recordBytes: RECORD_BYTES,
        keepAliveMs: around.keepAliveMs,
        remember: settings.remember,
      },
      {
        keep: (entry, kept, handled) => receiver!.keep(entry, kept, handled),
        moved: (stream) => receiver!.moved(stream),
        refused: (code, reason) => void receiver!.emit('refused', { code, reason }),
      },
    )
    const { path, after } = settings
    const inbox = path === null ? null : new DiskInbox(path, intake, (error) => receiver?.fail(error), after, around)
    try {
      if (after !== null) goOnBehind(after, inbox!)
    } catch (error) {
      inbox?.close()
      throw error
    }
    return {
      intake,
      listens: (listening) => {
        receiver = new Receiver(settings, intake, inbox, listening, around)
        return receiver
      },
      close: () => inbox?.close(),
    }
  }

  private constructor(
    settings: ReceiverSettings,
    intake: Intake,
    inbox: DiskInbox | null,
    listening: Listening,
    { clock, keepAliveMs }: Surroundings,
  ) {
    super()
    this.clock = clock
    this.settings = settings
    this.intake = intake
    this.inbox = inbox
    this.listening = listening
    this.address = listening.address
    this.stopLooking = clock.every(keepAliveMs, () => intake.tick())
    this.handled = settings.after ?? inbox?.handed ?? 0
    this.goOnWith(inbox?.found.splice(0) ?? [])
  }

  /** Hands over what an earlier life had taken, and lets sinks bring as much for each part of it. */
  private goOnWith(found: readonly Kept[]): void {
    let [from, bytes, all] = [0, 0, 0]
    for (const [i, record] of found.entries()) {
      bytes += record.bytes.length
      if (bytes < PART_BYTES && i < found.length - 1) continue
      const [records, size] = [found.slice(from, i + 1), bytes]
      this.enqueue({ records, done: () => this.intake.catchUp(size) })
      all += size
      ;[from, bytes] = [i + 1, 0]
    }
    this.intake.beginBehind(all)
  }

  /**
   * Ids that were forgotten before their time, because more than `remember` of them came; each may be handed over
   * twice.
   */
  get forgotten(): number {
    let sum = 0
    for (const { memory } of this.intake.all) sum += memory.forgotten
    return sum
  }

  /** Stops at once. What is not handled comes again, the record in hand too: from the inbox, or from the sinks. */
  close(): void {
    this.end()
  }

  /**
   * Takes nothing more, and resolves when the record in hand was handled and the receiver is closed. With an inbox on
   * disk that one is not handed over again. `handle` may call it, and not wait for it.
   */
  finish(): Promise<void> {
    if (!this.over) {
      this.finishing = true
      this.stop()
      if (!this.running) this.end()
    }
    return this.finished.promise
  }

  // ── Keeping ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private keep(entry: Entry, kept: () => void, handled: () => void): void {
    const { inbox } = this
    if (this.over) return
    const first = inbox?.next ?? this.next
    const records = entry.records.map(({ id, bytes }, i) => ({ sequence: first + i, stream: entry.stream, id, bytes }))
    if (inbox === null) {
      this.next += records.length
      this.enqueue({
        records,
        done: () => {
          kept()
          handled()
        },
      })
      return
    }
    this.write(() =>
      inbox.append(entry, () => {
        kept()
        this.enqueue({ records, done: handled })
      }),
    )
  }

  private moved(stream: Stream): void {
    this.write(() => this.inbox?.moved(stream))
  }

  private write(act: () => void): void {
    if (this.over) return
    try {
      act()
    } catch (error) {
      this.fail(error)
    }
  }

  // ── Handing over ─────────────────────────────────────────────────────────────────────────────────────────────────

  private enqueue(handful: Handful): void {
    this.queue.push(handful)
    if (this.running) return
    this.running = true
    this.clock.soon(() => void this.run().catch((error: unknown) => this.fail(error)))
  }

  private async run(): Promise<void> {
    const { clock } = this
    let begun = clock.monotonic()
    while (this.queue.length > 0) {
      const { queue } = this
      this.queue = []
      for (const { records, done } of queue) {
        for (const record of records) {
          if (this.over || this.finishing) return this.end()
          const promise = this.settings.handle(new Received(record))
          if (promise !== undefined) await promise
          this.handled = record.sequence
          this.write(() => this.inbox?.handled(record.sequence))
        }
        if (this.over) return
        done()
        if (clock.monotonic() - begun < TURN_MS) continue
        await new Promise<void>((go) => clock.soon(go))
        begun = clock.monotonic()
      }
    }
    this.running = false
    if (this.finishing) this.end()
  }

  /** R3; what is thrown may be anything, and nothing at all. */
  private fail(error: unknown): void {
    if (this.over) return
    this.end()
    if (this.emit('failed', error)) return
    queueMicrotask(() => {
      throw error
    })
  }

  private end(): void {
    if (this.over) return
    this.over = true
    this.stop()
    this.inbox?.close()
    this.finished.resolve()
  }

  private stop(): void {
    this.stopLooking()
    this.intake.close()
    this.listening.close()
  }
}

class Received implements ReceivedRecord {
  private readonly record: Kept

  constructor(record: Kept) {
    this.record = record
  }

  get sequence(): number {
    return this.record.sequence
  }

  get id(): string {
    return this.record.id
  }

  get bytes(): Buffer {
    return this.record.bytes
  }

  get text(): string {
    return this.record.bytes.toString('utf8')
  }

  get pipeline(): string {
    return this.record.stream.name.pipeline
  }

  get step(): string {
    return this.record.stream.name.step
  }
}

/**
 * What was handed over and forgotten cannot be handed over again: who has lost its effects must know; so must who has
 * effects of more than the inbox ever had. A new inbox, which may stand in for a damaged one, goes on in the numbers of
 * the one before.
 */
function goOnBehind(after: number, inbox: DiskInbox): void {
  const refused = (reason: string): Error => fail('E_RECEIVER_OPTIONS', { reason: `after is ${after}, and ${reason}` })
  const oldest = inbox.oldest || inbox.next
  if (inbox.next === 1) inbox.beginBehind(after)
  else if (after < oldest - 1)
    throw refused(`the inbox has records from ${oldest} on only: those between were handed over before`)
  else if (after >= inbox.next)
    throw refused(`the inbox ends at record ${inbox.next - 1}: it is another one, or has lost its end`)
}
