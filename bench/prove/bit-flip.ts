/**
 * Bits that flip between workers and in the store of a cluster: every one is detected, none is believed.
 *
 * Three workers work under load while a wire between them flips bits in the frames of their links and in their
 * heartbeats: the result is exact, and the workers have told of lines that they ended for it. Then, again and again,
 * all are killed, a bit of one file in the store that they share is flipped, and they are started: what follows is
 * exact; or the worker that reads the file refuses to go on and names it, and is exact when the bit is put right.
 *
 * Not proved here: bits between producers and workers (TCP's own checksum is all that guards plain sources; an acked
 * producer's frames have one of their own), and cuts of files (`torn-files`).
 *
 * Seen failing with its mutants: `npm run prove -- bit-flip --mutants`.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../src/base/prng.ts'
import { Wire } from '../workers/wire.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { flipMutants } from './lib/mutants.ts'
import { Stand } from './lib/stand.ts'

const SIZE = 3
/** Stretches of work on a wire that flips, and how long each is, in milliseconds. */
const STRETCHES = 8
const STRETCH_MS = 1500
const FLIP_BYTES = 100_000
const LIFE_MS = 1000
/** The workers that refuse say so within this time of each other, in milliseconds. */
const SAYING_MS = 500

const proof: Proof = {
  ...{ name: 'bit-flip', mutants: flipMutants, rounds: 30, mutantRounds: 12 },
  run,
}

async function run(given: Run): Promise<string> {
  const wire = new Wire(`${given.folder}/store`, new Prng(given.seed).fork())
  const stand = await Stand.open(given, { size: SIZE, wire })
  for (let i = 0; i < STRETCHES; i++) {
    wire.everyBytes = FLIP_BYTES
    await stand.work(STRETCH_MS)
    wire.everyBytes = 0
    await stand.recovered()
  }
  const { links, heartbeats } = wire.flipped
  const told = await damagedFrames(stand)
  say(`${links} bits flipped on links and ${heartbeats} in heartbeats, ${told} lines of links ended for damage`)
  if (links < STRETCHES || heartbeats < STRETCHES) throw new Error('too few bits were flipped')
  if (told === 0) throw new Error('nobody told of damage')
  stand.cluster.harmed = true
  let refused = 0
  for (let round = 1; round <= given.rounds; round++) {
    await stand.work(stand.chance.below(LIFE_MS))
    if (await flipInStore(stand, given, round)) refused++
  }
  const figures = `${links} bits on links, ${given.rounds} in the store of which ${refused} were refused by name`
  const settled = await stand.settle()
  wire.close()
  return `${figures}, ${settled}`
}

/** How many lines of links the workers say were ended by what was no frame. */
async function damagedFrames({ cluster }: Stand): Promise<number> {
  let told = 0
  for (const name of cluster.workers.keys()) {
    const { damagedFrames } = await (await cluster.control(name)).get<{ damagedFrames: number }>('/v1/worker')
    told += damagedFrames
  }
  return told
}

/** Kills all, flips a bit, starts all. Answers whether it was refused. */
async function flipInStore(stand: Stand, { folder, rounds, signal }: Run, round: number): Promise<boolean> {
  const { cluster, chance } = stand
  const names = [...cluster.workers.keys()]
  const stopAll = (): Promise<unknown> => Promise.all(names.map((name) => cluster.stop(name, 'SIGKILL')))
  await stopAll()
  const before = cluster.said.length
  const files = filesIn(folder)
  const path = files[chance.below(files.length)]!
  const bytes = readFileSync(path)
  const at = chance.below(bytes.length)
  const bit = 1 << chance.below(8)
  const put = (): void => {
    bytes[at]! ^= bit
    writeFileSync(path, bytes)
  }
  put()
  for (const name of names) await cluster.start(name)
  const refusing = refusal(stand, signal)
  const late = async (error: Error): Promise<never> => {
    await pause(2 * SAYING_MS, null, { signal })
    throw error
  }
  const refused = await Promise.race([stand.recovered().then(() => null, late), refusing])
  const what = `round ${round} of ${rounds}: byte ${at} of ${path.slice(folder.length)}`
  if (refused === null) {
    say(`${what}: exact`)
    if (statSync(path, { throwIfNoEntry: false })?.size === bytes.length) put()
    return false
  }
  const said = cluster.words.slice(before)
  if (!said.includes(basename(path))) throw new Error(`${what}: ${refused} refuses and does not name it:\n${said}`)
  await stopAll()
  put()
  for (const name of names) await cluster.start(name)
  await stand.recovered()
  say(`${what}: refused (${/\bE_[A-Z_]+/.exec(said)?.[0]}), exact when put right`)
  return true
}

/** Resolves with the name of the first worker that ends by itself or says that a pipeline cannot go on. */
async function refusal({ cluster }: Stand, signal: AbortSignal): Promise<string> {
  const first = [...cluster.workers].map(async ([name, subject]) => {
    await Promise.race([subject.ended, subject.says(/pipeline\.failed/)])
    // The others are to have said what they have to say, too.
    await pause(SAYING_MS, null, { signal })
    return name
  })
  return Promise.race(first)
}

/** Files of the store and of the journals beside it, in order, without hints. */
function filesIn(folder: string): readonly string[] {
  return ['store', 'journals']
    .flatMap((name) => readdirSync(`${folder}/${name}`, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
    .filter((path) => !/^\/store\/(beat|tmp)\//.test(path.slice(folder.length)) && statSync(path).size > 0)
    .sort()
}

await prove(proof)
