/** `potoroo run FILE`: one embedded worker with one pipeline, in the foreground. */
import { makeLimits } from '../base/limits.ts'
import { realEnv } from '../env/real/env.ts'
import { RealOutput } from '../env/real/output.ts'
import { plan } from '../model/planner.ts'
import { buildGraph, loadPipeline } from '../worker/load.ts'
import { Worker } from '../worker/worker.ts'

export async function run(file: string): Promise<void> {
  const limits = makeLimits()
  const { bundle, pipeline } = await loadPipeline(file)
  const planned = plan(buildGraph(pipeline))
  const env = realEnv({})
  const worker = new Worker(
    env,
    { worker: 'w1', data: `.potoroo/${pipeline.name}`, limits, output: new RealOutput(), acceptLoss: false },
    {
      failed: (error) => {
        process.stderr.write(`${error.message}\n`)
        process.exit(1)
      },
      listening: (_pipeline, step, address) => process.stderr.write(`${step} listens on ${address}\n`),
    },
  )
  worker.open((error) => {
    if (error) throw error
    worker.submit(pipeline.name, bundle, {}, null, (error) => {
      if (error) throw error
      worker.run(planned, {
        running: (base) => process.stderr.write(`running from ${base?.epoch ?? 'nothing'}\n`),
        ended: () => process.stderr.write('ended\n'),
        failed: (error) => {
          process.stderr.write(`failed ${error.message}\n`)
          process.exit(1)
        },
        warned: (error) => process.stderr.write(`warned ${error.message}\n`),
        letter: (failure) => process.stderr.write(`letter ${failure.step} ${failure.error}\n`),
      })
    })
  })
}
await run(process.argv[2]!)
