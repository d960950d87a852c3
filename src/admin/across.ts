/**
 * The state of a keyed step across all workers of a cluster, whichever of them is asked (PROTOCOLS 16). What each of
 * them shows is in `part.ts`.
 *
 * A1. Parts of different generations are not put together: who is behind is asked again until the deadline, and is
 *     missing after it. Every answer says which key groups it covers.
 * A2. Behind a token, every part is behind one barrier that all which the token covers stands in front of. A barrier
 *     means nothing in another term: then it is asked for anew (`behind.ts`).
 * A3. Who knows of no generation yet has no answer: it can say neither who owns what, nor what is missing.
 * A4. Pages are of one generation: in another one keys have gone from workers that were shown to those that were not,
 *     and the other way round. Who is silent for a page is missing from it, and those behind him are shown all the
 *     same.
 */
import { fail, PotorooError } from '../base/errors.ts'
import { isOfEpoch } from '../worker/pipelines/committed.ts'
import { type Behind, requireToken } from '../worker/pipelines/own-writes.ts'
import { keysOf, PAGE_BYTES } from '../worker/pipelines/query.ts'
import { pause } from '../worker/settle.ts'
import { type AcrossSeams, Deadline, findWithState, withinGeneration } from './asking.ts'
import { barrierAcross } from './behind.ts'
import { type KeyGroupRun, viewKeyGroups } from './cluster-view.ts'
import { groupOf, type KeyView, type Part, partOf, type StateQuestion } from './part.ts'

/** Which key groups an answer covers, of all that there are. */
export interface Completeness {
  /** `1021/1024`. */
  readonly keyGroups: string
  readonly missing: readonly KeyGroupRun[]
}

/** What the worker that owns a key shows of it. */
export interface OwnersPart extends Part {
  readonly worker: string
}

/** Some keys of all workers. */
export interface Page {
  /** Of the whole step, as far as it is covered; `null` while some of them are still being read back. */
  readonly keys: number | null
  /** The oldest that any worker has come to. */
  readonly epoch: number
  readonly found: readonly KeyView[]
  /** Where the next page begins; `null` at the end. */
  readonly next: string | null
  readonly completeness: Completeness
  readonly asOf: { readonly generation: number; readonly epoch: number }
}

/** What is asked of all workers together. */
export interface WholeQuestion extends Omit<StateQuestion, 'behind'> {
  /** A token: the answer shows what it covers. */
  readonly after: string | null
  /** How long the answer may take, in milliseconds. */
  readonly ms: number
}

/** The pause before a worker that is behind is asked again. */
const AGAIN_MS = 100
/** The pause before it is asked again who answers for a stream. */
const SOON_MS = 20
/** Rounds for which there is time: one worker that says nothing does not use up what the others need. */
const ROUNDS = 4

/** The state of one key, from the worker that owns it. */
export async function keyAcross(seams: AcrossSeams, asked: WholeQuestion): Promise<OwnersPart> {
  const deadline = new Deadline(seams.clock, asked.ms)
  await begun(seams, deadline)
  // Its owner would be silent about what it has not got, as one that is only on the way.
  if (!seams.pipelines.worker.cluster.pipelines.has(asked.pipeline)) seams.pipelines.find(asked.pipeline)
  checkAfter(seams, asked)
  for (;;) {
    const behind = await behindOf(seams, asked, deadline)
    const { owners, members, generation } = seams.pipelines.worker.cluster
    const homes = keysOf(asked.key!).map((key) => members[owners[groupOf(key, owners)]!]!.worker)
    const found = await withinGeneration(seams, firstWith(seams, { ...asked, behind }, new Set(homes), deadline.next()))
    if (found !== null) return found
    if (deadline.left <= AGAIN_MS) throw fail('E_MEMBER_SILENT', { worker: homes[0], ms: asked.ms, generation })
    await pause(seams.clock, AGAIN_MS)
  }
}

/** The part of the first of `workers` that has the key; `null` where one of them cannot say. Throws `E_NO_KEY`. */
async function firstWith(
  seams: AcrossSeams,
  question: StateQuestion,
  workers: ReadonlySet<string>,
  ms: number,
): Promise<OwnersPart | null> {
  let absent: unknown = null
  for (const worker of workers) {
    try {
      const part = await partOf(seams, worker, question, ms)
      if (part === null) return null
      return { ...part, worker }
    } catch (error) {
      if (!(error instanceof PotorooError && error.code === 'E_NO_KEY')) throw error
      absent = error
    }
  }
  throw absent
}

/**
 * A page of keys of all workers, in the order of the members; the cursor names the worker that goes on. Throws
 * `E_LIST_CHANGED` where owners have changed since it was given (A4).
 */
