/**
 * Several workers of one cluster in this process, each with its control API, on real sockets and a folder that all
 * reach.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Control, openControl } from '../../src/admin/control.ts'
import { defaultLimits, type Limits, makeLimits } from '../../src/base/limits.ts'
import { type ControlClient, findWorker } from '../../src/cli/control-client.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { type LoadedPipeline, loadPipeline } from '../../src/worker/loading/load.ts'
import { Pipelines } from '../../src/worker/pipelines/pipelines.ts'

const brisk = {
  ...{ keyGroups: 16, checkpointTimeoutMs: 2_000_000 },
  ...{ beatMs: 100, beatSilenceMs: 1000, heartbeatMs: 50, settleMs: 1300, suspectMs: 500, deadMs: 1000 },
}

interface Guest {
  readonly name: string
  readonly pipelines: Pipelines
  readonly control: Control
  readonly api: ControlClient
  gone: boolean
}

export class Party {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'potoroo-party-'))
  readonly guests: Guest[] = []
  private readonly limits: Limits

  constructor(limits: Partial<Limits> = {}) {
    this.limits = makeLimits({ ...brisk, ...limits })
    onTestFinished(async () => {
      await Promise.all(this.there.map((guest) => this.end(guest)))
      rmSync(this.folder, { recursive: true, force: true })
    })
  }

  async open(size: number): Promise<this> {
    const names = ['w1', 'w2', 'w3', 'w4'].slice(0, size)
    this.guests.push(...(await Promise.all(names.map((name) => this.invite(name, size)))))
    return this
  }

  /** `followed` hears when the worker has read the chain, before it takes part in anything. */
  async invite(name: string, expected: number, followed = (_: Pipelines): void => {}): Promise<Guest> {
    const { folder, limits } = this
    const data = `${folder}/${name}`
    mkdirSync(data)
    const env = realEnv({ log: { level: 'silent' } })
    const output = { write: (_: Uint8Array, done: (error: null) => void) => setImmediate(done, null) }
    const cluster = {
      ...{ name: 'party', token: 'a secret of a party', store: `${folder}/store`, expected },
      ...{ journals: `${folder}/journals`, listen: { host: '127.0.0.1', port: 0 } },
    }
    const ignore = () => {}
    const pipelines = new Pipelines(
      env,
      { worker: name, data, limits, output, acceptLoss: false, cluster, sharePorts: true },
      { running: ignore, listening: ignore, ended: ignore, warned: ignore, failed: ignore, lost: ignore },
    )
    await pipelines.follow()
    followed(pipelines)
    const { store } = cluster
    const control = await openControl({ env, pipelines, limits, data, store, host: '127.0.0.1', port: 0 })
    await pipelines.seated()
    return { name, pipelines, control, api: await findWorker({ data }), gone: false }
  }

  get there(): readonly Guest[] {
    return this.guests.filter(({ gone }) => !gone)
  }

  guest(name: string): Guest {
    return this.guests.find((one) => one.name === name)!
  }

  /** The worker is gone from one moment to the next, as far as the others can tell. */
  async end(guest: Guest): Promise<void> {
    guest.gone = true
    await new Promise<void>((resolve) => guest.pipelines.worker.close(resolve))
    await guest.control.close()
  }

  /** The pipeline `name`, whose graph `body` builds. */
  load(name: string, body: string): Promise<LoadedPipeline> {
    const file = `${this.folder}/${name}.ts`
    writeFileSync(file, `import * as p8 from 'potoroo'\nexport default p8.pipeline('${name}', (p) => {\n${body}\n})`)
    return loadPipeline(file, defaultLimits)
  }

  /** Submits the pipeline `name` and waits until it runs on all. */
  async submit(name: string, body: string): Promise<void> {
    const { bundle, pipeline } = await this.load(name, body)
    const wanted = (await this.there[0]!.pipelines.submit(pipeline, bundle)).hash
    const up = () =>
      this.there.every(({ pipelines }) => {
        const resident = pipelines.residents.get(name)
        if (resident?.phase === 'failed') throw resident.error
        return resident?.phase === 'running' && resident.hash === wanted
      })
    while (!up()) await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
