/**
 * One life of a simulated process, from its start to its death. A restart is another life.
 *
 * L1. No callback of a life runs after its death, and none while it is stopped; those that came due meanwhile run in
 *     order once it continues.
 * L2. What the system holds for a process (sockets, locks, operations under way) is told of its death in the order in
 *     which it came to be.
 * L3. A process may be killed from inside one of its own callbacks. What the rest of that callback asks for is not
 *     heard.
 */
import type { SimEvent } from './events.ts'

/** `killed`: the process alone, the kernel lives on. `power`: the whole machine, with its kernel. */
export type Death = 'killed' | 'power'

/** What ends, in its own way, when its process does. */
export interface Mortal {
  died(death: Death): void
}

export type LifeState = 'running' | 'stopped' | 'dead'

export class Life {
  readonly name: string
  /** The name of its machine: where the network finds it. */
  readonly host: string
  state: LifeState = 'running'
  /** What came due while the process was stopped. */
  held: SimEvent[] = []
  private readonly mortals = new Set<Mortal>()

  constructor(name: string, host: string) {
    this.name = name
    this.host = host
  }

  /** Tells `mortal` of this life's end, when it comes; false when it has come (L3). */
  hold(mortal: Mortal): boolean {
    if (this.state === 'dead') return false
    this.mortals.add(mortal)
    return true
  }

  release(mortal: Mortal): void {
    this.mortals.delete(mortal)
  }

  die(death: Death): void {
    if (this.state === 'dead') return
    this.state = 'dead'
    this.held = []
    const mortals = [...this.mortals]
    this.mortals.clear()
    for (const mortal of mortals) mortal.died(death)
  }
}
