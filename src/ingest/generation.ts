/**
 * What a worker's door knows of the generation that it works in, and how it speaks to the other members' doors.
 *
 * Y1. A generation's answers never change: another generation is another object (`Door.enter`).
 * Y2. Every member gives the same answer to `homeOf`: it follows from the generation record and the base's rows alone.
 */
import type { LinkMessage } from '../protocol/messages.ts'

/** The names that make a stream: its source as the journals call it, its producer, and that one's incarnation. */
export interface StreamName {
  readonly source: string
  readonly producer: string
  readonly incarnation: string
}

/** What doors say to one another. Whoever receives such a message from a link hands it to `Door.onMessage`. */
export type DoorMessage = Extract<
  LinkMessage,
  { kind: 'homeAsked' | 'homeNamed' | 'handoverAsked' | 'streamMoved' | 'sourceOpen' }
>

export interface DoorGeneration {
  readonly number: number
  /** The member that grants homes which nobody has (PROTOCOLS 2, S3). */
  readonly coordinator: string
  /** The members' names. */
  readonly members: readonly string[]
  /**
   * The member that answers for `stream`, of which the manifest says that its home is `home`: `home` itself where it is
   * a member, its heir where the generation record names one, otherwise `null`: the worker that is asked (PROTOCOLS 2,
   * S8, S4).
   */
  homeOf(home: string, stream: StreamName): string | null
  /** The member that takes over what a worker has left. */
  takerOf(worker: string): string
  /** Brings `message` to the door of another member, in order, for as long as the generation lasts. */
  send(worker: string, message: DoorMessage): void
}

/** The generation of a worker that is alone. */
export function aloneIn(number: number, worker: string): DoorGeneration {
  return {
    number,
    coordinator: worker,
    members: [worker],
    homeOf: (home) => (home === worker ? worker : null),
    takerOf: () => worker,
    send: () => {},
  }
}
