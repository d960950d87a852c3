/**
 * What a seed stands for: the whole configuration of a system is drawn from it, each fault present or absent on its own
 * (Groce et al., "Swarm testing", 2012).
 */
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import { drawWeather, type Weather } from '../../src/sim/weather.ts'
import { drawCase } from './cases.ts'
import type { OutsideConfig } from './outside.ts'
import { OUTPUTS } from './torn.ts'

/** What the driver does to a run; `everyMs` on average, 0 for never. */
export interface Deeds {
  /** Kills of the worker are counted in events: most of them lie where most happens. */
  readonly killEvents: number
  readonly powerOffMs: number
  readonly stopWorkerMs: number
  readonly cutMs: number
  readonly halfCutMs: number
  readonly silenceMs: number
  readonly resetMs: number
  readonly crashProducerMs: number
  readonly reconnectMs: number
  readonly killConsumerMs: number
  readonly stopConsumerMs: number
  readonly fillDiskMs: number
  readonly jumpClockMs: number
  readonly damageMs: number
  /** Somebody begins with a copy of a producer's outbox. */
  readonly copyOutboxMs: number
}

export interface Config extends OutsideConfig {
  readonly seed: number
  readonly limits: Limits
  readonly weather: Weather
  readonly harsh: boolean
  readonly deeds: Deeds
  /** Length of the first act, in milliseconds. */
  readonly actMs: number
  /** Chance that a producer that crashes has its outbox on disk. */
  readonly diskOutboxChance: number
  readonly restartMs: number
}

/** What tells the generator of what was drawn later from the first one. */
export const LATE = 0x5149_0000

/** And of what came after that. */
export const COPIED = 0x3fa7_0000

/** And of how often watermarks go out. */
const TIMED = 0x4c83_0000

/** How often a deed is among those of a run. */
const PRESENT = 0.35
/** And how often outboxes are copied. */
export const COPIES = 0.1

/** Weather for a slow worker or a quick one: what it has not done yet is there when something happens. */
function drawn(random: Prng, harsh: boolean): Weather {
  const weather = drawWeather(random.fork(), harsh)
  const disk = { ...weather.disk, syncFailChance: harsh && random.chance(0.4) ? 0.02 : 0 }
  // A connection that is silent for ever is given up within what fair weather may take.
  const network = { ...weather.network, timeoutMs: Math.min(weather.network.timeoutMs, 10_000) }
  return { network, disk, clock: { ...weather.clock, turnMs: [0.001, 0.3, 2, 5][random.below(4)]! } }
}

/** How far time rises between two watermarks: little, for ages are short. */
export function drawWatermarks(seed: number): number {
  return [1, 10, 50][new Prng(seed + TIMED).below(3)]!
}

/** Whether all wall clocks show the time, from the first act to the end. */
export function clocksAreRight({ weather: { clock }, deeds }: RunsByClocks): boolean {
  return clock.offsetMs === 0 && clock.drift === 0 && clock.jumpChance === 0 && deeds.jumpClockMs === 0
}

interface RunsByClocks {
  readonly weather: Weather
  readonly deeds: { readonly jumpClockMs: number }
}

export function drawConfig(seed: number): Config {
  const random = new Prng(seed)
  const copies = new Prng(seed + COPIED)
  const pick = <T>(...choices: readonly T[]): T => choices[random.below(choices.length)]!
  const deed = (low: number, high: number): number => (random.chance(PRESENT) ? random.between(low, high) : 0)
  const calm = random.chance(0.1)
  const harsh = !calm && random.chance(0.35)
  const checkpointIntervalMs = pick(20, 50, 100, 250)
  const recordBytes = 256
  return {
    seed,
    harsh,
    system: drawCase(random, new Prng(seed + LATE)),
    weather: drawn(random, harsh),
    limits: makeLimits({
      maxOutputsPerRecord: OUTPUTS,
      keyGroups: pick(8, 16, 64),
      batchRecords: pick(1, 3, 8, 64),
      channelBatches: pick(1, 2, 8),
      watermarkMs: drawWatermarks(seed),
      horizonEpochs: 3,
      checkpointIntervalMs,
      checkpointTimeoutMs: checkpointIntervalMs + pick(20, 200, 2000),
      maxAbandoned: pick(1, 3, 5),
      chainEra: pick(4, 16, 1024),
      chainReads: pick(1, 4, 32),
      // No store is put back here.
      noteChainMs: Number.POSITIVE_INFINITY,
      storeRetryMs: pick(20, 200),
      storeTimeoutMs: pick(500, 5000),
      restoreBytes: 512,
      packGapBytes: 64,
      packWriteBytes: pick(256, 4096),
      packQueueBytes: 4096,
      turnRuns: pick(1, 4, 24),
      sliceMs: pick(0.01, 0.1, 5),
      chunkEntries: pick(2, 16, 4096),
      chunkBytes: pick(64, 1024, 256 << 10),
      recordBytes,
      frameBytes: 4096,
      journalSegmentBytes: pick(1024, 1024, 8192),
      journalBytes: pick(64 << 10, 1 << 20),
      journalBlockBytes: pick(512, 4096),
      journalWriteBytes: pick(1024, 8192),
      ingestBytes: pick(1024, 8192, 64 << 10),
      producers: 64,
      producerCreditBytes: pick(512, 4096),
      helloTimeoutMs: 1000,
      keepAliveMs: pick(200, 1000),
      partialBytes: 64 << 10,
      writerBytes: pick(256, 4096, 64 << 10),
      sinkQueueBytes: pick(128, 4096),
      freezeBytes: pick(64, 1 << 20),
    }),
    deeds: {
      killEvents: random.chance(0.3) ? 0 : pick(60, 200, 600),
      powerOffMs: deed(60, 600),
      stopWorkerMs: deed(100, 1000),
      cutMs: deed(100, 1000),
      halfCutMs: deed(100, 1000),
      silenceMs: deed(200, 1500),
      resetMs: deed(100, 1000),
      crashProducerMs: deed(100, 1000),
      reconnectMs: deed(30, 500),
      killConsumerMs: deed(150, 1000),
      stopConsumerMs: deed(150, 1000),
      fillDiskMs: deed(250, 1500),
      jumpClockMs: deed(50, 1000),
      damageMs: deed(100, 500),
      copyOutboxMs: copies.chance(COPIES) ? copies.between(50, 500) : 0,
    },
    actMs: pick(300, 1000, 2000),
    producers: 1 + random.below(3),
    senders: 1 + random.below(2),
    burst: pick(1, 8, 60),
    pauseMs: pick(1, 5, 20),
    records: pick(200, 1000, 2000),
    diskOutboxChance: pick(0, 0.5, 1),
    overlapChance: pick(0, 0, 0.5),
    repeatChance: pick(0, 0, 0.5),
    patienceMs: pick(5, 50, 300),
    restartMs: pick(2, 20, 100),
  }
}
