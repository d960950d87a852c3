/**
 * Holds a replayable source to its promise: whenever it is closed and opened again at the place it named, the records
 * that follow are those that would have followed, at the same positions.
 */
import { expect } from 'vitest'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import type { Context, Place, ReplayableReader, ReplayableSource } from '../../src/connectors/connector.ts'
import type { SourceDescription } from '../../src/model/connector.ts'
import type { SimProcess, World } from '../../src/sim/world.ts'

export interface Read {
  readonly value: unknown
  readonly position: number
}

export interface Reading {
  readonly records: Read[]
  /** What the decoder or the framing refused: the bytes as text, and the position. */
  readonly failed: Read[]
  readonly warnings: string[]
  error: string | null
  ended: boolean
}

export interface ReadingOptions {
  readonly world: World
  readonly process: SimProcess
  readonly connector: ReplayableSource
  readonly description: SourceDescription<unknown>
  readonly split: string
  readonly limits?: Partial<Limits>
  /** Where to begin. */
  readonly place?: Place
  /** Closes the reader and opens it again with this chance per poll. */
  readonly reopen?: number
  readonly seed?: number
  /** Runs between two polls. */
  readonly between?: (reading: Reading) => void
  /** When to stop; otherwise at the end. */
  readonly until?: (reading: Reading) => boolean
  /** Simulated milliseconds that it may take. */
  readonly patienceMs?: number
}

/** Reads to the end, or until `until` holds. */
export function readAll(options: ReadingOptions): Reading & { readonly place: Place } {
  const { world, process, connector, description, split } = options
  const random = new Prng(options.seed ?? 1)
  const reading: Reading = { records: [], failed: [], warnings: [], error: null, ended: false }
  const context: Context = {
    env: process.env,
    limits: makeLimits(options.limits),
    step: 'in',
    wake: () => {},
    warn: (problem) => reading.warnings.push(problem.code),
    failed: (error) => {
      reading.error = error.code
    },
  }
  const open = (place: Place | null): ReplayableReader => connector.open(description, split, place, context)
  let reader = open(options.place ?? null)
  const deadline = world.now + (options.patienceMs ?? 60_000)
  const into = {
    push: (value: unknown, position: number) => {
      reading.records.push({ value, position })
    },
    failed: (bytes: Buffer, position: number) => {
      reading.failed.push({ value: bytes.toString(), position })
    },
  }
  while (reading.error === null && options.until?.(reading) !== true) {
    if (world.now > deadline) break
    const found = reader.poll(into, 1 + random.below(5), process.env.clock.monotonic())
    if (found === 'ended') {
      reading.ended = true
      break
    }
    options.between?.(reading)
    if (random.chance(options.reopen ?? 0)) {
      const place = JSON.parse(JSON.stringify(reader.place())) as Place
      reader.close()
      reader = open(place)
    }
    if (found === 'idle') world.run(world.now + 1 + random.below(20))
  }
  const place = JSON.parse(JSON.stringify(reader.place())) as Place
  reader.close()
  return { ...reading, place }
}

/** Positions rise from record to record. */
export function expectRising(records: readonly Read[]): void {
  for (let i = 1; i < records.length; i++) {
    expect(records[i]!.position, `position of record ${i}`).toBeGreaterThan(records[i - 1]!.position)
  }
}

/** Reads `seeds` times, with the reader closed and opened again at random, and expects what one reading gave. */
export function expectReplayable(make: (seed: number) => ReadingOptions, seeds: number): void {
  const straight = readAll(make(0))
  expect(straight.error).toBeNull()
  expectRising(straight.records)
  for (let seed = 1; seed <= seeds; seed++) {
    const broken = readAll({ ...make(seed), reopen: 0.4, seed })
    expect(broken.error, `seed ${seed}`).toBeNull()
    expect(broken.records, `seed ${seed}`).toEqual(straight.records)
    expect(broken.failed, `seed ${seed}`).toEqual(straight.failed)
  }
}
