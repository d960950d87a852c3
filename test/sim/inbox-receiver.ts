/**
 * A receiver of acked sinks on the simulated network: that of `potoroo/client`, with an inbox on a simulated disk. What
 * it hands over its user has for good, and with it the record's number; there are users who say after which number
 * they go on, and others.
 *
 * What it is held against, with each record that is handed over:
 *
 * R1. A number is one record's for ever, and the numbers follow one another.
 * R2. Who says after which record to go on is given the next one. Others may be given the last one again behind the
 *     death of the process, and behind a loss of power what was noted last.
 * R3. An inbox that nobody has damaged opens, unless the disk fails, and whatever fails is called by its name.
 * R4. One with a bit turned in it is refused by its name: tried with copies (`damaged-copy.ts`).
 */
import type { Prng } from '../../src/base/prng.ts'
import { type ReceivedRecord, receiveSettings } from '../../src/client/receiver/options.ts'
import { Receiver } from '../../src/client/receiver/receiver.ts'
import type { Surroundings } from '../../src/client/receiver/surroundings.ts'
import { BlockingDisk, type BlockingWeather } from '../../src/sim/blocking-disk.ts'
import type { Death } from '../../src/sim/life.ts'
import type { Machine, SimProcess } from '../../src/sim/world.ts'
import { tryDamage } from './damaged-copy.ts'
import { type Handed, listenAt } from './receiver.ts'

export interface InboxWeather extends BlockingWeather {
  /** Whether the user says after which record to go on. */
  readonly says: boolean
  /** A file of the inbox is followed by another one when it has this many bytes. */
  readonly fileBytes: number
  readonly creditBytes: number
}

/** No faults, and files of which there are several. */
export const calmInbox: InboxWeather = {
  diesChance: 0,
  powerShare: 0,
  failChance: 0,
  syncFailChance: 0,
  syncMs: 3,
  says: false,
  fileBytes: 4096,
  creditBytes: 4000,
}

/** Those on one machine, which lose its power together. */
export interface ReceiverHost {
  readonly machine: Machine
  readonly receivers: InboxReceiver[]
  /** Starts one that has ended of itself, some time later. */
  readonly revive: (receiver: InboxReceiver) => void
}

export interface InboxReceiverOptions {
  readonly name: string
  readonly port: number
  readonly by: 'tcp' | 'websocket'
  readonly keepAliveMs: number
  readonly weather: InboxWeather
  readonly random: Prng
}

/** Of so many starts one is preceded by a look at damaged copies. */
const LOOKS = 4

export class InboxReceiver {
  /** What was handed over, each record once, in order. */
  readonly handed: Handed[] = []
  readonly complaints: string[] = []
  process!: SimProcess
  private readonly host: ReceiverHost
  private readonly options: InboxReceiverOptions
  private readonly path: string
  private fair = false
  private lives = 0
  /** The number of what was handed over last. */
  private at = 0
  /** How it has died since something was handed over last; `null`: not at all. */
  private died: Death | null = null

  constructor(host: ReceiverHost, options: InboxReceiverOptions) {
    this.host = host
    this.options = options
    this.path = `/inboxes/${options.name}`
    host.receivers.push(this)
    this.start()
  }

  get machine(): string {
    return this.host.machine.name
  }

  kill(): void {
    this.die('killed')
  }

  /** All on its machine. */
  losePower(): void {
    this.die('power')
  }

  stop(): void {
    this.process.stop()
  }

  continue(): void {
    this.process.continue()
  }

  /** From now on its disk does as it should. */
  settle(): void {
    this.fair = true
    if (this.host.machine.volume.readOnly) this.losePower()
    if (this.process.state === 'dead') this.host.revive(this)
  }

  start(): void {
    if (this.lives > 0 && this.process.state !== 'dead') return
    const { host, path, options } = this
    const { port, by, weather, random } = options
    // Somebody has looked why nothing can be written.
    if (host.machine.volume.readOnly) this.die('power')
    if (random.below(LOOKS) === 0) this.complaints.push(...tryDamage(host.machine.volume, path, random))
    const process = host.machine.start(`${options.name}-${++this.lives}`)
    this.process = process
    const { says, creditBytes } = weather
    const after = says ? { after: this.handed.length } : {}
    const handle = (record: ReceivedRecord): void => this.take(record)
    const settings = receiveSettings({ port, by, handle, creditBytes, inbox: { path }, ...after })
    try {
      const opening = Receiver.prepare(settings, this.surroundings(process))
      const at = { host: host.machine.name, port }
      const receiver = opening.listens({ address: at, close() {} })
      receiver.on('failed', (error) => this.fell(process, error))
      listenAt(process, at, by, opening.intake)
    } catch (error) {
      this.fell(process, error)
    }
  }

  private surroundings(process: SimProcess): Surroundings {
    const { machine } = this.host
    const { keepAliveMs, weather, random } = this.options
    const { clock } = process.env
    const disk = new BlockingDisk({
      ...{ machine, process, random },
      weather: () => (this.fair ? { ...calmInbox, syncMs: weather.syncMs } : weather),
      die: (how) => {
        this.die(how)
        if (how === 'killed') this.host.revive(this)
      },
    })
    return {
      disk,
      fileBytes: weather.fileBytes,
      keepAliveMs,
      clock: {
        wall: () => clock.now(),
        monotonic: () => clock.monotonic(),
        soon: (fn) => clock.soon(fn),
        every: (ms, fn) => {
          let over = false
          const again = (): void => {
            if (over) return
            fn()
            clock.after(ms, again)
          }
          clock.after(ms, again)
          return () => {
            over = true
          }
        },
      },
    }
  }

  private die(how: Death): void {
    const { machine, receivers, revive } = this.host
    if (how === 'killed') {
      this.process.kill()
      this.died ??= 'killed'
      return
    }
    machine.powerOff()
    machine.powerOn()
    for (const receiver of receivers) {
      receiver.died = 'power'
      revive(receiver)
    }
  }

  /** It has ended of itself (R3). */
  private fell(process: SimProcess, error: unknown): void {
    if (process.state === 'dead') return
    process.env.log.info('receiver.fell', { error: String(error) })
    const { code = 'none' } = error as { readonly code?: string }
    const mayFail = this.options.weather.failChance + this.options.weather.syncFailChance > 0
    if (code !== 'E_INBOX' || !mayFail) this.complaints.push(`${this.path}: fell with ${code}: ${error}`)
    this.die('killed')
    this.host.revive(this)
  }

  private take({ sequence, id, text }: ReceivedRecord): void {
    const { handed, path, at, died } = this
    const known = handed[sequence - 1]
    if (!this.mayBeNext(sequence))
      this.complaints.push(`${path}: hands over ${sequence} behind ${at}; it has died: ${died ?? 'no'}`)
    if (known !== undefined && (known.id !== id || known.text !== text))
      this.complaints.push(`${path}: ${sequence} was ${known.id} ${known.text}, and is ${id} ${text}`)
    if (known === undefined) handed.push({ id, text })
    this.at = sequence
    this.died = null
  }

  /** R1 and R2. */
  private mayBeNext(sequence: number): boolean {
    const { at, died } = this
    const { says, syncFailChance } = this.options.weather
    if (died === null || says) return sequence === at + 1
    // A sync that fails may take what was noted at once.
    if (died === 'power' || syncFailChance > 0) return sequence <= at + 1
    return sequence === at || sequence === at + 1
  }
}
