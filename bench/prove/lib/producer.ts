/** A producer of `key,number,word` records, which keeps count of what it sends. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Prng } from '../../../src/base/prng.ts'
import { Client } from '../../../src/client/client.ts'
import { newId } from '../../../src/client/id.ts'
import { settingsOf } from '../../../src/client/options.ts'
import type { Dial } from '../../../src/client/transport.ts'
import { type ConnectOptions, connect } from '../../../src/client.ts'
import type { Tally } from './tally.ts'

/** Keys of one producer, and words that all share. Low numbers are more frequent. */
const KEYS = 400
const WORDS = 300
/**
 * How often a burst is sent, how large it is at most, and how large one in `RARE` is: more than one batch of a task.
 */
const BURST_MS = 15
const BURST_MAX = 100
const RARE = 8
const RARE_MAX = 4000

export class Producer {
  readonly client: Client
  private readonly name: string
  private readonly chance: Prng
  private readonly tally: Tally
  private running = false
  private stopped: Promise<void> = Promise.resolve()

  private constructor(name: string, client: Client, chance: Prng, tally: Tally) {
    this.name = name
    this.client = client
    this.chance = chance
    this.tally = tally
  }

  /** `dial` stands in for the usual way to a worker; there is no outbox on disk then. */
  static async open(given: Omit<ConnectOptions, 'source'>, chance: Prng, tally: Tally, dial?: Dial): Promise<Producer> {
    const options = { source: 'items', maxOutstanding: 256 << 10, maxBackoffMs: 50, ...given }
    const client = dial === undefined ? await connect(options) : new Client(settingsOf(options), newId(), null, dial)
    return new Producer(given.producer, client, chance, tally)
  }

  /** Sends bursts until `stop`. `failed` hears when the client has ended. */
  start(failed: (error: Error) => void): void {
    this.client.off('failed', failed).on('failed', failed)
    this.running = true
    const send = async (): Promise<void> => {
      while (this.running) {
        const { chance } = this
        await this.burst(chance.below(chance.below(RARE) === 0 ? RARE_MAX : BURST_MAX))
        await pause(BURST_MS)
      }
    }
    this.stopped = send().catch(failed)
  }

  /** Sends `count` records; resolves when there is room for more. */
  async burst(count: number): Promise<void> {
    const { chance, name, tally } = this
    const lines: string[] = []
    for (let i = 0; i < count; i++) {
      const key = `${name}-${chance.below(1 + chance.below(KEYS))}`
      const word = `w${chance.below(1 + chance.below(WORDS))}`
      lines.push(`${key},${tally.add(key, word)},${word}`)
    }
    if (count > 0) await this.client.send(lines)
  }

  /** Sends nothing more; resolves when there is room behind the last burst, which some worker has to make. */
  async stop(): Promise<void> {
    this.running = false
    await this.stopped
  }

  /** Ends where no worker may be there: all that was sent stands in the outbox, also what waits for room. */
  async end(): Promise<void> {
    this.running = false
    this.client.close()
    await this.stopped
  }
}
