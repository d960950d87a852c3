/** The control API: what may be asked of a worker, by whom, and who does it. docs/reference.md lists it. */
import * as v from 'valibot'
import { fail } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Clock } from '../env/clock.ts'
import { type Checkpointed, listCheckpoints, openCheckpoint, verifyOne } from '../worker/pipelines/checkpoints.ts'
import type { ObjectSeams } from '../worker/pipelines/objects.ts'
import type { Pipelines } from '../worker/pipelines/pipelines.ts'
import { listSavepoints, removeSavepoint, verifySavepoint } from '../worker/pipelines/savepoints.ts'
import { readOn } from '../worker/settle.ts'
import type { Worker } from '../worker/worker.ts'
import { behindIn, ownBarrier } from './behind.ts'
import { type LeaveAnswer, modeOf, viewCluster, viewKeyGroups, whereIs } from './cluster-view.ts'
import { type Call, type NamesIn, Reply, type Route } from './http.ts'
import { listLetters, showLetter } from './letters.ts'
import type { Metrics } from './metrics.ts'
import { applyRebalance, changeAcross, planRebalance } from './rebalance.ts'
import { countIn, parse, wholeNumber } from './request.ts'
import { integer, object, someText, text, texts } from './shape.ts'
import { queryState, waitIn } from './state-query.ts'
import { pageOfStreams } from './streams.ts'
import { submit } from './submit.ts'
import { summarize, viewPipeline, type WorkerView } from './view.ts'

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

/** Letters by their ids, or all of them. */
const letterRequest = object({ ids: v.nullable(texts) })

const savepointRequest = object({ name: text })

const abandonRequest = object({ source: someText, producer: someText })

const rebalanceRequest = object({ moves: integer(1, 65_536), measureMs: v.nullable(integer(1, 60_000)) })

/** A worker by its name: the one that is to leave, or whose process a supervisor has seen end and not started again. */
const namedWorker = object({ worker: someText })

type Handler<Path extends string> = (call: Call<NamesIn<Path>>) => unknown

/** What those may ask who may look. */
function get<P extends string>(path: P, handle: Handler<P>, right: Route['right'] = 'read'): Route {
  return { method: 'GET', path, right, handle }
}

/** What changes something. */
function post<P extends string>(path: P, handle: Handler<P>): Route {
  return { method: 'POST', path, right: 'admin', handle }
}

function remove<P extends string>(path: P, handle: Handler<P>): Route {
  return { method: 'DELETE', path, right: 'admin', handle }
}

export function makeRoutes(seams: RoutesSeams): readonly Route[] {
  return [
    ...ofProcess(seams),
    ...ofCluster(seams),
    ...ofPipelines(seams),
    ...ofCheckpoints(seams),
    ...ofSavepoints(seams),
    ...ofStreams(seams),
    ...ofLetters(seams),
    ...ofState(seams),
  ]
}

function ofProcess({ pipelines, metrics, picture }: RoutesSeams): readonly Route[] {
  return [
    get('/healthz', () => new Reply(200, 'text/plain', 'ok\n'), 'none'),
    get('/readyz', () => readiness(pipelines), 'none'),
    get('/metrics', async () => {
      const measured = await metrics()
      return new Reply(200, measured.contentType, await measured.text())
    }),
    get('/v1/worker', () => picture()),
  ]
}

function ofCluster(seams: RoutesSeams): readonly Route[] {
  const { pipelines, nowMs } = seams
  const worker = (): Worker => pipelines.worker
  return [
    get('/v1/cluster', () => viewCluster(pipelines, nowMs())),
    get('/v1/cluster/key-groups', () => viewKeyGroups(worker())),
    get('/v1/cluster/keys/:key', ({ parts }) => whereIs(pipelines, parts.key)),
    get('/v1/cluster/load', () => worker().load),
    get('/v1/cluster/change', ({ query }) => (query.has('own') ? worker().status.change : changeAcross(seams))),
    get('/v1/cluster/rebalance', async ({ query }) => {
      const asked = { moves: countIn(query, 'moves', 0), measureMs: countIn(query, 'measureMs', 0) || null }
      return (await planRebalance(seams, parse(rebalanceRequest, asked))).view
    }),
    post('/v1/cluster/rebalance', ({ body }) => applyRebalance(seams, parse(rebalanceRequest, body))),
    post('/v1/cluster/leave', ({ body }) => leave(worker(), parse(namedWorker, body).worker)),
    post('/v1/cluster/exited', ({ body }) => worker().exited(parse(namedWorker, body).worker)),
  ]
}

function ofPipelines(seams: RoutesSeams): readonly Route[] {
  const { pipelines, picture, nowMs } = seams
  return [
    get('/v1/pipelines', () => picture().pipelines),
    post('/v1/pipelines', ({ body }) => submit(seams, body)),
    get('/v1/pipelines/:pipeline', ({ parts }) => viewPipeline(pipelines.find(parts.pipeline), nowMs())),
    post('/v1/pipelines/:pipeline/drain', async ({ parts }) => summarize(await pipelines.drain(parts.pipeline))),
    post('/v1/pipelines/:pipeline/cancel', ({ parts }) => pipelines.cancel(parts.pipeline)),
  ]
}

