/**
 * Holds a sink to what it promises, through kills, power losses, abandoned epochs and rollbacks.
 *
 * A trial plays the worker: it gives the writer the records 0, 1, 2 …, cuts them by barriers, and keeps a chain of
 * complete epochs that no crash touches: position and snapshot. After a crash it goes back to the chain's last epoch
 * and gives the records from there on again, as a source would. What a reader sees is compared with the promise.
 */
import { expect } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import type { Json, SinkConnector, SinkContext, Writer } from '../../src/connectors/connector.ts'
import type { Clock } from '../../src/env/clock.ts'
import type { Disk } from '../../src/env/disk.ts'
import type { SinkDescription } from '../../src/model/connector.ts'
import { calm, type Weather } from '../../src/sim/weather.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'

export interface TrialOptions {
  readonly seed: number
  readonly connector: SinkConnector
  readonly description: SinkDescription<unknown>
  /** What a reader sees now, as text. */
  readonly read: (trial: Trial) => string
  readonly records?: number
  readonly weather?: Weather
  /** The n-th event is the last one before the crash; further crashes follow at random. */
  readonly crashAt?: number
  readonly crash?: 'kill' | 'power'
  readonly moreCrashes?: number
  /** Chance per epoch that the worker goes back to the last one without dying. */
  readonly rollbacks?: number
  /** Chance that a restart finds the last epoch damaged, and goes back to one before it, down to the floor. */
  readonly fallbacks?: number
  /** Sets the scene beside the machine that writes. */
  readonly scene?: (trial: Trial) => void
  /** Puts a fault between the trial and the writer: a trial that cannot fail proves nothing. */
  readonly mutate?: (writer: Writer, trial: Trial) => Writer
  /** A disk that does not do what it says. */
  readonly disk?: (disk: Disk, clock: Clock) => Disk
  readonly context?: (process: SimProcess, trial: Trial) => Partial<SinkContext>
}

interface Epoch {
  readonly epoch: number
  readonly position: number
  readonly snapshot: Json | null
}

const BATCH = 5
const BATCHES_PER_EPOCH = 3
/** A trial that takes longer than this, in simulated milliseconds, hangs. */
const PATIENCE_MS = 600_000
/** Longer than the last commit can take. */
const SETTLE_MS = 60_000

export class Trial {
  readonly world: World
  readonly machine: Machine
  readonly random: Prng
  readonly records: number
  /** Complete epochs, oldest first. */
  readonly chain: Epoch[] = []
  readonly problems: string[] = []
  process: SimProcess | null = null
  /** The records after which the chain's last epoch was cut. */
  finished = false
  private readonly options: TrialOptions
  private writer: Writer | null = null
  private generation = 0
  /** The last epoch that was ever complete. */
  private highest = 0
  private lives = 0
  private failures = 0
  /** No epoch below this one is a base any more. */
  private floor = 0

  constructor(options: TrialOptions) {
    this.options = options
    this.records = options.records ?? 60
    this.world = new World(options.seed, options.weather ?? calm)
    this.random = new Prng(options.seed + 1)
    this.machine = this.world.machine('writer')
    options.scene?.(this)
    this.start()
  }

  /** The records of complete epochs. */
  get complete(): number {
    return this.chain.at(-1)?.position ?? 0
  }

  /** Runs to the end; answers what was wrong, or `null`. */
  run(): string | null {
    const { crashAt, moreCrashes = 0 } = this.options
    let left = moreCrashes
    let next = crashAt ?? (left > 0 ? this.random.below(400) : -1)
    while (!this.finished && this.problems.length === 0) {
      if (this.world.now > PATIENCE_MS) return `nothing more happens: ${this.complete} of ${this.records} are complete`
      if (!this.world.step()) return `the world stands still: ${this.complete} of ${this.records} are complete`
      if (next >= 0 && this.world.events >= next) {
        this.crash()
        next = left-- > 0 ? this.world.events + 1 + this.random.below(400) : -1
      }
    }
    return this.problems[0] ?? null
  }

  crash(): void {
    if (this.options.crash === 'power') {
      this.machine.powerOff()
      this.machine.powerOn()
    } else {
      this.process!.kill()
    }
    this.start()
  }

  private start(): void {
    const process = this.machine.start(`writer-${++this.lives}`)
    this.process = process
    const { connector, description, disk, mutate, context } = this.options
    const { env } = process
    const writer = connector.open(description, {
      env: disk === undefined ? env : { ...env, disk: disk(env.disk, env.clock) },
      limits: makeLimits({ writerBytes: 256, sinkQueueBytes: 64 }),
      pipeline: 'p',
      store: 'h',
      history: 'h.1',
      step: 'out',
      writer: `w${this.lives}`,
      standardOutput: { write: (_, done) => process.env.clock.soon(() => done(null)) },
      listening() {},
      maySpeak: () => true,
      refused: () => {},
      wake: () => {},
      warn: () => {},
      failed: (error) => {
        // A writer that gives up ends its worker, which comes back.
        if (this.process !== process || this.finished) return
        if (++this.failures > 20) this.problems.push(`the writer gives up each time: ${error.message}`)
        else this.world.at(this.world.now + 1, () => this.process === process && this.crash())
      },
      ...context?.(process, this),
    })
    this.writer = mutate?.(writer, this) ?? writer
    while (this.chain.length > 1 && this.chain.at(-2)!.epoch >= this.floor) {
      if (!this.random.chance(this.options.fallbacks ?? 0)) break
      this.chain.pop()
    }
    this.restore(process, this.writer)
  }

