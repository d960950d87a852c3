/**
 * The ports at which a source listens. Where workers of one machine share the port that people know, each has one of
 * its own beside it, to which the others send the producers that are its: behind the shared port these would meet any
 * of them.
 *
 * B1. The own port is on the same host as the shared one, so that whoever reaches the one reaches the other; its number
 *     is a free one, and stays as it is while the worker lives: others may send producers there that have not heard of
 *     a new one.
 * B2. Without it the source works: producers are sent to the shared port then, and may have to come several times.
 */
import { showAddress } from '../../base/address.ts'
import { fail } from '../../base/errors.ts'
import type { Address, Listener, NetworkError } from '../../env/network.ts'
import type { SourceContext } from '../connector.ts'
import { listenFault } from './fault.ts'

type Opened = (error: NetworkError | null, listener: Listener | null) => void

/** How a source listens at an address. */
export type Listen = (at: Address, options: { readonly reusePort: boolean }, done: Opened) => void

export class Ports {
  private readonly context: SourceContext
  private readonly listen: Listen
  private readonly listeners: Listener[] = []
  private closed = false

  /** `own`: producers are sent to this worker by others. `ready` hears that the port that people know stands open. */
  constructor(context: SourceContext, at: Address, own: boolean, listen: Listen, ready: (listener: Listener) => void) {
    this.context = context
    this.listen = listen
    const { sharePort, step } = context
    listen(at, { reusePort: sharePort }, (error, listener) => {
      if (error !== null) {
        if (!this.closed) context.failed(listenFault(step, at.host, at.port, error))
        return
      }
      if (!this.add(listener!)) return
      context.listening(showAddress(listener!.address))
      if (own && sharePort) this.openOwn({ host: at.host, port: context.ownPort })
      else context.reached(showAddress(listener!.address))
      ready(listener!)
    })
  }

  close(): void {
    this.closed = true
    for (const listener of this.listeners) listener.close()
  }

  private openOwn(at: Address): void {
    const { context } = this
    this.listen(at, { reusePort: false }, (error, listener) => {
      if (error === null) {
        if (this.add(listener!)) context.reached(showAddress(listener!.address))
        return
      }
      if (this.closed) return
      // Somebody else has the one of before.
      if (at.port !== 0) return this.openOwn({ ...at, port: 0 })
      context.warn(fail('E_LISTEN', { step: context.step, ...at, reason: error.message }, error))
      context.reached(showAddress(this.listeners[0]!.address))
    })
  }

  private add(listener: Listener): boolean {
    if (this.closed) listener.close()
    else this.listeners.push(listener)
    return !this.closed
  }
}
