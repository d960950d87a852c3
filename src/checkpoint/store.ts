/**
 * The checkpoint store: durability and agreement in one place, by one primitive, *create this object only if it does
 * not exist* (PROTOCOLS 1). Drivers: `file-store.ts`. Every driver passes `test/checkpoint/store.contract.ts`.
 *
 * O1. An object is written whole or not at all, and never changes. `put` overwrites, and serves hints only; `replace`
 *     serves records of the chain that are over (`removal.ts`, X4).
 * O2. `created` means durable. `unknown` means undecided until something stands at that name: the same bytes are tried
 *     again under the same name, never under another (`write-once.ts`, `chain-writer.ts`).
 * O3. What `read` answers may vanish in a power loss until `makeDurable` has answered; nobody acts on an object that
 *     another wrote before that.
 * O4. Decisions rest on `createExclusive` or on a `read` by exact name, never on `list`, which may be stale.
 * O5. No callback runs inside the call that it belongs to.
 * O6. `absent` is said only while the store itself is there; where it is gone every answer is `E_STORE`. Otherwise the
 *     chain would seem to have ended, no seal to have been made, and checkpoints to be damaged.
 */
import type { PotorooError } from '../base/errors.ts'

/** Who writes: a worker and its incarnation (PROTOCOLS 6). */
export interface Writer {
  readonly worker: string
  readonly incarnation: string
}

export type CreateOutcome = 'created' | 'exists' | 'unknown'

/** The outcome of an operation: an error (`E_STORE`) or a value, never both. */
export type StoreDone<T> = (error: PotorooError | null, value: T) => void
export type StoreDoneVoid = (error: PotorooError | null) => void

export interface Store {
  /** Creates `path` with `bytes`, durably. `error` says why the outcome is unknown. */
  createExclusive(
    path: string,
    bytes: Uint8Array,
    done: (outcome: CreateOutcome, error: PotorooError | null) => void,
  ): void
  /** The whole of an object, or `null` where nothing stands at that name. */
  read(path: string, done: StoreDone<Buffer | null>): void
  /** Up to `length` bytes from `position`, fewer only at the end; `null` where nothing stands at that name. */
  readRange(path: string, position: number, length: number, done: StoreDone<Buffer | null>): void
  /** Makes all names durable that have been read in `folder` (O3). */
  makeDurable(folder: string, done: StoreDoneVoid): void
  /** Names, not paths, of objects and folders directly in `folder`: a hint (O4). An absent folder is empty. */
  list(folder: string, done: StoreDone<readonly string[]>): void
  /** Removes an object; no error when it is absent. It may come back after a power loss. */
  remove(path: string, done: StoreDoneVoid): void
  /** Removes a folder that is empty; no error when it is absent. */
  removeFolder(folder: string, done: StoreDoneVoid): void
  /** Writes or overwrites a hint, which may be lost or cut short in a power loss. */
  put(path: string, bytes: Uint8Array, done: StoreDoneVoid): void
  /** Overwrites an object: it is what it was or `bytes`, whatever happens. */
  replace(path: string, bytes: Uint8Array, done: StoreDoneVoid): void
  /**
   * Gives the object `existing` a second name, durably; it lives on when the first one is removed. Repeats are
   * harmless.
   */
  link(existing: string, created: string, done: StoreDoneVoid): void
  /** Begins a large object, under a name that nobody else uses. It may be seen in part until `finish` has answered. */
  upload(path: string, done: StoreDone<Upload>): void
}

/** What the chain and the beats need of a store: small objects, written and read whole. */
export type SmallStore = Pick<Store, 'createExclusive' | 'read' | 'makeDurable' | 'list' | 'remove' | 'put'>

/** An object that is being written. `finish` or `abort` is the last call, and waits for every `append` before it. */
export interface Upload {
  /** Writes `parts` behind what is there. The caller must not change them until done. */
  append(parts: readonly Uint8Array[], done: StoreDoneVoid): void
  /** Makes the object and its name durable. After an error, here or before, nothing of it counts. */
  finish(done: StoreDoneVoid): void
  /** Removes what has been written. */
  abort(done: StoreDoneVoid): void
}
