/**
 * A cluster that people work with for a long time: workers are killed, join and leave, programs are replaced and the
 * load is spread anew, one of these after the other under load. It is exact in the end, in order per key and no
 * producer refused, and nothing grows on the way: not the store, nor the journals, nor the files that are open, nor the
 * keys that have a time to live.
 *
 * One round takes some seconds; `--rounds 600` is an hour.
 *
 * Not proved here: a bound for memory, which is printed. The heap takes what it may have before it is collected.
 *
 * Seen failing with each of its mutants: `npm run prove -- endurance --mutants`.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { STUCK_MS } from '../workers/patience.ts'
import { PIPELINE } from './lib/ground.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { enduranceMutants, gainedNotRead } from './lib/mutants.ts'
import { Stand } from './lib/stand.ts'

const SIZE = 3
const SMALLEST = 2
const LARGEST = 5
const LIFE_MS = 1000
const TTL_MS = 2000
const LOOK_MS = 100

/** With the limits of `Stand`: five epochs of the horizon, two eras of 64 records, journals of 64 MiB at most. */
const BOUNDS = { storeFiles: 1000, journalBytes: 64 << 20, openFiles: 150 }

const DEEDS = ['kill', 'program', 'join', 'leave', 'rebalance'] as const
type Deed = (typeof DEEDS)[number]

const proof: Proof = {
  ...{ name: 'endurance', mutants: [...enduranceMutants, gainedNotRead], rounds: 60, mutantRounds: 20 },
  run,
}

/** What there is at a time. */
interface Figures {
  readonly storeFiles: number
  readonly journalBytes: number
  /** Of the worker that has most. */
  readonly openFiles: number
  readonly memoryBytes: number
}

async function run(given: Run): Promise<string> {
  const stand = await Stand.open(given, { size: SIZE })
  const { cluster, chance, tally } = stand
  const { rounds, folder } = given
  const done = new Map<Deed, number>()
  const all: Figures[] = []
  let started = SIZE
  await stand.submit(written(folder, 0))
  for (let round = 1; round <= rounds; round++) {
    await stand.work(chance.below(LIFE_MS))
    const names = [...cluster.workers.keys()]
    const possible = DEEDS.filter(
      (deed) => !(deed === 'join' && names.length === LARGEST) && !(deed === 'leave' && names.length === SMALLEST),
    )
    const deed = possible[chance.below(possible.length)]!
    const [victim] = chance.shuffled(names)
    switch (deed) {
      case 'kill':
        await cluster.stop(victim!, 'SIGKILL')
        await cluster.start(victim!)
        break
      case 'program':
        await stand.submit(written(folder, round))
        break
      case 'join':
        await cluster.start(`w${++started}`)
        break
      case 'leave':
        await cluster.leave(victim!)
        break
      case 'rebalance': {
        const worker = await cluster.control(victim!)
        await worker.post('/v1/cluster/rebalance', { moves: 8, measureMs: null })
      }
    }
    await cluster.settlesAs(cluster.workers.size, [...cluster.workers.keys()])
    await stand.recovered()
    done.set(deed, (done.get(deed) ?? 0) + 1)
    const figures = look(stand, folder)
    all.push(figures)
    say(
      `round ${round} of ${rounds}: ${deed}, ${cluster.workers.size} workers, ${tally.records} records, ${show(figures)}`,
    )
    for (const [name, bound] of Object.entries(BOUNDS)) {
      const found = figures[name as keyof typeof BOUNDS]
      if (found > bound) throw new Error(`${name} is ${found}, above ${bound}\n${cluster.words}`)
    }
  }
  await stand.quiet()
  await forgotten(stand)
  const most = (of: (figures: Figures) => number): number => Math.max(...all.map(of))
  const highest: Figures = {
    storeFiles: most(({ storeFiles }) => storeFiles),
    journalBytes: most(({ journalBytes }) => journalBytes),
    openFiles: most(({ openFiles }) => openFiles),
    memoryBytes: most(({ memoryBytes }) => memoryBytes),
  }
  const deeds = Array.from(done, ([deed, times]) => `${deed} ${times}`).join(', ')
  return `${rounds} rounds (${deeds}), at most ${show(highest)}, ${await stand.settle()}`
}

/** Waits until nothing is left of keys that no record touches any more. */
async function forgotten(stand: Stand): Promise<void> {
  const { cluster } = stand
  const [name] = cluster.workers.keys()
  const until = performance.now() + STUCK_MS
  for (;;) {
    const worker = await cluster.control(name!)
    const { keys } = await worker.get<{ readonly keys: number }>('/v1/pipelines/tally/state/seen?limit=1')
    if (keys === 0) return
    if (performance.now() > until) throw new Error(`${keys} keys are left after their time\n${cluster.words}`)
    await pause(LOOK_MS)
  }
}

/** The pipeline of all proofs, with a step whose keys are forgotten, and one that is named after `round`. */
function written(folder: string, round: number): string {
  const parse = ".map('parse', parse)"
  const sink = "  items\n    .keyBy('by-word'"
  const text = readFileSync(PIPELINE, 'utf8')
  if (!text.includes(parse) || !text.includes(sink)) throw new Error(`${PIPELINE} has another form`)
  const seen = `  items
    .keyBy('by-record', (item) => \`\${item.key} \${item.number}\`)
    .mapWithState('seen', { init: () => ({ seen: 0 }), step: (state) => void state.seen++, ttl: ${TTL_MS} })
    .sink('nowhere', nullSink())
`
  const file = `${folder}/tally-${round}.ts`
  writeFileSync(
    file,
    text
      .replace('import { fileSink,', 'import { fileSink, nullSink,')
      .replace(parse, `${parse}.filter('version-${round}', () => true)`)
      .replace(sink, `${seen}${sink}`),
  )
  return file
}

function look({ cluster }: Stand, folder: string): Figures {
  const pids = Array.from(cluster.workers.values(), ({ pid }) => pid)
  return {
    storeFiles: filesBelow(`${folder}/store`).length,
    journalBytes: filesBelow(`${folder}/journals`).reduce((sum, path) => sum + sizeOf(path), 0),
    openFiles: Math.max(...pids.map((pid) => namesIn(`/proc/${pid}/fd`).length)),
    memoryBytes: Math.max(...pids.map(residentBytes)),
  }
}

function show({ storeFiles, journalBytes, openFiles, memoryBytes }: Figures): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / (1 << 20))} MiB`
  return `${storeFiles} files in the store, ${megabytes(journalBytes)} of journals, ${openFiles} open files, ${megabytes(memoryBytes)} of memory`
}

/** Files come and go while they are looked at. */
function filesBelow(folder: string): string[] {
  return namesIn(folder).flatMap((name) => {
    const path = join(folder, name)
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return []
    return found.isDirectory() ? filesBelow(path) : [path]
  })
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function residentBytes(pid: number): number {
  try {
    return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

await prove(proof)