function ofCheckpoints(seams: RoutesSeams): readonly Route[] {
  const { pipelines } = seams
  return [
    post('/v1/pipelines/:pipeline/checkpoint', async ({ parts }) => ({
      epoch: await pipelines.checkpoint(parts.pipeline),
    })),
    get('/v1/pipelines/:pipeline/checkpoints', (call) => listCheckpoints(storageOf(seams), checkpointed(seams, call))),
    get('/v1/pipelines/:pipeline/checkpoints/:epoch', (call) =>
      openCheckpoint(storageOf(seams), checkpointed(seams, call), epochIn(call)),
    ),
    get('/v1/pipelines/:pipeline/checkpoints/:epoch/objects/:object', (call) => {
      const object = wholeNumber('the object', call.parts.object)
      return verifyOne(storageOf(seams), checkpointed(seams, call), epochIn(call) ?? 0, object)
    }),
  ]
}

function ofSavepoints(seams: RoutesSeams): readonly Route[] {
  const { pipelines } = seams
  return [
    get('/v1/pipelines/:pipeline/savepoints', ({ parts }) => listSavepoints(storageOf(seams), parts.pipeline)),
    post('/v1/pipelines/:pipeline/savepoints', async ({ parts, body }) => {
      const { name } = parse(savepointRequest, body)
      return { name, epoch: await pipelines.savepoint(parts.pipeline, name) }
    }),
    get('/v1/pipelines/:pipeline/savepoints/:savepoint', ({ parts }) =>
      verifySavepoint(storageOf(seams), parts.pipeline, parts.savepoint),
    ),
    remove('/v1/pipelines/:pipeline/savepoints/:savepoint', ({ parts }) =>
      removeSavepoint(storageOf(seams), pipelines.worker, parts.pipeline, parts.savepoint),
    ),
  ]
}

function ofStreams({ pipelines, limits }: RoutesSeams): readonly Route[] {
  return [
    get('/v1/pipelines/:pipeline/streams', ({ parts, query }) => {
      const limit = countIn(query, 'limit', limits.queryKeys, limits.queryKeys)
      return pageOfStreams(pipelines.find(parts.pipeline), countIn(query, 'from', 0), limit)
    }),
    post('/v1/pipelines/:pipeline/streams/abandon', ({ parts, body }) => {
      const { source, producer } = parse(abandonRequest, body)
      return pipelines.abandonStream(parts.pipeline, source, producer)
    }),
  ]
}

function ofLetters(seams: RoutesSeams): readonly Route[] {
  const { pipelines } = seams
  return [
    get('/v1/pipelines/:pipeline/dead-letters', (call) => listLetters(seams, call)),
    get('/v1/pipelines/:pipeline/dead-letters/:id', (call) => showLetter(seams, call)),
    post('/v1/pipelines/:pipeline/dead-letters/replay', ({ parts, body }) =>
      pipelines.replay(parts.pipeline, parse(letterRequest, body).ids),
    ),
    post('/v1/pipelines/:pipeline/dead-letters/purge', async ({ parts, body }) => ({
      purged: await pipelines.purge(parts.pipeline, parse(letterRequest, body).ids),
    })),
  ]
}

function ofState(seams: RoutesSeams): readonly Route[] {
  return [
    get('/v1/pipelines/:pipeline/behind', ({ parts, query }) =>
      ownBarrier(seams, parts.pipeline, behindIn(query), waitIn(query, 'ms', seams.limits)),
    ),
    get('/v1/pipelines/:pipeline/state/:step', (call) => queryState(seams, call)),
  ]
}

function storageOf({ pipelines, clock, limits }: RoutesSeams): ObjectSeams {
  return { store: pipelines.worker.storage, clock, limits, hurried: true }
}

/** What the chain says of the pipeline, also where it cannot run. */
function checkpointed(
  { pipelines: { worker }, clock, limits }: RoutesSeams,
  { parts }: Call<'pipeline'>,
): Checkpointed {
  const name = parts.pipeline
  const entry = worker.cluster.pipelines.get(name)
  if (entry === undefined) throw fail('E_NO_PIPELINE', { pipeline: name, known: 'the chain does not name it' })
  const latest = async () => {
    await readOn(worker, clock, limits.storeTimeoutMs)
    return worker.cluster.pipelines.get(name)
  }
  return { name, entry, latest }
}

/** `null`: the newest. */
function epochIn({ parts }: Call<'epoch'>): number | null {
  return parts.epoch === 'latest' ? null : wholeNumber('the epoch', parts.epoch)
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
  const mode = modeOf(pipelines.worker.status)
  if (mode !== 'normal' && mode !== 'rescaling') return new Reply(503, 'text/plain', `worker ${mode}\n`)
  const { stopped } = residents
  if (stopped !== null) return new Reply(503, 'text/plain', `${stopped}\n`)
  const { late } = residents
  if (late.size === 0) return new Reply(200, 'text/plain', 'ready\n')
  return new Reply(503, 'text/plain', Array.from(late, ([name, phase]) => `${name} ${phase}\n`).join(''))
}
