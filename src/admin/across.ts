/**
 * The state of a keyed step across all workers of a cluster, whichever of them is asked (PROTOCOLS 16).
 *
 * A1. What a worker shows are the key groups that it owns in the generation that it names, and no others: a group that moves
 *     is shown by one of two, never by both.
 * A2. Parts of different generations are not put together: who is behind is asked again until the deadline, and is
 *     missing after it. Every answer says which key groups it covers.
 */
import { type ErrorCode, errorTable, fail, PotorooError } from '../base/errors.ts'
import { hashKey, keyGroupOf, shiftOf } from '../base/hash.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import type { Pipelines } from '../worker/pipelines/pipelines.ts'
import { keysOf, listKeys, lookUpAny } from '../worker/pipelines/query.ts'
import type { Answer } from '../worker/questions.ts'
import { type KeyGroupRun, viewKeyGroups } from './cluster-view.ts'
import { plain } from './plain.ts'

export interface AcrossSeams {
  readonly pipelines: Pipelines
  readonly limits: Limits
  readonly clock: Clock
}

/** What one worker shows of what it owns. */
interface Part {
  readonly generation: number
  readonly epoch: number
  readonly keys: number
  readonly found: unknown
  readonly next: string | null
}

/** Which key groups an answer covers, of all that there are. */
export interface Completeness {
  /** `1021/1024`. */
  readonly keyGroups: string
  readonly missing: readonly KeyGroupRun[]
}

export interface StateQuestion {
  readonly pipeline: string
  readonly step: string
  /** A key, or `null` for a page of keys. */
  readonly key: string | null
  readonly limit: number
  /** Where an earlier page ended. */
  readonly cursor: string | null
}

/** The pause before a worker that is behind is asked again. */
const AGAIN_MS = 100
/** Rounds for which there is time: one worker that says nothing does not use up what the others need. */
const ROUNDS = 4

/** What this worker owns of the answer (A1). Throws `E_NO_PIPELINE`, `E_NO_STEP` or `E_NO_KEY`. */
export function ownPart({ pipelines }: AcrossSeams, question: StateQuestion): Part {
  const { pipeline, step, key, limit, cursor } = question
  const { execution } = pipelines.find(pipeline)
  const store = execution.stores.get(step)
  if (store === undefined) {
    const known = [...execution.stores.keys()].join(', ')
    throw fail('E_NO_STEP', { pipeline, role: 'step with state', step, known: `it has ${known || 'none'}` })
  }
  const { generation, owners, members } = pipelines.worker.cluster
  const self = members.findIndex(({ worker }) => worker === pipelines.worker.name)
  const head = { generation, epoch: execution.figures?.epoch ?? 0 }
  if (key !== null) {
    const found = lookUpAny(store, keysOf(key))
    if (found === null) throw fail('E_NO_KEY', { pipeline, step, key })
    return { ...head, keys: store.keys, found: plain(found), next: null }
  }
  const groups = Array.from(owners.keys()).filter((group) => owners[group] === self)
  const keys = groups.reduce((sum, group) => sum + (store.tables[group]?.size ?? 0), 0)
  const page = limit === 0 ? { keys: [], next: null } : listKeys(store, limit, cursor, groups)
  return { ...head, keys, found: plain(page.keys), next: page.next }
}

/** The state of one key, from the worker that owns it. */
export async function keyAcross(seams: AcrossSeams, question: StateQuestion): Promise<unknown> {
  const { owners, members, generation } = seams.pipelines.worker.cluster
  const shift = shiftOf(owners.length)
  const homes = keysOf(question.key!).map((key) => members[owners[keyGroupOf(hashKey(key), shift)]!]!.worker)
  let absent: unknown = null
  for (const worker of new Set(homes)) {
    try {
      const part = await partOf(seams, worker, question, seams.limits.queryMs)
      if (part === null) throw fail('E_MEMBER_SILENT', { worker, ms: seams.limits.queryMs, generation })
      return { ...part, worker }
    } catch (error) {
      if (!(error instanceof PotorooError && error.code === 'E_NO_KEY')) throw error
      absent = error
    }
  }
  throw absent
}

