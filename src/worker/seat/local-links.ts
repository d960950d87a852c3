/**
 * The links of a generation with one member: it sends to itself alone, and has no channels.
 *
 * A message comes back on a turn of its own, in the order of sending, as its receiver would have read it off a link.
 */
import { assert } from '../../base/assert.ts'
import { ByteReader, ByteWriter } from '../../base/bytes.ts'
import type { Clock } from '../../env/clock.ts'
import { NEWEST_VERSION } from '../../protocol/version.ts'
import type { Inlet } from '../../transport/inlet.ts'
import type { Outlet } from '../../transport/outlet.ts'
import type { BodyWriter } from '../../transport/peer.ts'
import type { ControlMessage } from '../../transport/wire.ts'
import type { Links } from '../execution/generation.ts'

export class LocalLinks implements Links {
  private readonly clock: Clock
  private readonly deliver: (message: ControlMessage, body: ByteReader) => void
  private readonly queue: { readonly message: ControlMessage; readonly body: Buffer }[] = []
  private closed = false

  constructor(clock: Clock, deliver: (message: ControlMessage, body: ByteReader) => void) {
    this.clock = clock
    this.deliver = deliver
  }

  send(_worker: string, message: ControlMessage, body: BodyWriter | null = null): void {
    this.queue.push({ message, body: body === null ? nothing : written(body) })
    if (this.queue.length === 1) this.clock.soon(this.turn)
  }

  /** Nobody else reads what it writes. */
  version(): number {
    return NEWEST_VERSION
  }

  /** What it sends to itself has no way to go. */
  backlog(): number {
    return 0
  }

  outlet<B>(): Outlet<B> {
    return this.none()
  }

  inlet(): Inlet {
    return this.none()
  }

  close(): void {
    this.closed = true
  }

  private none(): never {
    assert(false, 'a generation of one has no channels to others')
    throw new Error()
  }

  private readonly turn = (): void => {
    const sent = this.queue.splice(0)
    for (const { message, body } of sent) if (!this.closed) this.deliver(message, new ByteReader(body))
  }
}

const nothing = Buffer.alloc(0)
/** What is made room for at first: most bodies are short, and the room stays with each that waits. */
const BODY_BYTES = 1 << 10

function written(body: BodyWriter): Buffer {
  const writer = new ByteWriter(BODY_BYTES)
  body(writer)
  return writer.take()
}
