/**
 * The same million records on 1, 2, 3 and 7 workers: the same output for each key, in the same order.
 *
 * Each key comes from one producer. A step that depends on the order answers every record, and its answers are compared
 * one by one with a plain loop's; an aggregate answers now and then, and its last answer is compared.
 *
 * Not proved here: faults meanwhile (`kill9-cluster`, `elastic`).
 *
 * Seen failing with each of its mutants: `npm run prove -- scale-agnostic --mutants`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../src/base/prng.ts'
import { connect } from '../../src/client.ts'
import { Cluster } from '../workers/cluster.ts'
import { STUCK_MS } from '../workers/patience.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { scaleMutants } from './lib/mutants.ts'

const PIPELINE = resolve(import.meta.dirname, 'pipelines/agnostic.ts')
const SIZES = [1, 2, 3, 7]
const PRODUCERS = 4
const KEYS = 5000
const BATCH = 2000

/** Rounds are thousands of records. */
const proof: Proof = {
  ...{ name: 'scale-agnostic', mutants: scaleMutants, rounds: 1000, mutantRounds: 100 },
  run,
}

/** The answers of both steps: of `fold` the last one and how many there were, of `sum` the last one. */
interface Answers {
  readonly folded: ReadonlyMap<string, string>
  readonly sums: ReadonlyMap<string, number>
}

/** What a plain loop makes of the records, and the records. */
class Course implements Answers {
  readonly folded = new Map<string, string>()
  readonly sums = new Map<string, number>()
  /** Lines by producer. */
  readonly lines: readonly string[][] = Array.from({ length: PRODUCERS }, () => [])
  private readonly states = new Map<string, { count: number; hash: number }>()

  constructor(seed: number, records: number) {
    const chance = new Prng(seed)
    for (let i = 0; i < records; i++) {
      const number = chance.below(1 + chance.below(KEYS))
      const value = chance.below(1 << 20)
      this.add(`k${number}`, value)
      this.lines[number % PRODUCERS]!.push(`k${number},${value}`)
    }
  }

  private add(key: string, value: number): void {
    const { count, hash } = this.states.get(key) ?? { count: 0, hash: 0 }
    const state = { count: count + 1, hash: (Math.imul(hash, 31) + value) | 0 }
    this.states.set(key, state)
    this.folded.set(key, `${state.count} ${state.hash}`)
    const name = String(value % 1000)
    this.sums.set(name, (this.sums.get(name) ?? 0) + value)
  }
}

async function run({ seed, folder, mutant, rounds, signal }: Run): Promise<string> {
  const course = new Course(seed, rounds * 1000)
  for (const size of SIZES) {
    const from = performance.now()
    const place = `${folder}/${size}`
    const cluster = await Cluster.make({ folder: place, size, mutant, signal, limits: { keyGroups: 64 } })
    await cluster.startAll()
    await cluster.settlesAs(size, cluster.names)
    await cluster.submit(PIPELINE, { port: cluster.port, folder: `${place}/out` })
    await feed(cluster, course, signal)
    // What is stable is in a complete epoch; what an epoch holds is visible everywhere once the pipeline has ended.
    await cluster.drain('agnostic')
    await cluster.endAll()
    compare(size, answersIn(`${place}/out`), course)
    say(`${size} workers: the same, ${Math.round(performance.now() - from)} ms`)
  }
  const records = (rounds * 1000).toLocaleString('en-US')
  return `${records} records on ${SIZES.join(', ')} workers, all ${course.folded.size + course.sums.size} keys the same`
}

async function feed({ addresses }: Cluster, { lines }: Course, signal: AbortSignal): Promise<void> {
  const sending = lines.map(async (own, i) => {
    const client = await connect({ addresses, source: 'items', producer: `p${i}`, maxBackoffMs: 200 })
    for (let at = 0; at < own.length; at += BATCH) await client.send(own.slice(at, at + BATCH))
    await client.flush('stable')
    client.close()
  })
  const late = pause(STUCK_MS, null, { signal }).then(() => {
    throw new Error(`not everything is stable after ${STUCK_MS} ms`)
  })
  await Promise.race([Promise.all(sending), late])
}

/** What the files say; throws where a key's answers do not follow one another. */
function answersIn(out: string): Answers {
  const folded = new Map<string, string>()
  for (const line of linesOf(out, 'folded')) {
    const [key = '', count, hash] = line.split(' ')
    const before = Number(folded.get(key)?.split(' ')[0] ?? 0)
    if (Number(count) !== before + 1) throw new Error(`${key} has answer ${count} behind answer ${before}`)
    folded.set(key, `${count} ${hash}`)
  }
  const sums = new Map<string, number>()
  for (const line of linesOf(out, 'sums')) {
    const [key = '', sum] = line.split(' ')
    sums.set(key, Number(sum))
  }
  return { folded, sums }
}

function linesOf(out: string, name: string): readonly string[] {
  return readdirSync(out)
    .filter((file) => file.startsWith(`${name}.`) && !file.endsWith('.pending'))
    .sort()
    .flatMap((file) => readFileSync(`${out}/${file}`, 'utf8').split('\n'))
    .filter((line) => line !== '')
}

function compare(size: number, found: Answers, wanted: Answers): void {
  for (const part of ['folded', 'sums'] as const) {
    if (found[part].size !== wanted[part].size) {
      throw new Error(`${size} workers: ${found[part].size} keys in ${part}, ${wanted[part].size} were sent`)
    }
    for (const [key, answer] of wanted[part]) {
      const other = found[part].get(key)
      if (other !== answer) throw new Error(`${size} workers: ${part} of ${key} ends with ${other}, not with ${answer}`)
    }
  }
}

await prove(proof)
