/** The control API: what may be asked of a worker, by whom, and who does it. docs/reference.md lists it. */
import * as v from 'valibot'
import { fail, type PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import { type Checkpointed, listCheckpoints, openCheckpoint, verifyOne } from '../worker/pipelines/checkpoints.ts'
import { buildGraph, loadBundle } from '../worker/pipelines/load.ts'
import { tryLoading } from '../worker/pipelines/load-trial.ts'
import type { ObjectSeams } from '../worker/pipelines/objects.ts'
import type { Pipelines, Resident } from '../worker/pipelines/pipelines.ts'
import { listSavepoints, removeSavepoint, verifySavepoint } from '../worker/pipelines/savepoints.ts'
import { readOn } from '../worker/settle.ts'
import type { Worker } from '../worker/worker.ts'
import { hasFailedElsewhere } from './asking.ts'
import { behindIn, ownBarrier } from './behind.ts'
import { type LeaveAnswer, modeOf, viewCluster, viewKeyGroups, whereIs } from './cluster-view.ts'
import { type Call, Reply, type Route } from './http.ts'
import { listLetters, showLetter } from './letters.ts'
import type { Metrics } from './metrics.ts'
import { applyRebalance, changeAcross, planRebalance } from './rebalance.ts'
import { countIn, parse, wholeNumber } from './request.ts'
import { integer, object, someText, text, texts, trueOrFalse } from './shape.ts'
import { queryState, waitIn } from './state-query.ts'
import { type Submitted, summarize, viewPipeline, viewStreams, type WorkerView } from './view.ts'

export interface RoutesSeams {
  readonly pipelines: Pipelines
  metrics(): Promise<Metrics>
  readonly limits: Limits
  readonly clock: Clock
  /** The one pipeline for which the worker is there, where it is there for one. */
  readonly alone?: string | null
  picture(): WorkerView
  nowMs(): number
}

const parameter = v.union([v.string(), v.number(), v.boolean()], 'is not a text, a number, true or false')

const submission = object({
  text,
  map: text,
  hash: text,
  parameters: v.optional(v.record(v.string(), parameter, 'is not an object'), {}),
  /** The name of a savepoint of the same pipeline. */
  from: v.nullish(text, null),
  /** Forget the state that is there. */
  fresh: v.optional(trueOrFalse, false),
  drop: v.optional(texts, []),
})

/** Letters by their ids, or all of them. */
const letterRequest = object({ ids: v.nullable(texts) })

const savepointRequest = object({ name: text })

const abandonRequest = object({ source: someText, producer: someText })

const rebalanceRequest = object({ moves: integer(1, 65_536), measureMs: v.nullable(integer(1, 60_000)) })

/** A worker by its name: the one that is to leave, or whose process a supervisor has seen end and not started again. */
const namedWorker = object({ worker: someText })

export function makeRoutes(seams: RoutesSeams): readonly Route[] {
  const { pipelines, metrics, limits, clock } = seams
  const find = ({ parts }: Call): Resident => pipelines.find(parts.pipeline!)
  const storage = (): ObjectSeams => ({ store: pipelines.worker.storage, clock, limits, hurried: true })
  return [
    { method: 'GET', path: '/healthz', right: 'none', handle: () => new Reply(200, 'text/plain', 'ok\n') },
    { method: 'GET', path: '/readyz', right: 'none', handle: () => readiness(pipelines) },
    {
      method: 'GET',
      path: '/metrics',
      right: 'read',
      handle: async () => {
        const measured = await metrics()
        return new Reply(200, measured.contentType, await measured.text())
      },
    },
    { method: 'GET', path: '/v1/worker', right: 'read', handle: () => seams.picture() },
    { method: 'GET', path: '/v1/cluster', right: 'read', handle: () => viewCluster(pipelines, seams.nowMs()) },
    { method: 'GET', path: '/v1/cluster/key-groups', right: 'read', handle: () => viewKeyGroups(pipelines.worker) },
    {
      method: 'GET',
      path: '/v1/cluster/keys/:key',
      right: 'read',
      handle: ({ parts }) => whereIs(pipelines, parts.key!),
    },
    { method: 'GET', path: '/v1/cluster/load', right: 'read', handle: () => pipelines.worker.load },
    {
      method: 'GET',
      path: '/v1/cluster/change',
      right: 'read',
      handle: ({ query }) => (query.has('own') ? pipelines.worker.change : changeAcross(seams)),
    },
    {
      method: 'GET',
      path: '/v1/cluster/rebalance',
      right: 'read',
      handle: async ({ query }) => {
        const asked = { moves: countIn(query, 'moves', 0), measureMs: countIn(query, 'measureMs', 0) || null }
        return (await planRebalance(seams, parse(rebalanceRequest, asked))).view
      },
    },
    {
      method: 'POST',
      path: '/v1/cluster/rebalance',
      right: 'admin',
      handle: ({ body }) => applyRebalance(seams, parse(rebalanceRequest, body)),
    },
    {
      method: 'POST',
      path: '/v1/cluster/leave',
      right: 'admin',
      handle: ({ body }) => leave(pipelines.worker, parse(namedWorker, body).worker),
    },
    {
      method: 'POST',
      path: '/v1/cluster/exited',
      right: 'admin',
      handle: ({ body }) => pipelines.worker.exited(parse(namedWorker, body).worker),
    },
    { method: 'GET', path: '/v1/pipelines', right: 'read', handle: () => seams.picture().pipelines },
    { method: 'POST', path: '/v1/pipelines', right: 'admin', handle: ({ body }) => submit(seams, body) },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline',
      right: 'read',
      handle: (call) => viewPipeline(find(call), seams.nowMs()),
    },
    {
      method: 'POST',
      path: '/v1/pipelines/:pipeline/drain',
      right: 'admin',
      handle: async ({ parts }) => summarize(await pipelines.drain(parts.pipeline!)),
    },
    {
      method: 'POST',
      path: '/v1/pipelines/:pipeline/cancel',
      right: 'admin',
      handle: ({ parts }) => pipelines.cancel(parts.pipeline!),
    },
    {
      method: 'POST',
      path: '/v1/pipelines/:pipeline/checkpoint',
      right: 'admin',
      handle: async ({ parts }) => ({ epoch: await pipelines.checkpoint(parts.pipeline!) }),
    },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline/checkpoints',
      right: 'read',
      handle: (call) => listCheckpoints(storage(), checkpointed(seams, call)),
    },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline/checkpoints/:epoch',
      right: 'read',
      handle: (call) => openCheckpoint(storage(), checkpointed(seams, call), epochIn(call)),
    },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline/checkpoints/:epoch/objects/:object',
      right: 'read',
      handle: (call) =>
        verifyOne(
          storage(),
          checkpointed(seams, call),
          epochIn(call) ?? 0,
          wholeNumber('the object', call.parts.object!),
        ),
    },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline/savepoints',
      right: 'read',
      handle: ({ parts }) => listSavepoints(storage(), parts.pipeline!),
    },
    {
      method: 'POST',
      path: '/v1/pipelines/:pipeline/savepoints',
      right: 'admin',
      handle: async ({ parts, body }) => {
        const { name } = parse(savepointRequest, body)
        return { name, epoch: await pipelines.savepoint(parts.pipeline!, name) }
      },
    },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline/savepoints/:savepoint',
      right: 'read',
      handle: ({ parts }) => verifySavepoint(storage(), parts.pipeline!, parts.savepoint!),
    },
    {
      method: 'DELETE',
      path: '/v1/pipelines/:pipeline/savepoints/:savepoint',
      right: 'admin',
      handle: ({ parts }) => removeSavepoint(storage(), pipelines.worker, parts.pipeline!, parts.savepoint!),
    },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline/streams',
      right: 'read',
      handle: (call) => viewStreams(find(call)),
    },
    {
      method: 'POST',
      path: '/v1/pipelines/:pipeline/streams/abandon',
      right: 'admin',
      handle: ({ parts, body }) => {
        const { source, producer } = parse(abandonRequest, body)
        return pipelines.abandonStream(parts.pipeline!, source, producer)
      },
    },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline/dead-letters',
      right: 'read',
      handle: (call) => listLetters(seams, call),
    },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline/dead-letters/:id',
      right: 'read',
      handle: (call) => showLetter(seams, call),
    },
    {
      method: 'POST',
      path: '/v1/pipelines/:pipeline/dead-letters/replay',
      right: 'admin',
      handle: ({ parts, body }) => pipelines.replay(parts.pipeline!, parse(letterRequest, body).ids),
    },
    {
      method: 'POST',
      path: '/v1/pipelines/:pipeline/dead-letters/purge',
      right: 'admin',
      handle: async ({ parts, body }) => ({
        purged: await pipelines.purge(parts.pipeline!, parse(letterRequest, body).ids),
      }),
    },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline/behind',
      right: 'read',
      handle: ({ parts, query }) => ownBarrier(seams, parts.pipeline!, behindIn(query), waitIn(query, 'ms', limits)),
    },
    {
      method: 'GET',
      path: '/v1/pipelines/:pipeline/state/:step',
      right: 'read',
      handle: (call) => queryState(seams, call),
    },
  ]
}

