/**
 * Questions that one worker passes on to another over their link, for people who asked the wrong one: a path of the control
 * API that shows something, and the JSON that it answers.
 *
 * Q1. Whoever passes a question on has seen that the person may look. Nothing is done this way, only shown.
 * Q2. A question is answered once: by the other worker, or by the deadline. What comes later is dropped.
 * Q3. Numbers begin elsewhere in each life of a worker: an answer to what it asked in the one before finds it under its name, and is
 *     not to be taken for another.
 */
import type { ByteReader } from '../base/bytes.ts'
import { hashKey } from '../base/hash.ts'
import type { Clock, Timer } from '../env/clock.ts'
import type { ControlMessage, Message } from '../transport/wire.ts'
import type { Links } from './execution/generation.ts'

/** Its HTTP status, and its JSON. */
export interface Answer {
  readonly status: number
  readonly text: string
}

interface Open {
  readonly done: (answer: Answer | null) => void
  readonly timer: Timer
}

/** Room for what stands in front of an answer in its frame. */
const HEAD_BYTES = 64
const TOO_LONG: Answer = {
  status: 503,
  text: '{"error":{"code":null,"message":"the answer is too long for a frame between workers: ask for fewer keys"}}',
}

export class Questions {
  /** Answers a path of this worker's own control API. */
  answer: (path: string, done: (answer: Answer) => void) => void = (_, done) => done({ status: 503, text: '{}' })
  private readonly clock: Clock
  private readonly frameBytes: number
  private readonly incarnation: () => string
  private readonly send: Links['send']
  private readonly open = new Map<number, Open>()
  /** Of the next question; `null` before the first. */
  private next: number | null = null

  /** `incarnation`: the one that asks. */
  constructor(clock: Clock, frameBytes: number, incarnation: () => string, send: Links['send']) {
    this.clock = clock
    this.frameBytes = frameBytes
    this.incarnation = incarnation
    this.send = send
  }

  /** Asks `worker`; `done` hears the answer, or `null` when there is none within `ms`. */
  ask(worker: string, path: string, ms: number, done: (answer: Answer | null) => void): void {
    const number = (this.next ?? hashKey(this.incarnation())) >>> 0
    this.next = number + 1
    const timer = this.clock.after(ms, () => this.settle(number, null))
    this.open.set(number, { done, timer })
    this.send(worker, { kind: 'asked', number, path })
  }

  take(from: string, message: Message<'asked' | 'told'>, body: ByteReader): void {
    const { number } = message
    if (message.kind === 'told') {
      this.settle(number, { status: message.status, text: body.bytes(body.remaining).toString('utf8') })
    } else {
      this.answer(message.path, (answer) => this.tell(from, number, answer))
    }
  }

  /** Nobody waits any more. */
  close(): void {
    for (const number of [...this.open.keys()]) this.settle(number, null)
  }

  private tell(to: string, number: number, answer: Answer): void {
    const whole = Buffer.from(answer.text)
    const fits = whole.length <= this.frameBytes - HEAD_BYTES
    const { status } = fits ? answer : TOO_LONG
    const bytes = fits ? whole : Buffer.from(TOO_LONG.text)
    this.send(to, { kind: 'told', number, status }, (writer) => writer.bytes(bytes))
  }

  private settle(number: number, answer: Answer | null): void {
    const open = this.open.get(number)
    if (open === undefined) return
    this.open.delete(number)
    open.timer.cancel()
    open.done(answer)
  }
}

export function isQuestion(message: ControlMessage): message is Message<'asked' | 'told'> {
  return message.kind === 'asked' || message.kind === 'told'
}
