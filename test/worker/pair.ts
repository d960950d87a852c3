/** Two workers of a cluster in this process, on real sockets and a folder that both reach. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PotorooError } from '../../src/base/errors.ts'
import { defaultLimits, type Limits, makeLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import { Pipelines, type Resident, type SubmitOptions } from '../../src/worker/pipelines/pipelines.ts'

/** Four epochs have taken 14 s where thirty processes wanted two processors. */
const pairLimits: Partial<Limits> = {
  ...{ keyGroups: 16, checkpointIntervalMs: 100, checkpointTimeoutMs: 5000 },
  // Both beat in the loop of this process: where the machine is busy, neither may take the other for dead.
  ...{ beatMs: 100, beatSilenceMs: 3000, heartbeatMs: 50, settleMs: 1300, suspectMs: 1500, deadMs: 3000 },
}

export class Pair {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'potoroo-pair-'))
  readonly all: Pipelines[] = []
  readonly failed: string[] = []
  private readonly limits: Limits

  constructor(limits: Partial<Limits> = {}) {
    this.limits = makeLimits({ ...pairLimits, ...limits })
  }

  async open(): Promise<void> {
    for (const worker of ['a', 'b']) {
      const data = `${this.folder}/${worker}`
      mkdirSync(data)
      const output = { write: (_: Uint8Array, done: (error: null) => void) => setImmediate(done, null) }
      const cluster = {
        ...{ name: 'pair', token: 'secret', store: `${this.folder}/store`, expected: 2 },
        listen: { host: '127.0.0.1', port: 0 },
      }
      const note = (pipeline: string, { code }: PotorooError) => this.failed.push(`${worker} ${pipeline} ${code}`)
      const ignore = () => {}
      this.all.push(
        new Pipelines(
          realEnv({ log: { level: 'silent' } }),
          { worker, data, limits: this.limits, output, acceptLoss: false, cluster },
          {
            ...{ running: ignore, listening: ignore, ended: ignore, warned: ignore },
            failed: ({ name }, error) => note(name, error),
            unloaded: note,
            lost: (error) => note('all', error),
          },
        ),
      )
    }
    await Promise.all(this.all.map((pipelines) => pipelines.open()))
  }

  async close(): Promise<void> {
    for (const pipelines of this.all) await pipelines.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  get a(): Pipelines {
    return this.all[0]!
  }

  get b(): Pipelines {
    return this.all[1]!
  }

  /** Submits to `to` the pipeline `name`, which counts numbers by key and multiplies them by `factor`. */
  async submit(
    to: Pipelines,
    name: string,
    factor: number,
    { step = 'sum', ...options }: SubmitOptions & { readonly step?: string } = {},
  ): Promise<Resident> {
    const file = `${this.folder}/${name}${factor}.ts`
    writeFileSync(
      file,
      `import { generatorSource, nullSink, pipeline } from 'potoroo'
export default pipeline('${name}', (p) => {
  p.source('in', generatorSource({ value: (n) => n, rate: 2000, splits: 2 }))
    .keyBy('by', (n) => n % 50)
    .mapWithState('${step}', { init: () => ({ sum: 0, factor: 0 }), step: (state, n: number) => { state.sum += n; state.factor = ${factor} } })
    .sink('nowhere', nullSink())
})`,
    )
    const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
    return to.submit(pipeline, bundle, {}, options)
  }

  /** What stands for `name` on both: phases, and the epoch where they agree. */
  phases(name: string): string {
    return this.all.map((one) => one.residents.get(name)?.phase ?? 'none').join(' ')
  }

  hashes(name: string): ReadonlySet<string | undefined> {
    return new Set(this.all.map((one) => one.residents.get(name)?.hash))
  }
}
