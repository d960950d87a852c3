/**
 * The disks of receivers, and how receivers of acked sinks die: in any call to the disk, or with the power of their
 * machine. Those that a seed draws without faults have the same inboxes on disks that do as they should.
 */
import { Prng } from '../../../src/base/prng.ts'
import { calmInbox, type InboxWeather } from '../inbox-receiver.ts'
import type { ClusterConfig } from './config.ts'

/** How often receivers have a hard time, and the generator that draws it. */
const HARD = 0.5
const HARDSHIP = 0x49d7_0000
/** How often each kind of fault is among those of a run. */
const PRESENT = 0.5
const FILE_BYTES = [512, 2048, 16_384, 16 << 20]
const CREDIT_BYTES = [500, 4000, 64 << 10]

/** `config`, or that with receivers whose disks and machines fail; where nobody acknowledges it is as it was. */
export function withInboxes(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + HARDSHIP)
  const acked = config.system.drains.some(({ kind }) => kind.startsWith('acked'))
  return acked && random.chance(HARD) ? hardUp(config, random) : config
}

export function hardUp(config: ClusterConfig, random = new Prng(config.seed + HARDSHIP)): ClusterConfig {
  const { pace, deeds } = config
  const fault = (low: number, high: number): number => (random.chance(PRESENT) ? random.between(low, high) : 0)
  const inboxes = Array.from(
    { length: 4 },
    (): InboxWeather => ({
      diesChance: fault(0.001, 0.03),
      powerShare: fault(0.1, 0.9),
      failChance: fault(0.001, 0.01),
      syncFailChance: fault(0.001, 0.03),
      syncMs: random.between(0.1, 30) * pace + calmInbox.syncMs,
      says: random.chance(0.5),
      fileBytes: FILE_BYTES[random.below(FILE_BYTES.length)]!,
      creditBytes: CREDIT_BYTES[random.below(CREDIT_BYTES.length)]!,
    }),
  )
  const powerOffReceiversMs = Math.ceil(fault(500, 4000) * pace)
  return { ...config, inboxes, deeds: { ...deeds, powerOffReceiversMs } }
}