export async function pageAcross(seams: AcrossSeams, asked: WholeQuestion): Promise<Page> {
  const deadline = new Deadline(seams.clock, asked.ms)
  await begun(seams, deadline)
  checkAfter(seams, asked)
  const { parts, generation, owned, behind, members } = await countAcross(seams, asked, deadline)
  const from = cursorIn(asked.cursor)
  if (from !== null && from.generation !== generation) throw fail('E_LIST_CHANGED', { reason: 'owners have changed' })
  const found: KeyView[] = []
  let bytes = 0
  let next: string | null = null
  const first = from === null ? 0 : Math.max(0, members.indexOf(from.worker))
  for (const worker of members.slice(first)) {
    if (!parts.has(worker)) continue
    const cursor = from?.worker === worker ? from.inner : null
    const limit = asked.limit - found.length
    if (limit === 0 || bytes >= PAGE_BYTES) {
      next = `${generation}|${worker}|`
      break
    }
    const part = await partOf(seams, worker, { ...asked, behind, limit, cursor }, seams.limits.queryMs / ROUNDS)
    // What is counted is shown, or neither (A1).
    if (part?.generation !== generation) {
      parts.delete(worker)
      continue
    }
    found.push(...(part.found as readonly KeyView[]))
    bytes += JSON.stringify(part.found).length
    if (part.next !== null) {
      next = `${generation}|${worker}|${part.next}`
      break
    }
  }
  const completeness = completenessOf(owned, parts)
  const all = [...parts.values()]
  const keys = all.reduce<number | null>((sum, part) => addUp(sum, part.keys), 0)
  const epoch = all.length === 0 ? 0 : Math.min(...all.map((part) => part.epoch))
  return { keys, epoch, found, next, completeness, asOf: { generation, epoch } }
}

/** Who answers in one generation, who owns what in it, and the barrier that they are behind (A2). */
interface Count {
  readonly parts: Map<string, Part>
  readonly generation: number
  readonly owned: readonly KeyGroupRun[]
  /** The members of it, in their order. */
  readonly members: readonly string[]
  readonly behind: Behind | null
}

/** Who answers in the present generation, with its counts (A1). */
async function countAcross(seams: AcrossSeams, asked: WholeQuestion, deadline: Deadline): Promise<Count> {
  const { pipelines, clock, limits } = seams
  for (;;) {
    const behind = await behindOf(seams, asked, deadline)
    const { cluster } = pipelines.worker
    const question = { ...asked, behind, limit: 0, cursor: null }
    const ms = behind === null ? Math.min(limits.queryMs / ROUNDS, deadline.left) : deadline.next()
    const asking = cluster.members.map(
      async ({ worker }) => [worker, await partOf(seams, worker, question, ms)] as const,
    )
    const answers = (await withinGeneration(seams, Promise.all(asking))) ?? []
    const { generation, members } = pipelines.worker.cluster
    const parts = new Map<string, Part>()
    for (const [worker, part] of answers) if (part?.generation === generation) parts.set(worker, part)
    const all = generation === cluster.generation && parts.size === cluster.members.length
    // Who has said nothing in its time has had it; who is in another generation, or behind no barrier yet, is asked
    // again.
    const silent = answers.every(([, part]) => part === null || part.generation === generation)
    const rest = behind === null && answers.length > 0 && silent && generation === cluster.generation
    if (all || rest || deadline.left <= AGAIN_MS) {
      const owned = viewKeyGroups(pipelines.worker)
      return { parts, generation, owned, members: members.map(({ worker }) => worker), behind }
    }
    await pause(clock, AGAIN_MS)
  }
}

/** Resolves once there is a generation (A3). Throws `E_NO_GENERATION` where there is none by `deadline`. */
async function begun({ pipelines: { worker }, clock }: AcrossSeams, deadline: Deadline): Promise<void> {
  while (worker.cluster.generation === 0) {
    if (deadline.left === 0) throw fail('E_NO_GENERATION', { worker: worker.name, ms: deadline.ms })
    await pause(clock, Math.min(AGAIN_MS, deadline.left))
  }
}

/** Throws where the token means nothing here. */
function checkAfter({ pipelines }: AcrossSeams, { pipeline, after }: WholeQuestion): void {
  if (after !== null) requireToken(pipelines.find(pipeline).plan, after)
}

/**
 * The barrier behind what the token covers; `null` where there is no token. Throws `E_READ_LATE` or `E_NOT_RUNNING`.
 */
async function behindOf(seams: AcrossSeams, asked: WholeQuestion, deadline: Deadline): Promise<Behind | null> {
  const { pipeline, step, after, ms } = asked
  if (after === null) return null
  for (;;) {
    findWithState(seams, pipeline)
    const behind = await barrierAcross(seams, pipeline, step, after, deadline.next())
    if (behind !== null) return behind
    if (deadline.left <= SOON_MS) throw fail('E_READ_LATE', { step, ms, reason: 'it has not come as far' })
    await pause(seams.clock, SOON_MS)
  }
}

function addUp(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b
}

/** What `parts` cover of all that is `owned` in their generation (A1): another one may have begun meanwhile. */
function completenessOf(owned: readonly KeyGroupRun[], parts: ReadonlyMap<string, Part>): Completeness {
  const missing = owned.filter(({ worker }) => !parts.has(worker))
  const sizeOf = (list: readonly KeyGroupRun[]): number => list.reduce((sum, { from, to }) => sum + to - from + 1, 0)
  const all = sizeOf(owned)
  return { keyGroups: `${all - sizeOf(missing)}/${all}`, missing }
}

/** Where a page begins. */
interface Cursor {
  readonly generation: number
  /** The worker that goes on, and where. */
  readonly worker: string
  readonly inner: string | null
}

/** `5|w2|5.3.17.3`; throws `E_LIST_CHANGED` for that of an epoch, `E_CONTROL_REQUEST` for what no page has given. */
function cursorIn(text: string | null): Cursor | null {
  if (text === null) return null
  if (isOfEpoch(text)) throw fail('E_LIST_CHANGED', { reason: 'the pages before were of an epoch, and it runs again' })
  const [, generation, worker, inner] = /^(\d+)\|(.+)\|([\d.]*)$/.exec(text) ?? []
  if (worker === undefined) throw fail('E_CONTROL_REQUEST', { reason: '?cursor is the `next` of a page before' })
  return { generation: Number(generation), worker, inner: inner || null }
}
