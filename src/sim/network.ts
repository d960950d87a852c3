/** A process's door to the network. */
import type {
  Address,
  Connection,
  ConnectionHandler,
  Listener,
  ListenOptions,
  Network,
  NetworkError,
} from '../env/network.ts'
import type { Fabric } from './fabric.ts'
import type { Life } from './life.ts'

export class SimNetwork implements Network {
  private readonly fabric: Fabric
  private readonly life: Life

  constructor(fabric: Fabric, life: Life) {
    this.fabric = fabric
    this.life = life
  }

  listen(
    at: Address,
    options: ListenOptions,
    accept: (connection: Connection) => ConnectionHandler | null,
    done: (error: NetworkError | null, listener: Listener | null) => void,
  ): void {
    this.fabric.listen(this.life, at, options, accept, done)
  }

  dial(to: Address, handler: ConnectionHandler): Connection {
    return this.fabric.dial(this.life, to, handler)
  }
}
