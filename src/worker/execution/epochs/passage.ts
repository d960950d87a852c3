/**
 * How far barriers have come on this worker in one term of a pipeline, for those who read their own writes (PROTOCOLS
 * 16): which records stand in front of a barrier, and which barriers have passed a step.
 *
 * G1. What a source's row says at a cut is in front of that barrier, here or on another member: a snapshot rests on the
 *     same (PROTOCOLS 3). So a step that the barrier has passed has been given all of it, whether its epoch becomes
 *     complete or not.
 * G2. What the base says is in front of every barrier of the term: its number here is 0.
 * G3. The last two cuts are enough: one epoch is under way at a time, so every step has passed the one before, or is
 *     about to.
 * G4. A barrier passes a step and leaves behind what the step holds back (PROTOCOLS 10). The first later barrier at
 *     which the step holds nothing of that any more has all of it in front of it.
 */
import type { Json } from '../../../base/json.ts'
import type { Manifest, PartEntry } from '../../../checkpoint/manifest.ts'
import { type StreamRow, streamRowsOf } from '../../../ingest/stream.ts'
import type { ReadToken } from '../../../protocol/read-token.ts'

/** The rows of a source at a barrier. */
interface Cut {
  readonly epoch: number
  readonly rows: Rows
}

/** Cuts of a source that are kept (G3). */
const CUTS = 2

export class Passage {
  /** By source. */
  private readonly base: ReadonlyMap<string, Rows>
  /** By source, the newest first. */
  private readonly cuts = new Map<string, readonly Cut[]>()
  /** The last barrier that has passed each step, and what the step held then, as `Task.heldSince` says it. */
  private readonly passed = new Map<string, { readonly epoch: number; readonly heldSince: number }>()
  private readonly watchers = new Set<() => void>()

  constructor(base: Manifest | null) {
    const parts = Map.groupBy(base?.sources ?? [], ({ step }) => step)
    this.base = new Map(Array.from(parts, ([step, own]) => [step, new Rows(own.map(({ snapshot }) => snapshot))]))
  }

  /** The source `step` has cut its input in front of the barrier of `epoch`. */
  cut(epoch: number, step: string, snapshot: Json): void {
    const before = this.cuts.get(step) ?? []
    this.cuts.set(step, [{ epoch, rows: new Rows([snapshot]) }, ...before.slice(0, CUTS - 1)])
    this.change()
  }

  /** The barrier of `epoch` has passed `step`. */
  pass(epoch: number, step: string, heldSince: number): void {
    this.passed.set(step, { epoch, heldSince })
    this.change()
  }

  hasPassed(step: string, epoch: number): boolean {
    return (this.passed.get(step)?.epoch ?? 0) >= epoch
  }

  /**
   * A barrier in front of which `step` has sent on all that stood in front of that of `epoch` (G4); `null`: none known
   * yet.
   */
  letGo(step: string, epoch: number): number | null {
    const last = this.passed.get(step)
    return last !== undefined && last.epoch >= epoch && last.heldSince >= epoch ? last.epoch : null
  }

  /**
   * The first barrier known here in front of which all stands that `token` covers, of the source `step`; `null`: none
   * yet.
   */
  barrierBehind(step: string, token: ReadToken): number | null {
    if (token.sequence === 0 || this.base.get(step)?.covers(token)) return 0
    const cut = this.cuts.get(step)?.findLast(({ rows }) => rows.covers(token))
    return cut?.epoch ?? null
  }

  /** Calls `look` whenever something has changed here, until the answer is called. */
  watch(look: () => void): () => void {
    this.watchers.add(look)
    return () => this.watchers.delete(look)
  }

  /** The term is over: who waits has to ask anew. */
  close(): void {
    this.change()
  }

  private change(): void {
    for (const look of [...this.watchers]) look()
  }
}

/**
 * The rows of a source. Each of many readers asks for one of them, again and again, and of a hundred thousand producers
 * perhaps.
 */
class Rows {
  private readonly snapshots: readonly Json[]
  private byProducer: ReadonlyMap<string, readonly StreamRow[]> | null = null

  constructor(snapshots: readonly Json[]) {
    this.snapshots = snapshots
  }

  covers(token: ReadToken): boolean {
    this.byProducer ??= Map.groupBy(this.snapshots.flatMap(streamRowsOf), ([producer]) => producer)
    return covers(this.byProducer.get(token.producer) ?? [], token)
  }
}

/** Whether the epoch that has saved `parts` of its sources holds all that `token` covers, of the source `step`. */
export function coveredBy(parts: readonly PartEntry[], step: string, token: ReadToken): boolean {
  return token.sequence === 0 || parts.some((part) => part.step === step && covers(streamRowsOf(part.snapshot), token))
}

function covers(rows: readonly StreamRow[], { producer, incarnation, sequence }: ReadToken): boolean {
  return rows.some(([name, life, position]) => position >= sequence && name === producer && life === incarnation)
}