/** A page of keys of all workers, in the order of the members; the cursor names the worker that goes on. */
export async function pageAcross(seams: AcrossSeams, question: StateQuestion): Promise<unknown> {
  const { parts, generation } = await countAcross(seams, question)
  const found: unknown[] = []
  const [from, inner] = splitCursor(question.cursor)
  let next: string | null = null
  let reached = from === null
  for (const worker of parts.keys()) {
    if (!reached && worker !== from) continue
    const cursor = reached ? null : inner
    reached = true
    const limit = question.limit - found.length
    if (limit === 0) {
      next = `${worker}|`
      break
    }
    const part = await partOf(seams, worker, { ...question, limit, cursor }, seams.limits.queryMs / ROUNDS)
    // What is counted is shown, or neither (A2).
    if (part?.generation !== generation) {
      parts.delete(worker)
      continue
    }
    found.push(...(part.found as unknown[]))
    if (part.next !== null) {
      next = `${worker}|${part.next}`
      break
    }
  }
  const completeness = completenessOf(seams.pipelines, parts)
  const all = [...parts.values()]
  const keys = all.reduce((sum, part) => sum + part.keys, 0)
  const epoch = all.reduce((least, part) => Math.min(least, part.epoch), Number.POSITIVE_INFINITY)
  return { keys, epoch: Number.isFinite(epoch) ? epoch : 0, found, next, completeness, asOf: { generation, epoch } }
}

/** Who answers in the present generation, with its counts (A2). */
async function countAcross(
  seams: AcrossSeams,
  question: StateQuestion,
): Promise<{ readonly parts: Map<string, Part>; readonly generation: number }> {
  const { pipelines, clock, limits } = seams
  const deadlineMs = clock.monotonic() + limits.queryMs
  for (;;) {
    const { cluster } = pipelines.worker
    const asked = { ...question, limit: 0, cursor: null }
    const left = Math.min(limits.queryMs / ROUNDS, deadlineMs - clock.monotonic())
    const answers = await Promise.all(
      cluster.members.map(async ({ worker }) => [worker, await partOf(seams, worker, asked, left)] as const),
    )
    const { generation } = pipelines.worker.cluster
    const parts = new Map<string, Part>()
    for (const [worker, part] of answers) if (part?.generation === generation) parts.set(worker, part)
    const late = clock.monotonic() + AGAIN_MS >= deadlineMs
    const behind =
      generation !== cluster.generation || answers.some(([, part]) => part !== null && part.generation !== generation)
    if (!behind || late) return { parts, generation }
    await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve))
  }
}

function completenessOf(pipelines: Pipelines, parts: ReadonlyMap<string, Part>): Completeness {
  const runs = viewKeyGroups(pipelines)
  const missing = runs.filter(({ worker }) => !parts.has(worker))
  const sizeOf = (list: readonly KeyGroupRun[]): number => list.reduce((sum, { from, to }) => sum + to - from + 1, 0)
  const all = sizeOf(runs)
  return { keyGroups: `${all - sizeOf(missing)}/${all}`, missing }
}

/** What `worker` shows; `null` where it does not answer within `ms`. */
async function partOf(seams: AcrossSeams, worker: string, question: StateQuestion, ms: number): Promise<Part | null> {
  const { pipelines } = seams
  if (worker === pipelines.worker.name) return ownPart(seams, question)
  if (ms <= 0) return null
  const { pipeline, step, key, limit, cursor } = question
  const query = new URLSearchParams({ own: 'true', limit: String(limit) })
  if (key !== null) query.set('key', key)
  if (cursor !== null) query.set('cursor', cursor)
  const path = `/v1/pipelines/${encodeURIComponent(pipeline)}/state/${encodeURIComponent(step)}?${query}`
  const answer = await new Promise<Answer | null>((resolve) =>
    pipelines.worker.questions.ask(worker, path, ms, resolve),
  )
  if (answer === null) return null
  const json: unknown = JSON.parse(answer.text)
  if (answer.status === 200) return json as Part
  const error = errorFrom(json, worker)
  // It has not brought the pipeline to life yet, which is as good as silence.
  if (error instanceof PotorooError && error.code === 'E_NO_PIPELINE') return null
  throw error
}

/** The error that another worker answered, as if it had been thrown here. */
function errorFrom(json: unknown, worker: string): Error {
  const { error } = json as { error?: { code: string | null; message: string; details?: Record<string, string> } }
  if (error?.code != null && error.code in errorTable)
    return new PotorooError(error.code as ErrorCode, error.details ?? {})
  return fail('E_CONTROL', { address: `worker ${worker}`, reason: error?.message ?? 'its answer cannot be read' })
}

/** `w2|17.3`: the worker that goes on, and where. */
function splitCursor(cursor: string | null): readonly [worker: string | null, inner: string | null] {
  if (cursor === null) return [null, null]
  const at = cursor.lastIndexOf('|')
  return [cursor.slice(0, at), cursor.slice(at + 1) || null]
}
