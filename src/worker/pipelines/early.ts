/** What members say to pipelines that are not up here yet: it waits for them (R1 of `run-mail.ts`). */
import { ByteReader } from '../../base/bytes.ts'
import type { ControlMessage } from '../../transport/wire.ts'

/** How many may wait, of all pipelines together. */
const MOST = 4096

interface Message {
  readonly from: string
  readonly message: ControlMessage
  readonly body: Buffer
}

/** Hears one message. */
type Hear = (from: string, message: ControlMessage, body: ByteReader) => void

export class EarlyMessages {
  /** By the numbers of the runs that they are for. */
  private readonly waiting = new Map<number, Message[]>()
  private count = 0

  /** Keeps a message for `run`, with a copy of its body; false where too many wait. */
  keep(run: number, from: string, message: ControlMessage, body: ByteReader): boolean {
    if (this.count >= MOST) return false
    this.count++
    const kept = { from, message, body: Buffer.from(body.bytes(body.remaining)) }
    const before = this.waiting.get(run)
    if (before === undefined) this.waiting.set(run, [kept])
    else before.push(kept)
    return true
  }

  /** Tells `hear` what has come for `run`, in the order in which it came. */
  deliver(run: number, hear: Hear): void {
    const messages = this.waiting.get(run) ?? []
    this.waiting.delete(run)
    this.count -= messages.length
    for (const { from, message, body } of messages) hear(from, message, new ByteReader(body))
  }

  /** Lets go of what has come for runs of which `isGone` holds. */
  drop(isGone: (run: number) => boolean): void {
    for (const run of this.waiting.keys()) if (isGone(run)) this.deliver(run, () => {})
  }

  clear(): void {
    this.waiting.clear()
    this.count = 0
  }
}
