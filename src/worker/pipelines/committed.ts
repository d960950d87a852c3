/**
 * Looks into the state of the last complete epoch (PROTOCOLS 16: `committed`): what it shows is never rolled back. It
 * is read from the packs that the epoch's manifest names, into a store of its own; what runs is not touched, and need
 * not run.
 *
 * Q1. An answer is of one epoch, whole: packs that go while they are read belong to an epoch that is not the last one
 *     any more, and the question is asked again. So is a list, with all its pages: in another epoch keys stand in
 *     another order.
 * Q2. States of an older schema are shown as the program that runs would take them on.
 */
import { assert } from '../../base/assert.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import { hashKey, type Key } from '../../base/hash.ts'
import { type EpochEntry, lastEpoch, type PipelineEntry } from '../../checkpoint/cluster.ts'
import type { Damage } from '../../checkpoint/damage.ts'
import type { Manifest } from '../../checkpoint/manifest.ts'
import type { GroupChain, Restore } from '../../checkpoint/resolve.ts'
import { type GroupState, readGroups } from '../../checkpoint/restore-reader.ts'
import { Survey, type SurveySeams } from '../../checkpoint/survey.ts'
import type { KeyedPlan, Plan } from '../../model/plan.ts'
import { KeyedStore } from '../../state/keyed-store.ts'
import { Loading } from '../../state/loading.ts'
import { settle } from '../settle.ts'
import { groupOf, type KeyPage, type KeyState, listKeys, lookUpAny, type PageRoom } from './query.ts'

/** About how many bytes of key groups are read at a time for a list of keys: a step may have most of them empty. */
const BYTES_AT_A_TIME = 512 << 10

export interface Committed<T> {
  /** 0 before the first epoch. */
  readonly epoch: number
  readonly found: T
}

/** What is asked about: `entry` answers what the chain says of the pipeline now, `undefined` where it is gone. */
export interface CommittedSeams extends SurveySeams {
  readonly plan: Plan
  entry(): PipelineEntry | undefined
  /** Whether an epoch with this manifest is new enough. */
  suffices(manifest: Pick<Manifest, 'epoch' | 'sources'>): boolean
  /** Answers when there may be another epoch; rejects where none is waited for any more. */
  another(): Promise<void>
}

/** The state of the first of `keys` that `step` has in the last complete epoch, or `null`. */
export function lookUpCommitted(
  seams: CommittedSeams,
  step: string,
  keys: readonly Key[],
): Promise<Committed<KeyState | null>> {
  return ofEpoch<KeyState | null>(seams, null, null, async (restore) => {
    const store = storeOf(seams, step, restore)
    const groups = new Set(keys.map((key) => hashKey(key) >>> store.shift))
    await load(seams, restore, store, groups)
    return lookUpAny(store, keys)
  })
}

/**
 * Keys of `step` in the last complete epoch, or, from `cursor` on, in that of the page that ended there, as far as
 * there is room in what `begin` makes for each attempt. Throws `E_LIST_CHANGED` where that one is beyond the horizon.
 */
export async function listCommitted(
  seams: CommittedSeams,
  step: string,
  begin: () => PageRoom,
  cursor: string | null,
): Promise<Committed<KeyPage>> {
  const [at, inner] = cursorIn(cursor)
  return ofEpoch<KeyPage>(seams, at, { keys: [], next: null }, async (restore, run) => {
    const groups = restore.chains.filter((chain) => chain.step === step && chain.keyGroup >= groupOf(inner))
    const store = storeOf(seams, step, restore)
    const room = begin()
    const keys: KeyState[] = []
    for (const some of inPortions(groups.toSorted((a, b) => a.keyGroup - b.keyGroup))) {
      await load(seams, restore, store, some)
      const page = listKeys(store, room, inner, some)
      keys.push(...page.keys)
      if (page.next !== null) return { keys, next: `${run}.${restore.manifest.epoch}|${page.next}` }
    }
    return { keys, next: null }
  })
}

/** The numbers of `groups`, in their order, as they are read together. */
function* inPortions(groups: readonly GroupChain[]): Generator<ReadonlySet<number>> {
  let some = new Set<number>()
  let bytes = 0
  for (const { keyGroup, chunks } of groups) {
    some.add(keyGroup)
    for (const { chunk } of chunks) bytes += chunk.length
    if (bytes < BYTES_AT_A_TIME) continue
    yield some
    some = new Set()
    bytes = 0
  }
  if (some.size > 0) yield some
}

/** An epoch of a run of the pipeline. */
interface At {
  readonly run: number
  readonly epoch: number
}

/** Whether `cursor` was given by a page of an epoch; others are of what owners had. */
export function isOfEpoch(cursor: string): boolean {
  return /^\d+\.\d+\|/.test(cursor)
}

