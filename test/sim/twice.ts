/**
 * Z1 for whole systems and clusters: a run is a function of its seed. Two processes run the same seeds, one of them
 * from the last to the first, so that neither what a process has run before nor its own memory may have a part in it.
 *
 * It is also what such a process runs: given seeds, it answers with the fingerprints of their runs.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Runs, runnerOf } from './runs.ts'

/** The seed, and what its world has done; a seed that is passed over has none. */
type Fingerprint = readonly [seed: number, fingerprint: string | null]

/** The seeds among `seeds` whose runs differ. */
export async function differing(what: Runs, seeds: readonly number[]): Promise<readonly number[]> {
  const [there, back] = await Promise.all([elsewhere(what, seeds), elsewhere(what, seeds.toReversed())])
  return seeds.filter((seed) => there.get(seed) !== back.get(seed))
}

function elsewhere(what: Runs, seeds: readonly number[]): Promise<ReadonlyMap<number, string | null>> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(what)], { stdio: ['ignore', 2, 'inherit', 'ipc'] })
  return new Promise((done, fell) => {
    let found: readonly Fingerprint[] = []
    child.on('message', (fingerprints: readonly Fingerprint[]) => {
      found = fingerprints
      child.disconnect()
    })
    child.on('exit', (status) =>
      status === 0 ? done(new Map(found)) : fell(new Error(`a process of seeds ended with ${status}`)),
    )
    child.send(seeds)
  })
}

if (import.meta.main) {
  const run = await runnerOf(JSON.parse(process.argv[2]!) as Runs)
  Error.stackTraceLimit = 0
  process.on('message', async (seeds: readonly number[]) => {
    const fingerprints: Fingerprint[] = []
    for (const seed of seeds) fingerprints.push([seed, (await run(seed))?.fingerprint ?? null])
    process.send!(fingerprints)
  })
}
