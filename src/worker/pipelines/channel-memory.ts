/**
 * What the channels between workers may hold in memory, as their receivers have promised (PROTOCOLS 15). Windows are
 * reserved for each channel on its own and never pooled, so this is known before a pipeline runs.
 *
 * M1. Into each worker leads one channel from each other worker for each exchange of each pipeline, and each has a
 *     window. One frame may go beyond it (`transport/credit.ts`, C2), which is a batch and small beside it.
 */
import { fail } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import type { Room } from '../../cluster/target.ts'
import type { Plan } from '../../model/plan.ts'

type Sizes = Pick<Limits, 'channelBytes' | 'channelCreditBytes'>

/** Channels that lead into each of `workers` workers from the others. */
export function channelsInto(plans: readonly Plan[], workers: number): number {
  const exchanges = plans.flatMap(({ channels }) => channels).filter(({ kind }) => kind === 'exchange').length
  return exchanges * Math.max(0, workers - 1)
}

/** Throws `E_CHANNEL_MEMORY` where `plan` does not fit beside `others` in a cluster of `workers` (M1). */
export function requireChannelMemory(plan: Plan, others: readonly Plan[], workers: number, sizes: Sizes): void {
  const { channelBytes: limit, channelCreditBytes } = sizes
  const channels = channelsInto([...others, plan], workers)
  const bytes = channels * channelCreditBytes
  if (bytes <= limit) return
  const credit = Math.floor(limit / channels)
  throw fail('E_CHANNEL_MEMORY', { pipeline: plan.pipeline, channels, workers, bytes, limit, credit })
}

/**
 * How many workers `plans` fit into as `worker` sees it, and what one more would need; `null`: as many as you like
 * (M1).
 */
export function roomForWorkers(plans: readonly Plan[], sizes: Sizes, worker: string): Room | null {
  const { channelBytes: limit, channelCreditBytes } = sizes
  const perWorker = channelsInto(plans, 2) * channelCreditBytes
  if (perWorker === 0) return null
  const workers = 1 + Math.floor(limit / perWorker)
  const channels = channelsInto(plans, workers + 1)
  const needs = `with ${workers + 1} workers ${channels} channels would lead into each, whose windows may hold ${channels * channelCreditBytes} bytes`
  const allows = `limits.channelBytes of ${worker} allows ${limit}`
  return {
    workers,
    reason: `${needs}, and ${allows}; lower limits.channelCreditBytes, raise limits.channelBytes, or cancel a pipeline`,
  }
}
