/**
 * What an epoch's sources and sinks have put into its snapshot, and of which splits steps held records, until nothing
 * asks for it any more: source rows until they lie below the floor, the rest until the epoch is committed.
 */
import type { Json } from '../../../base/json.ts'

type ByStep = ReadonlyMap<string, Json>

const none: ByStep = new Map()

export class EpochMemory {
  private readonly sources = new Map<number, Map<string, Json>>()
  private readonly sinks = new Map<number, Map<string, Json>>()
  private readonly held = new Map<number, Set<string>>()

  /** Rows alone are asked for: of the places of splits, of a hundred thousand files perhaps, nothing is kept. */
  source(epoch: number, step: string, snapshot: Json): void {
    const rows = at(this.sources, epoch)
    if (Array.isArray(snapshot)) rows.set(step, snapshot)
  }

  sink(epoch: number, step: string, snapshot: Json): void {
    at(this.sinks, epoch).set(step, snapshot)
  }

  /** A step held records of `split` that no keyed step has seen. */
  hold(epoch: number, split: string): void {
    const splits = this.held.get(epoch)
    if (splits === undefined) this.held.set(epoch, new Set([split]))
    else splits.add(split)
  }

  /** `epoch` is committed: what its sinks and other steps held is asked for once. */
  commit(epoch: number): { readonly sources: ByStep; readonly sinks: ByStep; readonly held: ReadonlySet<string> } {
    const sinks = this.sinks.get(epoch) ?? none
    const held = this.held.get(epoch) ?? new Set()
    forgetUpTo(this.sinks, epoch)
    forgetUpTo(this.held, epoch)
    return { sources: this.sources.get(epoch) ?? none, sinks, held }
  }

  /** The rows at the floor, which are the oldest that are kept; `null` where an earlier generation has made them. */
  floor(epoch: number): ByStep | null {
    const rows = this.sources.get(epoch) ?? null
    forgetUpTo(this.sources, epoch - 1)
    return rows
  }
}

/** What `map` has of `epoch`, by step. */
function at(map: Map<number, Map<string, Json>>, epoch: number): Map<string, Json> {
  const known = map.get(epoch)
  if (known !== undefined) return known
  const steps = new Map<string, Json>()
  map.set(epoch, steps)
  return steps
}

function forgetUpTo(map: Map<number, unknown>, epoch: number): void {
  for (const known of map.keys()) if (known <= epoch) map.delete(known)
}
