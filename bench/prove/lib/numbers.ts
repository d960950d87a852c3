/** A producer of the numbers 1, 2, 3 …, as the pipeline `kinds` takes them. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../../../src/client.ts'

const BURST = 500
const AHEAD = 100_000

/** Sends 1, 2, 3 … and is never more than `AHEAD` records ahead of what the worker has taken. */
export class Numbers {
  sent = 0
  private running = true
  private readonly sending: Promise<void>
  private readonly client: Client
  private readonly restMs: number

  /** With a rest of `restMs` between two bursts. */
  constructor(client: Client, restMs: number) {
    this.client = client
    this.restMs = restMs
    this.sending = this.send().catch(() => {})
  }

  /** Records that stand in the worker's journal: the worker takes no more where its pipeline does not. */
  get taken(): number {
    return this.client.journaled
  }

  /** Resolves when everything is in a complete checkpoint. */
  flush(): Promise<void> {
    return this.client.flush('stable').then(() => {})
  }

  close(): void {
    this.client.close()
  }

  async stop(): Promise<void> {
    this.running = false
    await this.sending
  }

  private async send(): Promise<void> {
    while (this.running) {
      const numbers = Array.from({ length: BURST }, (_, i) => String(this.sent + i + 1))
      this.sent += numbers.length
      await this.client.send(numbers)
      await pause(this.restMs)
      while (this.running && this.sent - this.taken > AHEAD) await pause(1)
    }
  }
}
