/**
 * Ids by which a receiver knows an output again that comes once more after a recovery (PROTOCOLS 8).
 *
 *     id := step of the sender / position / ordinal / split
 *
 * Y1. An id says where its record stems from, and nothing that another attempt would do otherwise: no counter, no time.
 * Y2. What a trigger emits stems from no single record; behind a step that adds up nothing has an id.
 * Y3. It is ASCII without spaces, so that it can stand in a header.
 */
import type { Plan } from '../model/plan.ts'
import type { Batch } from './batch.ts'

/** Splits whose names are kept as they stand in ids. */
const SPLITS_KEPT = 1024

/** The names that a pipeline's numbers stand for. */
export interface LineageNames {
  /** The step whose task sends into a channel. */
  sender(channel: number): string
  split(number: number): string
}

export class Lineage {
  private readonly names: LineageNames
  /** Names of splits as they stand in ids: those of the last ones, for producers come and go. */
  private readonly splits = new Map<string, string>()
  private readonly senders = new Map<number, string>()

  constructor(names: LineageNames) {
    this.names = names
  }

  /** The id of record `i` of `batch`, which came by `channel`. */
  idOf(batch: Batch, i: number, channel: number): string {
    const name = this.splitName(batch.splits[i]!)
    let sender = this.senders.get(channel)
    if (sender === undefined) {
      sender = encodeURIComponent(this.names.sender(channel))
      this.senders.set(channel, sender)
    }
    return `${sender}/${batch.positions[i]}/${batch.ordinals[i]}/${name}`
  }

  private splitName(number: number): string {
    const { splits } = this
    const name = this.names.split(number)
    let encoded = splits.get(name)
    if (encoded === undefined) {
      if (splits.size >= SPLITS_KEPT) splits.clear()
      encoded = encodeURIComponent(name)
      splits.set(name, encoded)
    }
    return encoded
  }
}

/** Where the record of an id stems from. */
export function originOf(id: string): { readonly split: string; readonly position: number; readonly ordinal: number } {
  const [, position, ordinal, split] = id.split('/')
  return { split: decodeURIComponent(split ?? ''), position: Number(position), ordinal: Number(ordinal) }
}

/** Whether what `task` sends on comes from keys that it, or a step before it, has state of. */
export function comesFromKeys(plan: Plan, task: number): boolean {
  if (plan.tasks[task]!.kind === 'keyed') return true
  return plan.channels.some(({ from, to }) => to === task && comesFromKeys(plan, from))
}

/** Whether every record that reaches `task` stems from one record of a source (Y2). */
export function isCaused(plan: Plan, task: number): boolean {
  const senders = plan.channels.filter(({ to }) => to === task).map(({ from }) => plan.tasks[from]!)
  return senders.every((sender) => {
    const addsUp = sender.kind === 'keyed' && sender.keyed.kind === 'aggregate'
    return !addsUp && isCaused(plan, sender.id)
  })
}
