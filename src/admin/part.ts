/**
 * What one worker shows of the state of a keyed step.
 *
 * A1. It shows the key groups that it owns in the generation that it names, and no others: a group that moves is shown
 *     by one of two, never by both.
 * A2. Behind a barrier, it shows them once its step has been passed by it, in the same term (PROTOCOLS 16).
 * A3. A linearizable read is shown once an epoch is complete whose barrier came after it: the chain has it from this
 *     generation, so nobody else owned the key when it was read, and nothing rolls back what it shows.
 * A4. A live read is shown under a lease: no newer generation stood `leaseMs` ago, so it has all that was stable by
 *     then. Who sees neither the others nor the store does not know what it owns, for they may have gone on without it.
 * A5. Of a pipeline that was drained for good, or has failed, nothing is here: whoever is asked looks into its last
 *     epoch, or says so (`state-query.ts`).
 * A6. A page goes on in the term of the one before: where the pipeline has begun anew, also within a generation, its
 *     keys stand in another order.
 */
import { fail } from '../base/errors.ts'
import { hashKey, type Key, keyGroupOf, shiftOf } from '../base/hash.ts'
import type { Execution } from '../worker/execution/execution.ts'
import { type Behind, nextEpoch, passed } from '../worker/pipelines/own-writes.ts'
import { type KeyState, keysOf, listKeys, lookUpAny, PageRoom, requireKeyed } from '../worker/pipelines/query.ts'
import { pause } from '../worker/settle.ts'
import { type AcrossSeams, ask, Deadline, findWithState } from './asking.ts'
import { plain } from './plain.ts'

/** The pause before it is looked again for a lease. */
const LOOK_MS = 10

/** How an owner reads what is in memory. */
export type LiveLevel = 'live' | 'linearizable'

export interface StateQuestion {
  readonly pipeline: string
  readonly step: string
  /** A key, or `null` for a page of keys. */
  readonly key: string | null
  readonly limit: number
  /** Where an earlier page ended. */
  readonly cursor: string | null
  readonly read: LiveLevel
  /** The barrier that has to have passed (A2), or `null`. */
  readonly behind: Behind | null
}

/** A key with its state, as JSON (`plain.ts`). A public format. */
export interface KeyView {
  readonly key: unknown
  readonly keyGroup: number
  readonly state: unknown
}

/** One key, or a page of keys: whichever was asked for. */
export type Found = KeyView | readonly KeyView[]

export interface Part {
  readonly generation: number
  readonly epoch: number
  /** `null` while some of them are still being read back. */
  readonly keys: number | null
  readonly found: Found
  readonly next: string | null
}

/**
 * What this worker owns of the answer; `null` where it owns nothing of it, or cannot say so within `ms`. Throws
 * `E_NO_PIPELINE`, `E_NO_STEP`, `E_NO_KEY` or `E_NOT_RUNNING` (A5).
 */
export async function ownPart(seams: AcrossSeams, question: StateQuestion, ms: number): Promise<Part | null> {
  const { clock } = seams
  const { pipeline, step, behind, read } = question
  const deadline = new Deadline(clock, ms)
  const { execution } = findWithState(seams, pipeline)
  requireKeyed(execution.plan, step)
  // It does not stand at the base yet.
  if (!execution.stores.has(step)) return null
  if (behind !== null) {
    if (behind.term !== execution.term || !(await passed(clock, execution, step, behind.epoch, ms))) return null
  }
  if (read === 'live' && !(await leased(seams, deadline))) return null
  // Another generation may have begun meanwhile, and be about to roll the store back, or have let go of it (A5).
  if (findWithState(seams, pipeline).execution !== execution || !execution.stores.has(step)) return null
  const shown = show(execution, question)
  if (read === 'linearizable' && !(await nextEpoch(clock, execution, deadline.left))) return null
  return shown()
}

/**
 * Whether this worker holds a lease, or comes to hold one by `deadline`, as it does soon after a generation has begun
 * (A4).
 */
async function leased({ pipelines, clock }: AcrossSeams, deadline: Deadline): Promise<boolean> {
  while (!pipelines.worker.status.holdsLease) {
    if (deadline.left === 0) return false
    await pause(clock, Math.min(LOOK_MS, deadline.left))
  }
  return true
}

/** What `worker` shows; `null` where it does not within `ms`. */
export function partOf(seams: AcrossSeams, worker: string, question: StateQuestion, ms: number): Promise<Part | null> {
  if (worker === seams.pipelines.worker.name) return ownPart(seams, question, ms)
  const { pipeline, step, key, limit, cursor, read, behind } = question
  const query = new URLSearchParams({ own: String(Math.floor(ms)), limit: String(limit), read })
  if (key !== null) query.set('key', key)
  if (cursor !== null) query.set('cursor', cursor)
  if (behind !== null) query.set('behind', JSON.stringify(behind))
  const path = `/v1/pipelines/${encodeURIComponent(pipeline)}/state/${encodeURIComponent(step)}?${query}`
  return ask(seams, worker, path, ms) as Promise<Part | null>
}

/** Reads now; the answer is what is to be shown of it, or throws `E_NO_KEY`. */
function show(execution: Execution, question: StateQuestion): () => Part | null {
  const { pipeline, step, key, limit, cursor } = question
  const store = execution.stores.get(step)!
  const { number, owners, self } = execution.generation
  const head = { generation: number, epoch: execution.status.figures?.epoch ?? 0 }
  if (key !== null) {
    const owned = keysOf(key).filter((one) => owners[groupOf(one, owners)] === self)
    if (owned.length === 0) return () => null
    const found = lookUpAny(store, owned)
    const view = found && viewKey(found)
    const keys = counted(store, store.keys)
    return () => {
      if (view === null) throw fail('E_NO_KEY', { pipeline, step, key })
      return { ...head, keys, found: view, next: null }
    }
  }
  const groups = Array.from(owners.keys()).filter((group) => owners[group] === self)
  const sizes = groups.reduce((sum, group) => sum + (store.tables[group]?.size ?? 0), 0)
  const keys = counted(store, sizes)
  const place = placeIn(execution, cursor)
  const page = limit === 0 ? { keys: [], next: null } : listKeys(store, pageRoom(limit), place, groups)
  const next = page.next === null ? null : `${execution.term}.${page.next}`
  const part = { ...head, keys, found: page.keys.map(viewKey), next }
  return () => part
}

/** Where `cursor` goes on, `5.3.17.3`: the term, and a place in its tables. Throws `E_LIST_CHANGED` (A6). */
function placeIn({ term }: Execution, cursor: string | null): string | null {
  if (cursor === null) return null
  const parts = cursor.split('.')
  if (parts.slice(0, -2).join('.') !== term) throw fail('E_LIST_CHANGED', { reason: 'the pipeline has begun anew' })
  return parts.slice(-2).join('.')
}

/** `keys`, where all of them are known: those of key groups that are still bytes are in no table. */
function counted({ pendingKeyGroups }: { readonly pendingKeyGroups: number }, keys: number): number | null {
  return pendingKeyGroups === 0 ? keys : null
}

/** Room for a page of at most `limit` keys, as they are shown. */
export function pageRoom(limit: number): PageRoom {
  return new PageRoom(limit, (key) => JSON.stringify(viewKey(key)).length)
}

/** As it is now: the state goes on changing. */
export function viewKey({ key, keyGroup, state }: KeyState): KeyView {
  return { key: plain(key), keyGroup, state: plain(state) }
}

export function groupOf(key: Key, owners: Uint16Array): number {
  return keyGroupOf(hashKey(key), shiftOf(owners.length))
}
