/**
 * An answer of several workers says what it covers, and never more than there is (PROTOCOLS 16).
 *
 * While nothing is sent, one of three workers is stopped: whoever of the others is asked covers exactly the key groups
 * of the others, and shows exactly the keys and totals of those. Then workers join and leave under load while all are
 * asked without pause: no key comes twice, and no answer shows more than has been sent by then; once the load ends, an
 * answer that covers everything is exact.
 *
 * Not proved here: reads of the last complete epoch, and answers of several pages; and that parts of two generations
 * are never put together, for who has lost a key group drops it within milliseconds, and a fault planted there was not
 * found.
 *
 * Seen failing with its mutants: `npm run prove -- completeness --mutants`.
 */
import { hashKey, keyGroupOf, shiftOf } from '../../src/base/hash.ts'
import type { Cluster } from '../workers/cluster.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { completenessMutants } from './lib/mutants.ts'
import { Stand } from './lib/stand.ts'

const SIZE = 3
const KEY_GROUPS = 64
/** More than there are words, so that an answer has one page. */
const LIMIT = 1000
const LIFE_MS = 600
/** The others may go on without who is stopped before all have answered: then it is stopped once more. */
const TRIES = 20

const proof: Proof = {
  ...{ name: 'completeness', mutants: completenessMutants, rounds: 8, mutantRounds: 4 },
  run,
}

interface Totals {
  readonly keys: number
  readonly found: readonly { readonly key: string; readonly keyGroup: number; readonly state: { total: number } }[]
  readonly completeness: {
    readonly keyGroups: string
    readonly missing: readonly { readonly from: number; readonly to: number; readonly worker: string }[]
  }
}

async function run(given: Run): Promise<string> {
  const stand = await Stand.open(given, { size: SIZE, limits: { keyGroups: KEY_GROUPS } })
  const { cluster, chance, tally } = stand
  let asked = 0
  let started = SIZE
  for (let round = 1; round <= given.rounds; round++) {
    await stand.work(chance.below(LIFE_MS))
    await stand.quiet()
    const names = chance.shuffled([...cluster.workers.keys()])
    let share: string | null = null
    for (let tries = 0; share === null; tries++) {
      if (tries === TRIES) throw new Error('the others go on without who is stopped before they answer')
      share = await withOneStopped(cluster, tally.words, names[0]!, names.slice(1))
      await cluster.settlesAs(cluster.workers.size, names)
    }
    stand.loud()
    await stand.recovered()
    const watch = watching(cluster, tally.words, given.signal)
    // One more in odd rounds, one fewer in even ones.
    if (round % 2 === 1) await cluster.start(`w${++started}`)
    else await cluster.leave(chance.shuffled([...cluster.workers.keys()])[0]!)
    await cluster.settlesAs(cluster.workers.size, [...cluster.workers.keys()])
    await stand.recovered()
    const answers = await watch.end()
    asked += answers
    say(`round ${round} of ${given.rounds}: ${share} with one stopped, ${answers} answers while owners changed`)
  }
  return `${asked} answers while owners changed, ${await stand.settle()}`
}

/**
 * Stops `stopped` and asks each of `others`; answers the completeness that they said, or `null` where they have gone on
 * in another generation meanwhile.
 */
async function withOneStopped(
  cluster: Cluster,
  words: ReadonlyMap<string, number>,
  stopped: string,
  others: readonly string[],
): Promise<string | null> {
  const runs = await (await cluster.control(others[0]!)).get<Totals['completeness']['missing']>(
    '/v1/cluster/key-groups',
  )
  const gone = new Set(groupsOf(runs.filter(({ worker }) => worker === stopped)))
  const generation = await generationOf(cluster, others[0]!)
  const subject = cluster.workers.get(stopped)!
  subject.signal('SIGSTOP')
  try {
    const share = `${KEY_GROUPS - gone.size}/${KEY_GROUPS}`
    // Asked at once, all of them: soon the others go on without who is stopped, and cover everything again.
    const answers = await Promise.all(others.map((name) => totals(cluster, name)))
    if ((await generationOf(cluster, others[0]!)) !== generation) return null
    for (const answer of answers) {
      const { keyGroups, missing } = answer.completeness
      if (keyGroups !== share) throw new Error(`it covers ${keyGroups}, and ${share} are there`)
      const named = groupsOf(missing)
      if (named.length !== gone.size || !named.every((group) => gone.has(group)))
        throw new Error(`it names ${named.join(' ')} as missing, and ${[...gone].join(' ')} are`)
      const there = [...words].filter(([word]) => !gone.has(groupOf(word)))
      checkNoMore(answer, new Map(there))
      if (sum(answer.found.map(({ state }) => state.total)) !== sum(there.map(([, total]) => total)))
        throw new Error(`the sum of the groups that are there is wrong: ${JSON.stringify(answer.completeness)}`)
      if (answer.keys !== there.length) throw new Error(`it counts ${answer.keys} keys, and there are ${there.length}`)
    }
    return share
  } finally {
    subject.signal('SIGCONT')
  }
}

/** Asks all workers in turn without pause until `end`, which answers how many answers there were. */
function watching(
  cluster: Cluster,
  words: ReadonlyMap<string, number>,
  signal: AbortSignal,
): { end(): Promise<number> } {
  let going = true
  const ask = async (): Promise<number> => {
    let answers = 0
    while (going && !signal.aborted) {
      for (const name of [...cluster.workers.keys()]) {
        const answer = await totals(cluster, name).catch(() => null)
        if (answer === null) continue
        checkNoMore(answer, words)
        answers++
      }
    }
    return answers
  }
  const done = ask()
  done.catch(() => {})
  return {
    end: () => {
      going = false
      return done
    },
  }
}

async function generationOf(cluster: Cluster, name: string): Promise<number> {
  return (await (await cluster.control(name)).get<{ readonly generation: number }>('/v1/cluster')).generation
}

async function totals(cluster: Cluster, name: string): Promise<Totals> {
  return (await cluster.control(name)).get<Totals>(`/v1/pipelines/tally/state/count?limit=${LIMIT}`)
}

/** No key twice, none that was not sent, and none with more than has been sent. */
function checkNoMore({ found }: Totals, sent: ReadonlyMap<string, number>): void {
  const seen = new Set<string>()
  for (const { key, state } of found) {
    if (seen.has(key)) throw new Error(`${key} is in the answer twice`)
    seen.add(key)
    const most = sent.get(key) ?? 0
    if (state.total > most) throw new Error(`${key} is ${state.total} in the answer, and ${most} have been sent`)
  }
}

function groupsOf(runs: readonly { readonly from: number; readonly to: number }[]): readonly number[] {
  return runs.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
}

function groupOf(word: string): number {
  return keyGroupOf(hashKey(word), shiftOf(KEY_GROUPS))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

await prove(proof)