/** What the chain says of the pipeline, also where it cannot run. */
function checkpointed({ pipelines: { worker }, clock, limits }: RoutesSeams, { parts }: Call): Checkpointed {
  const name = parts.pipeline!
  const entry = worker.cluster.pipelines.get(name)
  if (entry === undefined) throw fail('E_NO_PIPELINE', { pipeline: name, known: 'the chain does not name it' })
  const latest = async () => {
    await readOn(worker, clock, limits.storeTimeoutMs)
    return worker.cluster.pipelines.get(name)
  }
  return { name, entry, latest }
}

/** `null`: the newest. */
function epochIn({ parts }: Call): number | null {
  return parts.epoch === 'latest' ? null : wholeNumber('the epoch', parts.epoch!)
}

/** Whoever is asked in the place of another worker does not leave for it. */
function leave(worker: Worker, named: string): Promise<LeaveAnswer> {
  if (named !== worker.name) throw fail('E_OTHER_WORKERS', { worker: named, known: worker.name })
  worker.leave()
  return new Promise((resolve) => worker.leaving.askWaitsFor((waitsFor) => resolve({ waitsFor })))
}

/** Ready is a member of its cluster that works, and whose pipelines all run. */
function readiness(pipelines: Pipelines): Reply {
  const { residents } = pipelines.worker
  const mode = modeOf(pipelines.worker)
  if (mode !== 'normal' && mode !== 'rescaling') return new Reply(503, 'text/plain', `worker ${mode}\n`)
  const { stopped } = residents
  if (stopped !== null) return new Reply(503, 'text/plain', `${stopped}\n`)
  const { late } = residents
  if (late.size === 0) return new Reply(200, 'text/plain', 'ready\n')
  return new Reply(503, 'text/plain', Array.from(late, ([name, phase]) => `${name} ${phase}\n`).join(''))
}

async function submit(seams: RoutesSeams, body: unknown): Promise<Submitted> {
  const { pipelines, limits, alone = null } = seams
  const { text, map, hash, parameters: given, from, fresh, drop } = parse(submission, body)
  const { loadTimeoutMs } = limits
  await tryLoading({ text, map, hash, parameters: given, limits: { loadTimeoutMs } })
  const pipeline = await loadBundle(text, map, hash, limits)
  if (alone !== null && pipeline.name !== alone) throw fail('E_RUNS_ANOTHER', { pipeline: pipeline.name, alone })
  const { parameters } = buildGraph(pipeline, given, limits)
  const again = await hasFailedElsewhere(seams, pipeline.name)
  let warnings: readonly PotorooError[] = []
  const onFit = (found: readonly PotorooError[]): void => {
    warnings = found
  }
  const options = { savepoint: from, fresh, drop, again, onFit }
  const resident = await pipelines.submit(pipeline, { text, map, hash }, parameters, options)
  const shown = warnings.map(({ code, message, remedy, details }) => ({ code, message, remedy, details }))
  return { ...summarize(resident), warnings: shown }
}
