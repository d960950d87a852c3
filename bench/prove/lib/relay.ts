/** A way to a port that can be cut: whoever is connected loses the connection, and may come again. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export class Relay {
  cuts = 0
  private readonly sockets = new Set<Socket>()
  private readonly server = createServer((near) => {
    const far = connect(this.to, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one)
      one.setNoDelay(true)
      one.on('error', () => {})
      one.on('close', () => {
        this.sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  private readonly to: number

  private constructor(to: number) {
    this.to = to
  }

  static async open(to: number): Promise<Relay> {
    const relay = new Relay(to)
    relay.server.listen(0, '127.0.0.1')
    await once(relay.server, 'listening')
    return relay
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  cut(): void {
    this.cuts++
    for (const socket of this.sockets) socket.resetAndDestroy()
  }

  close(): void {
    this.server.close()
    this.cut()
  }
}
