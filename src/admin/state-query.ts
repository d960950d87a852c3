/** What the control API answers of the state of a keyed step, by the words of a query. */
import { fail, PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { type CommittedSeams, isOfEpoch, listCommitted, lookUpCommitted } from '../worker/pipelines/committed.ts'
import { type Behind, holdersBefore, isCovered, nextEpoch, requireToken } from '../worker/pipelines/own-writes.ts'
import { keysOf, requireKeyed } from '../worker/pipelines/query.ts'
import { pause, readOn } from '../worker/settle.ts'
import { type Completeness, keyAcross, pageAcross, type WholeQuestion } from './across.ts'
import { type AcrossSeams, Deadline } from './asking.ts'
import { barrierAcross, barrierIn } from './behind.ts'
import type { Call } from './http.ts'
import { type Found, ownPart, type Part, pageRoom, viewKey } from './part.ts'
import { countIn } from './request.ts'

const READ_LEVELS = ['live', 'committed', 'linearizable'] as const
type ReadLevel = (typeof READ_LEVELS)[number]

/** What was found of the state of a step: one key, or a page of keys. A public format. */
export interface StateAnswer<F extends Found = Found> {
  readonly pipeline: string
  readonly step: string
  readonly read: ReadLevel
  readonly epoch: number
  /**
   * Of the whole step; `null` for a committed read, which does not count them, and while some are still being read
   * back.
   */
  readonly keys: number | null
  readonly found: F
  /** Where the next page begins, `null` at the end; of a page only. */
  readonly next?: string | null
  /** Which key groups a live page covers. */
  readonly completeness?: Completeness
}

type CommittedAnswer = Pick<StateAnswer, 'epoch' | 'found' | 'next'>

/**
 * The pause before it is looked again for an epoch that is new enough: it may stand in the chain and not be read here.
 */
const SOON_MS = 20

/**
 * One key (`?key=`), or a page of keys (`?limit=&cursor=`), of all workers: as it is now, in the last complete epoch,
 * or linearizable (`?read=`), behind a token perhaps (`?after=`), for which the answer may take a while (`?wait=`).
 * With `?own=` of this worker alone, behind the barrier of `?behind=`.
 */
export async function queryState(
  seams: AcrossSeams,
  { parts, query }: Call<'pipeline' | 'step'>,
): Promise<StateAnswer | Part | null> {
  const { limits } = seams
  const { pipeline, step } = parts
  const read = readLevelIn(query)
  const limit = countIn(query, 'limit', limits.queryKeys, limits.queryKeys)
  const asked = { pipeline, step, key: query.get('key'), limit, cursor: query.get('cursor') }
  const own = query.has('own')
  const ms = waitIn(query, own ? 'own' : 'wait', limits)
  const after = query.get('after')
  const head = { pipeline, step, read }
  const committed = async (): Promise<StateAnswer> => {
    return { ...head, keys: null, ...(await queryCommitted(seams, { ...asked, after, ms })) }
  }
  if (read === 'committed') return committed()
  if (read === 'linearizable' && asked.key === null && !own) {
    throw fail('E_READ_LEVEL', { read, reason: 'that is a promise about one key, and a list is of many' })
  }
  if (own) {
    return ownPart(seams, { ...asked, read, behind: barrierIn(query) }, ms)
  }
  const question = { ...asked, read, after, ms }
  try {
    const found = asked.key === null ? await pageAcross(seams, question) : await keyAcross(seams, question)
    return { ...head, ...found }
  } catch (error) {
    if (!(error instanceof PotorooError && error.code === 'E_NOT_RUNNING')) throw error
    if (!(await isDrained(seams, pipeline))) throw error
    if (asked.cursor !== null && !isOfEpoch(asked.cursor))
      throw fail('E_LIST_CHANGED', { reason: 'the pipeline has been drained' })
    return committed()
  }
}

/**
 * Whether the pipeline is drained as the chain stands now: then its last epoch is its state, which nothing changes
 * before it is submitted, and whoever reads that reads as if all owners had been asked. What this worker knew before
 * may be long past.
 */
async function isDrained({ pipelines, clock, limits }: AcrossSeams, pipeline: string): Promise<boolean> {
  const { worker } = pipelines
  return (
    (await readOn(worker, clock, limits.storeTimeoutMs)) && worker.cluster.pipelines.get(pipeline)?.drained === true
  )
}

function readLevelIn(query: URLSearchParams): ReadLevel {
  const given = query.get('read') ?? 'live'
  const level = READ_LEVELS.find((one) => one === given)
  if (level !== undefined) return level
  throw fail('E_CONTROL_REQUEST', { reason: `?read is live, committed or linearizable, not "${given}"` })
}

/** How long an answer may take, in milliseconds. */
export function waitIn(query: URLSearchParams, name: string, limits: Limits): number {
  return countIn(query, name, limits.queryMs, limits.queryWaitMs)
}

/** Out of the store, which every worker reaches: whoever is asked knows all of it. */
async function queryCommitted(
  { pipelines, limits, clock }: AcrossSeams,
  { pipeline, step, key, limit, cursor, after, ms }: Omit<WholeQuestion, 'read'>,
): Promise<CommittedAnswer> {
  const plan = await pipelines.planOf(pipeline)
  requireKeyed(plan, step)
  const { worker } = pipelines
  const entry = () => worker.cluster.pipelines.get(pipeline)
  if (after !== null) requireToken(plan, after)
  const deadline = new Deadline(clock, ms)
  // Where steps hold records back, an epoch that covers them at their source need not show them.
  const held = holdersBefore(plan, step).length > 0
  let behind: Behind | null = null
  const committed: CommittedSeams = {
    ...{ store: worker.storage, clock, limits, hurried: true, plan, entry },
    suffices: ({ epoch, sources }) => {
      if (after === null) return true
      if (!held) return isCovered(plan, sources, after)
      const known = behind !== null && behind.term === pipelines.find(pipeline).execution.term
      return known && epoch >= behind!.epoch
    },
    another: async () => {
      // Of a pipeline that is drained none follows.
      if (deadline.left === 0 || entry()?.drained === true)
        throw fail('E_READ_LATE', { step, ms, reason: 'no complete epoch holds it' })
      if (held) behind = await barrierAcross({ pipelines, limits, clock }, pipeline, step, after!, deadline.next())
      await nextEpoch(clock, pipelines.find(pipeline).execution, deadline.left)
      await pause(clock, SOON_MS)
    },
  }
  if (key === null) {
    const { epoch, found } = await listCommitted(committed, step, () => pageRoom(limit), cursor)
    return { epoch, found: found.keys.map(viewKey), next: found.next }
  }
  const { epoch, found } = await lookUpCommitted(committed, step, keysOf(key))
  if (found === null) throw fail('E_NO_KEY', { pipeline, step, key })
  return { epoch, found: viewKey(found) }
}