/**
 * `4.7|17.3`: what a list is of, and where its next page begins. Throws `E_CONTROL_REQUEST` for what no page has given.
 */
function cursorIn(cursor: string | null): readonly [at: At | null, inner: string | null] {
  if (cursor === null) return [null, null]
  const [, run, epoch, inner] = /^(\d+)\.(\d+)\|([\d.]+)$/.exec(cursor) ?? []
  if (inner === undefined) throw fail('E_CONTROL_REQUEST', { reason: '?cursor is the `next` of a page before' })
  return [{ run: Number(run), epoch: Number(epoch) }, inner]
}

/**
 * Answers what `read` finds in the complete epoch `at`, in the last one where that is `null` (Q1); `nothing` where
 * there is none.
 */
async function ofEpoch<T>(
  seams: CommittedSeams,
  at: At | null,
  nothing: T,
  read: (restore: Restore, run: number) => Promise<T>,
): Promise<Committed<T>> {
  for (;;) {
    const entry = seams.entry()
    const last = epochIn(entry, at)
    if (entry === undefined || (last === null && entry.from === null)) {
      if (seams.suffices({ epoch: 0, sources: [] })) return { epoch: 0, found: nothing }
      await seams.another()
      continue
    }
    try {
      const restore = await decide(seams, { ...entry, epochs: last === null ? [] : [last] })
      if (at !== null && restore.manifest.epoch !== at.epoch) throw isGone(at)
      if (!seams.suffices(restore.manifest)) {
        await seams.another()
        continue
      }
      return { epoch: restore.manifest.epoch, found: await read(restore, entry.run) }
    } catch (error) {
      const now = seams.entry()
      if (now === undefined || epochIn(now, at)?.manifest === last?.manifest) throw error
    }
  }
}

/**
 * The epoch that is to be read; `null` where there is none yet. Throws `E_LIST_CHANGED` where `at` is not there any
 * more.
 */
function epochIn(entry: PipelineEntry | undefined, at: At | null): EpochEntry | null {
  if (entry === undefined) return null
  if (at === null) return lastEpoch(entry)
  if (entry.run !== at.run) throw isGone(at)
  const found = entry.epochs.find(({ epoch }) => epoch === at.epoch)
  if (found === undefined && entry.epochs.length > 0) throw isGone(at)
  return found ?? null
}

function isGone({ epoch }: At): PotorooError {
  return fail('E_LIST_CHANGED', { reason: `epoch ${epoch}, of which it was, is not there any more` })
}

async function decide(seams: CommittedSeams, entry: PipelineEntry): Promise<Restore> {
  const survey = new Survey(seams, { pipeline: seams.plan.pipeline, entry, acceptLoss: false })
  const decided = (await settle((done: Parameters<Survey['decide']>[0]) => survey.decide(done)))!
  assert(decided.kind !== 'fresh', 'there is an epoch or a savepoint')
  if (decided.kind === 'refuse') throw damaged(decided.damages)
  return decided
}

function damaged([first]: readonly Damage[]): PotorooError {
  return fail('E_STORE_DAMAGED', { path: first!.path, reason: first!.reason })
}

/** A store for the states of `step`, with nothing in it (Q2). */
function storeOf({ plan, limits }: CommittedSeams, step: string, { manifest }: Restore): KeyedStore {
  const { ttlMs, schema } = keyedOf(plan, step)
  return new KeyedStore({
    step,
    keyGroups: manifest.keyGroups,
    shift: Math.clz32(manifest.keyGroups) + 1,
    timed: ttlMs !== undefined,
    schemaVersion: schema.version,
    migrate: schema.migrate,
    limits,
  })
}

function keyedOf(plan: Plan, step: string): KeyedPlan {
  for (const task of plan.tasks) if (task.kind === 'keyed' && task.step === step) return task.keyed
  throw fail('E_NO_STEP', { pipeline: plan.pipeline, role: 'step with state', step, known: '' })
}

/** Reads the key groups of `wanted` into `store`. */
async function load(
  seams: SurveySeams,
  restore: Restore,
  store: KeyedStore,
  wanted: ReadonlySet<number>,
): Promise<void> {
  const loading = new Loading({ migrate: undefined })
  const take = ({ keyGroup, chunks }: GroupState): void => {
    for (const { bytes } of chunks) loading.add(keyGroup, bytes)
  }
  const mine = (step: string, keyGroup: number): boolean => step === store.step && wanted.has(keyGroup)
  const damages = await new Promise<readonly Damage[]>((done) => readGroups(seams, restore, mine, take, done))
  if (damages.length > 0) throw damaged(damages)
  store.restore(loading)
}
