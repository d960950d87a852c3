/**
 * What an epoch's sources and sinks have put into its snapshot, until nothing asks for it any more: sinks until the epoch is
 * committed, source rows until they lie below the floor.
 */
import type { Json } from '../../base/json.ts'

type ByStep = ReadonlyMap<string, Json>

const none: ByStep = new Map()

export class EpochMemory {
  private readonly sources = new Map<number, Map<string, Json>>()
  private readonly sinks = new Map<number, Map<string, Json>>()

  source(epoch: number, step: string, snapshot: Json): void {
    remember(this.sources, epoch, step, snapshot)
  }

  sink(epoch: number, step: string, snapshot: Json): void {
    remember(this.sinks, epoch, step, snapshot)
  }

  /** `epoch` is committed: what its sinks held is asked for once. */
  commit(epoch: number): { readonly sources: ByStep; readonly sinks: ByStep } {
    const sinks = this.sinks.get(epoch) ?? none
    forgetUpTo(this.sinks, epoch)
    return { sources: this.sources.get(epoch) ?? none, sinks }
  }

  /** The rows at the floor, which are the oldest that are kept; `null` where an earlier generation has made them. */
  floor(epoch: number): ByStep | null {
    const rows = this.sources.get(epoch) ?? null
    forgetUpTo(this.sources, epoch - 1)
    return rows
  }
}

function remember(map: Map<number, Map<string, Json>>, epoch: number, step: string, value: Json): void {
  const steps = map.get(epoch)
  if (steps === undefined) map.set(epoch, new Map([[step, value]]))
  else steps.set(step, value)
}

function forgetUpTo(map: Map<number, unknown>, epoch: number): void {
  for (const known of map.keys()) if (known <= epoch) map.delete(known)
}