  private restore(process: SimProcess, writer: Writer): void {
    const base = this.chain.at(-1)
    const generation = ++this.generation
    const snapshots = base === undefined || base.snapshot === null ? [] : [base.snapshot]
    const back = base !== undefined && base.epoch < this.highest
    writer.restore({ generation, epoch: base?.epoch ?? 0, back, snapshots }, () => {
      if (generation === this.generation) this.go(process, writer, generation, base?.position ?? 0, base?.epoch ?? 0)
    })
  }

  /** Writes the records from `position` on, epoch by epoch. */
  private go(process: SimProcess, writer: Writer, generation: number, position: number, epoch: number): void {
    const { clock } = process.env
    let batches = 0
    let wanted = BATCHES_PER_EPOCH
    const current = (): boolean => generation === this.generation && this.process === process
    const tick = (): void => {
      if (!current()) return
      this.look()
      if (!writer.room) {
        clock.after(1, tick)
      } else if (batches < wanted && position < this.records) {
        const end = Math.min(this.records, position + 1 + this.random.below(BATCH))
        this.write(writer, position, end)
        position = end
        batches++
        clock.after(this.random.below(3), tick)
      } else {
        cut()
      }
    }
    const cut = (): void => {
      epoch++
      batches = 0
      const cutAt = position
      const last = cutAt === this.records
      let answered = false
      writer.barrier(epoch, generation, (snapshot) => {
        if (answered) this.problems.push('a barrier was answered twice')
        answered = true
        if (current())
          clock.after(this.random.below(4), () => decide(cutAt, JSON.parse(JSON.stringify(snapshot)), last))
      })
      wanted = this.random.below(BATCHES_PER_EPOCH + 1)
      // Records follow the barrier at once, or the next epoch has none.
      if (!last && wanted > 0) {
        this.write(writer, position, ++position)
      }
    }
    const decide = (cutAt: number, snapshot: Json, last: boolean): void => {
      if (!current()) return
      if (!last && this.random.chance(0.2)) {
        tick()
        return
      }
      this.highest = Math.max(this.highest, epoch)
      this.chain.push({ epoch, position: cutAt, snapshot })
      clock.after(this.random.below(3), () => {
        if (!current()) return
        writer.commit(epoch, snapshot)
        if (this.chain.length > 3 && this.random.chance(0.3)) {
          this.floor = this.chain.at(-3)!.epoch
          writer.floor(this.floor)
        }
        if (last) finish()
        else if (this.random.chance(this.options.rollbacks ?? 0)) this.restore(process, writer)
        else tick()
      })
    }
    const finish = (): void => {
      writer.end(() => clock.after(SETTLE_MS, () => current() && this.finish()))
    }
    tick()
  }

  /** Gives the records from `from` to in front of `to`, told apart for those who ask for it. */
  private write(writer: Writer, from: number, to: number): void {
    const records = Array.from({ length: to - from }, (_, i) => Buffer.from(`${from + i}\n`))
    const ends: number[] = []
    for (const { length } of records) ends.push((ends.at(-1) ?? 0) + length)
    const ids = records.map((_, i) => `out/${from + i}/0/split`)
    writer.write(Buffer.concat(records), records.length, { ends, ids })
  }

  private look(): void {
    if (this.options.description.promise !== 'transactional') return
    const seen = this.options.read(this)
    const may = textOf(this.complete)
    if (!may.startsWith(seen)) this.problems.push(`a reader saw what is not complete: ${difference(seen, may)}`)
  }

  private finish(): void {
    this.finished = true
    const { promise } = this.options.description
    const seen = this.options.read(this)
    const expected = textOf(this.records)
    // Whoever remembers ids sees each record once; in which order they come again nobody promises.
    const lines = seen.trimEnd().split('\n')
    if (promise === 'idempotent' && new Set(lines).size !== lines.length) this.problems.push('a record has two ids')
    if (promise === 'transactional' && seen !== expected) {
      this.problems.push(`not exactly once: ${difference(seen, expected)}`)
    }
    const there = new Set(seen.split('\n'))
    for (let n = 0; n < this.records; n++) {
      if (!there.has(String(n))) {
        this.problems.push(`record ${n} is missing`)
        break
      }
    }
  }
}

export function textOf(records: number): string {
  let text = ''
  for (let n = 0; n < records; n++) text += `${n}\n`
  return text
}

function difference(seen: string, expected: string): string {
  const a = seen.split('\n')
  const b = expected.split('\n')
  const at = a.findIndex((line, i) => line !== b[i])
  return `line ${at} is ${JSON.stringify(a[at])} and not ${JSON.stringify(b[at])} (${a.length} lines, not ${b.length})`
}

/** Runs a trial for each of `variants` and fails with the first that finds something. */
export function holds(variants: Iterable<TrialOptions>): void {
  for (const options of variants) {
    const { seed, crashAt, crash } = options
    expect(new Trial(options).run(), `seed ${seed}, ${crash} at event ${crashAt}`).toBeNull()
  }
}

/** How many of `variants` find something. */
export function findings(variants: Iterable<TrialOptions>): number {
  let found = 0
  for (const options of variants) if (new Trial(options).run() !== null) found++
  return found
}

/** Crashes after each event of a run that has none. */
export function* crashes(options: TrialOptions): Iterable<TrialOptions> {
  const { crash: _, ...calmly } = options
  const whole = new Trial(calmly)
  whole.run()
  for (let crashAt = 1; crashAt <= whole.world.events; crashAt++) {
    yield { ...options, crashAt, seed: options.seed + crashAt }
  }
}

/** Runs with several crashes at random, for each of `seeds` seeds. */
export function* random(options: TrialOptions, seeds: number): Iterable<TrialOptions> {
  for (let i = 0; i < seeds; i++) yield { ...options, seed: options.seed + i, moreCrashes: 3 }
}
