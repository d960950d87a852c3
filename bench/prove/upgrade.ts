/**
 * A pipeline is replaced by a changed one on a cluster of three, again and again under load, at times while a worker is
 * killed: exact, in order per key, and no producer refused.
 *
 * Each program has a step more than the first, under another name than the one before. All sources stay with their
 * streams, all keyed steps with their state.
 *
 * Not proved here: programs whose state has another shape (`schema`), or that do not fit.
 *
 * Seen failing with each of its mutants: `npm run prove -- upgrade --mutants`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { PipelineSummary } from '../../src/admin/view.ts'
import { PIPELINE } from './lib/ground.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { gainedNotRead, killMutants } from './lib/mutants.ts'
import { Stand } from './lib/stand.ts'

const SIZE = 3
const LIFE_MS = 1000
/** In one round of so many a worker dies meanwhile, so long after the request at most. */
const KILL = 3
const KILL_MS = 500

const mutants = [gainedNotRead, ...killMutants.filter(({ name }) => name === 'deltas-not-restored')]

const proof: Proof = {
  ...{ name: 'upgrade', mutants, rounds: 30, mutantRounds: 8 },
  run,
}

async function run(given: Run): Promise<string> {
  const stand = await Stand.open(given, { size: SIZE })
  const { cluster, chance, tally } = stand
  const { rounds, folder } = given
  const [asked] = cluster.names
  const program = async (): Promise<string> => {
    const worker = await cluster.control(asked!)
    return (await worker.get<PipelineSummary>('/v1/pipelines/tally')).hash
  }
  let kills = 0
  for (let round = 1; round <= rounds; round++) {
    await stand.work(chance.below(LIFE_MS))
    const before = await program()
    const file = `${folder}/tally-${round}.ts`
    writeFileSync(file, changed(round))
    const from = performance.now()
    const submitted = stand.submit(file)
    const [victim] = chance.below(KILL) === 0 ? chance.shuffled(cluster.names.filter((name) => name !== asked)) : []
    if (victim !== undefined) {
      await stand.work(chance.below(KILL_MS))
      await cluster.stop(victim, 'SIGKILL')
      await cluster.start(victim)
      kills++
    }
    await submitted
    await stand.recovered()
    if ((await program()) === before) throw new Error(`round ${round}: what ran before runs still`)
    const tookMs = Math.round(performance.now() - from)
    const what = victim === undefined ? '' : `, ${victim} killed meanwhile`
    say(`round ${round} of ${rounds}: goes on after ${tookMs} ms${what}, ${tally.records} records`)
    if (victim !== undefined) await cluster.settlesAs(SIZE, cluster.names)
  }
  return `${rounds} programs, ${kills} kills, ${await stand.settle()}`
}

/** The pipeline of all proofs, with a step that is named after `round`. */
function changed(round: number): string {
  const text = readFileSync(PIPELINE, 'utf8')
  const step = ".map('parse', parse)"
  if (!text.includes(step)) throw new Error(`${PIPELINE} has no ${step}`)
  return text.replace(step, `${step}.filter('version-${round}', () => true)`)
}

await prove(proof)
