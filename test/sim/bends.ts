/**
 * Configurations bent towards what a planted fault needs, for faults that drawn ones find too seldom: `npm run sim --
 * --bend NAME …`. Everything that is not named stays as its seed drew it.
 *
 * N1. A bend that does not fit a seed passes it over: what is run is what can show the fault.
 */
import { calm } from '../../src/sim/weather.ts'
import type { Config } from './config.ts'

/** The configuration as it is run; `null`: this seed is passed over (N1). */
export type Bend = (config: Config) => Config | null

export const bends: Readonly<Record<string, Bend>> = {
  /** An epoch takes long to write while records come: most entries change while they are frozen. */
  'long-epochs': (config) => ({
    ...config,
    harsh: false,
    weather: { ...calm, clock: { ...calm.clock, turnMs: 2 } },
    limits: {
      ...config.limits,
      packWriteBytes: 256,
      packQueueBytes: 512,
      chunkEntries: 2,
      sliceMs: 0.01,
      freezeBytes: 1 << 20,
      turnRuns: 4,
      batchRecords: 3,
      checkpointIntervalMs: 100,
      checkpointTimeoutMs: 2000,
    },
    deeds: { ...config.deeds, killEvents: 600, fillDiskMs: 0, damageMs: 0, powerOffMs: 0, stopWorkerMs: 0 },
    actMs: 2000,
    burst: 8,
    pauseMs: 20,
  }),
  /** Reads of letters fail now and then, the worker dies often, and there are letters to read. */
  'failing-reads': (config) => ({
    ...config,
    harsh: true,
    limits: { ...config.limits, storeReads: 12 },
    weather: { ...calm, disk: { ...calm.disk, failChance: 0.2, failing: ['/letters/'] } },
    deeds: { ...config.deeds, killEvents: 200, damageMs: 0, powerOffMs: 0, fillDiskMs: 0 },
  }),
  /** Last epochs are damaged, so that what they made visible is void. */
  'damaged-epochs': (config) => {
    if (!config.system.drains.some(({ kind }) => kind === 'segments')) return null
    return { ...config, weather: calm, harsh: false, deeds: { ...config.deeds, damageMs: 60, powerOffMs: 0 } }
  },
  /** Outboxes are copied, and those who have them die. */
  'copied-outboxes': (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const deeds = {
      ...config.deeds,
      damageMs: 0,
      fillDiskMs: 0,
      crashProducerMs: 400,
      copyOutboxMs: 400,
      killEvents: 600,
    }
    return { ...config, harsh: false, weather: calm, deeds, diskOutboxChance: 1, actMs: 2000, pauseMs: 20 }
  },
  /** Some steps keep what is hard to keep (`keeping.ts`), and their worker dies, but not all the time. */
  keeping: (config) => {
    if (!config.system.build().tasks.some(({ step }) => step.startsWith('keeping-'))) return null
    return { ...config, harsh: false, weather: calm, deeds: { ...config.deeds, killEvents: 1500, damageMs: 0 } }
  },
  /** Bits turn in what acked producers send, and little of it follows. */
  'turned-bits': (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const network = { ...config.weather.network, flipChance: 0.05, resetChance: 0 }
    return { ...config, weather: { ...calm, network: { ...network, timeoutMs: 60_000 } }, burst: 1, pauseMs: 20 }
  },
}
