/** Workers with several pipelines, on the real disk, in this process: each test has a folder of its own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { PotorooError } from '../../src/base/errors.ts'
import { defaultLimits, type Limits, makeLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { RealOutput } from '../../src/env/real/output.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import { Pipelines, type Resident, type SubmitOptions } from '../../src/worker/pipelines/pipelines.ts'

export class Workshop {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'potoroo-workshop-'))
  /** What the workers have told their operator. */
  readonly failed: PotorooError[] = []
  readonly warned: string[] = []
  /** Somebody has drained or cancelled a pipeline. */
  over: () => void = () => {}
  private readonly open = new Set<Pipelines>()

  constructor() {
    onTestFinished(async () => {
      for (const pipelines of this.open) await this.stop(pipelines)
      rmSync(this.folder, { recursive: true, force: true })
    })
  }

  async start(changes: Partial<Limits>, acceptLoss = false): Promise<Pipelines> {
    const pipelines = this.make(changes, acceptLoss)
    try {
      await pipelines.open()
    } catch (error) {
      await this.stop(pipelines)
      throw error
    }
    return pipelines
  }

  /** A worker that is still to open. */
  make(changes: Partial<Limits>, acceptLoss = false): Pipelines {
    const { folder, failed, warned } = this
    const limits = makeLimits({ keyGroups: 16, ...changes })
    const options = { worker: 'w1', data: `${folder}/data`, limits, output: new RealOutput(), acceptLoss }
    const pipelines = new Pipelines(realEnv({ log: { level: 'silent' } }), options, {
      running: () => {},
      listening: () => {},
      ended: () => {},
      failed: (_, error) => failed.push(error),
      warned: (_, error) => warned.push(error.code),
      lost: (error) => failed.push(error),
      over: () => this.over(),
    })
    this.open.add(pipelines)
    return pipelines
  }

  /** Ends a worker in the middle: without a last checkpoint. */
  async stop(pipelines: Pipelines): Promise<void> {
    this.open.delete(pipelines)
    await new Promise<void>((resolve) => pipelines.worker.close(resolve))
  }

  /** Submits the pipeline `name` that sums the numbers of `source` in step `sum`; `rest` gives them keys. */
  async submit(pipelines: Pipelines, name: string, source: string, rest: string): Promise<Resident> {
    const file = `${this.folder}/${name}.ts`
    const text = `import { generatorSource, nullSink, pipeline, tcpSource } from 'potoroo'
export default pipeline('${name}', (p) => {
  p.source('in', ${source})${rest}
    .mapWithState('sum', { init: () => ({ sum: 0 }), step: (state, n: number) => { state.sum += n } })
    .sink('nowhere', nullSink())
})`
    writeFileSync(file, text)
    const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
    return pipelines.submit(pipeline, bundle)
  }

  /** Submits the pipeline `lines`, which has `steps` between its source and its sink, and waits until it runs. */
  async runLines(pipelines: Pipelines, steps: string, options: SubmitOptions = {}): Promise<Resident> {
    const text = `import { nullSink, pipeline, tcpSource } from 'potoroo'
export default pipeline('lines', (p) => {
  p.source('in', tcpSource({ port: 0 }))${steps}.sink('out', nullSink())
})`
    return this.runText(pipelines, text, options)
  }

  /** Submits the pipeline file `text`, and waits until it runs. */
  async runText(pipelines: Pipelines, text: string, options: SubmitOptions = {}): Promise<Resident> {
    const file = `${this.folder}/lines.ts`
    writeFileSync(file, text)
    const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
    const resident = await pipelines.submit(pipeline, bundle, {}, options)
    await expect.poll(() => resident.phase).toBe('running')
    return resident
  }
}

/** Numbers of the complete epochs of a pipeline, from its floor on. */
export function epochsOf(pipelines: Pipelines, name: string): readonly number[] {
  return pipelines.worker.cluster.pipelines.get(name)!.epochs.map(({ epoch }) => epoch)
}

/** Sends 100 lines to the source and waits until all have entered the pipeline. */
export async function sendLines(resident: Resident, text: string): Promise<void> {
  await expect.poll(() => resident.addresses.get('in')).toBeDefined()
  const before = resident.execution.status.sources[0]!.records
  const [host, port] = resident.addresses.get('in')!.split(':')
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), host, () => socket.end(text))
    socket.resume().on('close', () => resolve())
  })
  await expect.poll(() => resident.execution.status.sources[0]!.records).toBe(before + 100)
  await expect.poll(() => resident.execution.tookAll('in')).toBe(true)
}
