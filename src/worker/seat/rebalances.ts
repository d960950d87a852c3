/** What this worker has asked the coordinator to share out anew, for people, and what it hears of that. */
import type { Cluster } from '../../checkpoint/cluster.ts'
import type { BodyWriter } from '../../transport/peer.ts'
import type { ControlMessage, Message } from '../../transport/wire.ts'

type Answered = Message<'rebalanceAnswered'>

/** Hears `accepted`, and afterwards perhaps that it has been given up (`later`); or at once that it cannot be. */
export type RebalanceHeard = (answer: Answered['answer'], reason: string) => void

export class Rebalances {
  private readonly open = new Map<number, RebalanceHeard>()
  private readonly send: (worker: string, message: ControlMessage, body: BodyWriter) => void
  private number = 0

  constructor(send: (worker: string, message: ControlMessage, body: BodyWriter) => void) {
    this.send = send
  }

  /** Answers how to hear no more of it. */
  ask({ coordinator, generation }: Cluster, load: Float64Array, budget: number, heard: RebalanceHeard): () => void {
    const number = ++this.number
    this.open.set(number, heard)
    this.send(coordinator, { kind: 'rebalanceRequested', generation, number, budget }, (writer) => {
      for (const one of load) writer.f64(one)
    })
    return () => this.open.delete(number)
  }

  answered({ number, answer, reason }: Answered): void {
    this.open.get(number)?.(answer, reason)
  }
}
