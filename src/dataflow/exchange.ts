/**
 * Sends each record to the worker that it belongs to: by key to the owner of its key group, or all to the one worker
 * that writes a sink.
 *
 * X1. `owners` is immutable; a new generation brings a new runtime.
 * X2. Markers go to all outlets in one act.
 */
import type { Batch, BatchPool, Marker } from './batch.ts'
import type { Outlet } from './channel.ts'
import type { Exchange } from './collector.ts'

/** Key group → index of the worker that owns it, and how to find the group of a hash. */
export interface Ownership {
  readonly owners: Uint16Array
  readonly shift: number
}

export class KeyExchange implements Exchange {
  readonly outlets: readonly Outlet[]
  private readonly ownership: Ownership
  private readonly pool: BatchPool

  constructor(outlets: readonly Outlet[], ownership: Ownership, pool: BatchPool) {
    this.outlets = outlets
    this.ownership = ownership
    this.pool = pool
  }

  get room(): boolean {
    for (const outlet of this.outlets) if (!outlet.room) return false
    return true
  }

  makeRoom(): boolean {
    return this.room
  }

  ownerOf(hash: number): number {
    const { owners, shift } = this.ownership
    return owners[hash >>> shift]!
  }

  push(batch: Batch): void {
    const { outlets } = this
    if (outlets.length === 1) outlets[0]!.push(batch)
    else this.split(batch)
  }

  flush(): boolean {
    return true
  }

  mark(marker: Marker): void {
    for (const outlet of this.outlets) outlet.mark(marker)
  }

  get recordsTotal(): number {
    return totalOf(this.outlets)
  }

  private split(batch: Batch): void {
    const { outlets, pool } = this
    const { owners, shift } = this.ownership
    const parts = new Array<Batch | null>(outlets.length).fill(null)
    for (let i = 0; i < batch.length; i++) {
      const owner = owners[batch.hashes[i]! >>> shift]!
      const part = (parts[owner] ??= pool.take())
      part.combined = batch.combined
      part.append(batch, i)
    }
    pool.give(batch)
    for (let owner = 0; owner < parts.length; owner++) {
      const part = parts[owner]
      if (part) outlets[owner]!.push(part)
    }
  }
}

/** Sends everything to one worker; the others get the markers. */
export class Gather implements Outlet {
  private readonly outlets: readonly Outlet[]
  private readonly target: Outlet

  constructor(outlets: readonly Outlet[], target: number) {
    this.outlets = outlets
    this.target = outlets[target]!
  }

  get room(): boolean {
    return this.target.room
  }

  get recordsTotal(): number {
    return totalOf(this.outlets)
  }

  push(batch: Batch): void {
    this.target.push(batch)
  }

  mark(marker: Marker): void {
    for (const outlet of this.outlets) outlet.mark(marker)
  }
}

function totalOf(outlets: readonly Outlet[]): number {
  return outlets.reduce((sum, { recordsTotal }) => sum + recordsTotal, 0)
}
