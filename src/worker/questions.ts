/**
 * Questions that one worker passes on to another over their link, for people who asked the wrong one: a path of the
 * control API that shows something, and the JSON that it answers.
 *
 * Q1. Whoever passes a question on has seen that the person may look. Nothing is done this way, only shown.
 * Q2. A question is answered once: by the other worker, or by the deadline. What comes later is dropped.
 * Q3. Numbers begin elsewhere in each life of a worker: an answer to what it asked in the one before finds it under its
 *     name, and is not to be taken for another.
 * Q4. Answers go one behind the other (`patient-sender.ts`): a few pages of large states together are more than the
 *     lane may hold on which everything goes that a generation lives by. Of those that wait for a worker there are as
 *     many as the lane may hold; who asks for more is told so.
 */
import type { ByteReader } from '../base/bytes.ts'
import { hashKey } from '../base/hash.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock, Timer } from '../env/clock.ts'
import { ASKED_BYTES } from '../protocol/messages.ts'
import type { ControlMessage, Message } from '../transport/wire.ts'
import type { Links } from './execution/generation.ts'
import { PatientSender } from './patient-sender.ts'

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
const ASKED_TOO_LONG = answerThat(`it asks for more than the ${ASKED_BYTES} bytes that workers ask each other for`)
const TOO_LONG: Answer = {
  status: 503,
  text: '{"error":{"code":null,"message":"the answer is too long for a frame between workers: ask for fewer keys"}}',
}
const TOO_MANY: Answer = {
  status: 503,
  text: '{"error":{"code":null,"message":"too many long answers wait for this link: ask again, or for fewer keys"}}',
}

export class Questions {
  /** Answers a path of this worker's own control API. */
  answer: (path: string, done: (answer: Answer) => void) => void = (_, done) => done({ status: 503, text: '{}' })
  private readonly clock: Clock
  private readonly limits: Pick<Limits, 'frameBytes' | 'controlLaneBytes'>
  private readonly incarnation: () => string
  private readonly send: Links['send']
  private readonly sender: PatientSender
  /** Bytes that wait for each worker (Q4). */
  private readonly waiting = new Map<string, number>()
  private readonly open = new Map<number, Open>()
  /** Of the next question; `null` before the first. */
  private next: number | null = null

  /** `incarnation`: the one that asks. */
  constructor(
    clock: Clock,
    limits: Questions['limits'],
    incarnation: () => string,
    links: Pick<Links, 'send' | 'backlog'>,
  ) {
    this.clock = clock
    this.limits = limits
    this.incarnation = incarnation
    this.send = (...sent) => links.send(...sent)
    this.sender = new PatientSender(clock, limits, (worker) => links.backlog(worker))
  }

  /** Asks `worker`; `done` hears the answer, or `null` when there is none within `ms`. */
  ask(worker: string, path: string, ms: number, done: (answer: Answer | null) => void): void {
    if (Buffer.byteLength(path) > ASKED_BYTES) {
      this.clock.soon(() => done(ASKED_TOO_LONG))
      return
    }
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
    this.sender.close()
    for (const number of [...this.open.keys()]) this.settle(number, null)
  }

  private tell(to: string, number: number, answer: Answer): void {
    const { waiting, limits } = this
    const length = Buffer.byteLength(answer.text)
    const before = waiting.get(to) ?? 0
    const short =
      length > limits.frameBytes - HEAD_BYTES ? TOO_LONG : before + length > limits.controlLaneBytes ? TOO_MANY : null
    const { status, text } = short ?? answer
    const bytes = Buffer.from(text)
    waiting.set(to, before + bytes.length)
    this.sender.send(to, () => {
      const left = waiting.get(to)! - bytes.length
      if (left > 0) waiting.set(to, left)
      else waiting.delete(to)
      this.send(to, { kind: 'told', number, status }, (writer) => writer.bytes(bytes))
    })
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

/** That a request cannot be understood for `reason`, as a worker answers it. */
function answerThat(reason: string): Answer {
  return { status: 400, text: JSON.stringify({ error: { code: 'E_CONTROL_REQUEST', details: { reason } } }) }
}
