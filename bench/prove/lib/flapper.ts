/**
 * The connections of a producer that leaves them at any time: what it has sent goes on draining into the worker that it
 * has left, while it is at another already, as when a network drops a connection at one end only.
 */
import type { Prng } from '../../../src/base/prng.ts'
import { dialTcp } from '../../../src/client/tcp.ts'
import type { Dial, Transport } from '../../../src/client/transport.ts'

/** One in so many connections is late, and by how much at most, in milliseconds. */
const LATE = 2
const LATE_MS = 1500

export class Flapper {
  /** Connections that were left, and those of them that had something to drain. */
  left = 0
  drained = 0
  private readonly chance: Prng
  private leaveCurrent: () => void = () => {}

  constructor(chance: Prng) {
    this.chance = chance
  }

  readonly dial: Dial = (target, events) => {
    const { chance } = this
    const delayMs = chance.below(LATE) === 0 ? chance.below(LATE_MS) : 0
    let left = false
    let waiting = 0
    const line = dialTcp(target, {
      onOpen: () => left || events.onOpen(),
      onBytes: (chunk) => left || events.onBytes(chunk),
      onRoom: () => left || events.onRoom(),
      onEnd: (reason) => left || events.onEnd(reason),
    })
    const later = (act: () => void): void => {
      waiting++
      setTimeout(() => {
        waiting--
        act()
        if (left && waiting === 0) line.end()
      }, delayMs)
    }
    this.leaveCurrent = () => {
      if (left) return
      left = true
      this.left++
      if (waiting > 0) this.drained++
      else line.end()
      events.onEnd('the producer has left')
    }
    const transport: Transport = {
      write(bytes) {
        if (delayMs === 0) return line.write(bytes)
        later(() => line.write(bytes))
        return true
      },
      cork: () => line.cork(),
      uncork: () => line.uncork(),
      end: () => left || line.end(),
      destroy: () => left || line.destroy(),
    }
    return transport
  }

  /** Leaves the connection that there is. */
  leave(): void {
    this.leaveCurrent()
  }
}
