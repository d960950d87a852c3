/** Opens the control API of a worker and leaves `control.json` for the commands that look for it. */
import { resolve } from 'node:path'
import type { Limits } from '../base/limits.ts'
import type { Env } from '../env/env.ts'
import type { Pipelines } from '../worker/pipelines/pipelines.ts'
import { removeControlFile, writeControlFile } from './control-file.ts'
import { ControlServer } from './http.ts'
import { LoopDelay } from './loop-delay.ts'
import type { Metrics } from './metrics.ts'
import { resources } from './resources.ts'
import { makeRoutes } from './routes.ts'
import { openTokens } from './tokens.ts'
import { viewWorker } from './view.ts'

export interface ControlOptions {
  readonly env: Env
  readonly pipelines: Pipelines
  readonly limits: Limits
  /** The data folder, which is open. */
  readonly data: string
  /** The store of its cluster, `null` for a worker alone. */
  readonly store?: string | null
  /** The one pipeline for which the worker is there; `null`, as without it: it takes any. */
  readonly alone?: string | null
  readonly host: string
  readonly port: number
}

export interface Control {
  readonly address: string
  close(): Promise<void>
}

/** Resolves when it listens. Rejects with `E_PORT_IN_USE`, `E_LISTEN` or `E_FILE`. */
export async function openControl(options: ControlOptions): Promise<Control> {
  const { env, pipelines, limits, data, store = null, alone = null, host, port } = options
  const { clock, log } = env
  const startedMs = clock.monotonic()
  const upSeconds = () => Math.round((clock.monotonic() - startedMs) / 1000)
  const picture = () => viewWorker(pipelines, upSeconds(), process.pid, resources())
  const nowMs = () => clock.now()
  const delay = new LoopDelay()
  // Read only when somebody asks for it, so that no start waits for the library behind it.
  let measured: Promise<Metrics> | null = null
  const metrics = (): Promise<Metrics> => {
    measured ??= import('./metrics.ts').then(({ Metrics }) => new Metrics(pipelines, nowMs, picture, delay))
    return measured
  }
  const tokens = openTokens(data)
  const routes = makeRoutes({ pipelines, metrics, limits, clock, alone, picture, nowMs })
  const server = new ControlServer({
    ...{ host, port, limits, tokens, routes },
    onBug: (error) => log.error('control.bug', { error: error instanceof Error ? (error.stack ?? '') : String(error) }),
  })
  pipelines.worker.questions.answer = (path, done) => void server.show(path).then(done)
  await server.listen()
  const { address } = server
  const { name: worker, incarnation } = pipelines.worker
  // Who reads it may stand elsewhere.
  const [adminToken, readToken] = [resolve(tokens.files.admin), resolve(tokens.files.read)]
  const shared = store === null ? null : resolve(store)
  writeControlFile(data, { address, pid: process.pid, worker, incarnation, store: shared, adminToken, readToken })
  return {
    address,
    async close() {
      removeControlFile(data)
      delay.close()
      await server.close()
    },
  }
}
