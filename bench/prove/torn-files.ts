/**
 * Every file of a killed worker's data folder, cut or with a bit flipped, one at a time: exact again, or refused by
 * name.
 *
 * A worker is killed under load; its data folder, its files of output and its producers' outboxes are kept. Then, for
 * each file of the data folder, on a fresh copy: the file is damaged, a worker is started (`run` and `worker` in turn),
 * the producers come back with their outboxes, send some more, and wait until all is stable. What follows is
 *
 * - exact: states and files of output are what the producers have counted. Or
 * - refused: the pipeline does not start, and the error has a code and names the damaged file. That is allowed only
 *   where nothing else can be exact: the chain, the cluster's identity and the folder's, the stored program, tokens and
 *   lock, and packs that every epoch of the horizon needs. For those the error says what `--accept-loss` would lose,
 *   and with it the pipeline has to start.
 *
 * Before that, two cases of more than one damage. The newest manifest is damaged, the worker goes back and works on;
 * then that file is put right again and what was made since is damaged: the epochs that were passed over have to stay
 * void. And the newest manifest is damaged together with the journal: no way back is exact, and it has to be refused.
 *
 * Not proved here: damage to files of output that are complete, and to outboxes (the client's own tests do).
 *
 * Seen failing with each of `lib/mutants.ts`: `npm run prove -- torn-files --mutants`.
 */
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../src/base/prng.ts'
import { epochOf } from '../../src/checkpoint/layout.ts'
import { freePort } from '../workers/free-port.ts'
import { STUCK_MS } from '../workers/patience.ts'
import { bareStack, Subject, statesOf } from '../workers/subject.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { tornMutants } from './lib/mutants.ts'
import { Producer } from './lib/producer.ts'
import { Findings, Tally } from './lib/tally.ts'

const PIPELINE = resolve(import.meta.dirname, 'pipelines/tally.ts')
const PRODUCERS = 3
/** Records of the chain that are damaged, its newest; the other ones stand in front of what is read. */
const RECORDS = 12
/** A file is useless with a bit flipped in each so many bytes. */
const RIDDLED_BYTES = 500
/** Lives of the worker before its files are kept; each makes more epochs than are kept. */
const LIVES = 3
const LOOK_MS = 50
/** Records that each producer sends after the damage. */
const MORE = 200

const HORIZON = 8
const LIMITS = {
  checkpointIntervalMs: 120,
  horizonEpochs: HORIZON,
  chainEra: 16,
  keyGroups: 64,
  journalSegmentBytes: 256 << 10,
  journalBytes: 64 << 20,
}

/** Files without which nothing can be exact. A pack is one where every epoch of the horizon needs it. */
const INDISPENSABLE = /\/(chain\/|cluster$|bundles\/|lock$|member$|\w+\.token$)/

const proof: Proof = { name: 'torn-files', mutants: tornMutants, rounds: 2, mutantRounds: 2, run }

type Damage = 'cut' | 'flip'

/** How a damaged worker came up. */
type Outcome = { readonly kind: 'exact'; readonly said: string } | { readonly kind: 'refused'; readonly said: string }

/** The folders of one worker: what is kept, and what every trial begins with a copy of. */
class Scene {
  readonly tally = new Tally()
  readonly port: number
  private readonly run: Run
  private readonly kept: string
  private readonly live: string

  constructor(run: Run, port: number) {
    this.run = run
    this.port = port
    this.kept = `${run.folder}/kept`
    this.live = `${run.folder}/live`
  }

  /** Files of the data folder that are kept, by their names within it. */
  get files(): readonly string[] {
    return filesIn(`${this.kept}/data`)
  }

  /** Manifests as they are now, the newest first. */
  get manifests(): readonly string[] {
    return newest(filesIn(`${this.live}/data`), 'manifests')
  }

  /** Puts a file back as it was kept. */
  mend(file: string): void {
    cpSync(`${this.kept}/data${file}`, `${this.live}/data${file}`)
  }

  start(command: readonly string[], more: readonly string[] = []): Subject {
    const limits = Object.entries(LIMITS).flatMap(([name, value]) => ['--limit', `${name}=${value}`])
    return new Subject([...command, '--data', `${this.live}/data`, ...limits, ...more], this.run.mutant)
  }

  get pipeline(): readonly string[] {
    return ['run', PIPELINE, '--param', `port=${this.port}`, '--param', `folder=${this.live}/out`]
  }

  async producers(tally: Tally, chance: Prng): Promise<Producer[]> {
    const made: Producer[] = []
    for (let i = 0; i < PRODUCERS; i++) {
      const producer = `p${i}`
      const outbox = { path: `${this.live}/outbox/${producer}` }
      made.push(await Producer.open({ port: this.port, producer, outbox }, chance.fork(), tally))
    }
    return made
  }

  /** Works under load, is killed, and keeps what is there then. */
  async prepare(chance: Prng): Promise<void> {
    const { promise: failed, reject } = Promise.withResolvers<never>()
    failed.catch(() => {})
    const producers = await this.producers(this.tally, chance)
    for (const producer of producers) producer.start(reject)
    for (let life = 0; life < LIVES; life++) {
      const subject = this.start(this.pipeline)
      if (!(await subject.says(/listens on/))) throw new Error(`the worker does not start:\n${subject.said}`)
      const over = subject.ended.then(() => Promise.reject(new Error(`the worker ended:\n${subject.said}`)))
      over.catch(() => {})
      await Promise.race([this.epoch((life + 1) * (HORIZON + 2)), over, failed])
      await subject.stop('SIGKILL')
    }
    await Promise.all(producers.map((producer) => producer.end()))
    cpSync(this.live, this.kept, { recursive: true })
  }

  /** Resolves when epoch `wanted` is complete, or the one before. */
  private async epoch(wanted: number): Promise<void> {
    const until = performance.now() + STUCK_MS
    for (;;) {
      const [last] = this.manifests
      if (last !== undefined && epochOf(basename(last))! >= wanted) return
      if (performance.now() > until) throw new Error(`no epoch ${wanted} after ${STUCK_MS} ms`)
      await pause(LOOK_MS, null, { signal: this.run.signal })
    }
  }

  /** Begins a trial: everything is as it was kept. */
  reset(): void {
    rmSync(this.live, { recursive: true, force: true })
    cpSync(this.kept, this.live, { recursive: true })
  }

  damage(file: string, how: Damage, chance: Prng): string {
    const path = `${this.live}/data${file}`
    const { size } = statSync(path)
    if (size === 0) {
      writeFileSync(path, Buffer.from(Array.from({ length: 100 }, () => chance.below(256))))
      return 'filled with noise'
    }
    const at = chance.below(size)
    if (how === 'cut') {
      truncateSync(path, at)
      return `cut from ${size} to ${at} bytes`
    }
    const bytes = readFileSync(path)
    const bit = chance.below(8)
    bytes[at]! ^= 1 << bit
    writeFileSync(path, bytes)
    return `bit ${bit} of byte ${at} flipped, of ${size} bytes`
  }

  /** Damages a file all over. */
  riddle(file: string): void {
    const path = `${this.live}/data${file}`
    const bytes = readFileSync(path)
    for (let at = RIDDLED_BYTES; at < bytes.length; at += RIDDLED_BYTES) bytes[at]! ^= 1
    writeFileSync(path, bytes)
  }

  /**
   * Starts a worker and sees what becomes of it; `tally` goes on with what is sent. Throws where it is neither exact
   * nor a refusal in words.
   */
  async observe(command: readonly string[], chance: Prng, tally: Tally = this.tally.clone()): Promise<Outcome> {
    const { signal } = this.run
    const { promise: failed, reject } = Promise.withResolvers<never>()
    failed.catch(() => {})
    const producers = await this.producers(tally, chance)
    const subject = this.start(command)
    try {
      let turnedAway = ''
      for (const { client } of producers) {
        client.on('failed', reject)
        client.on('refused', ({ code, reason }) => {
          turnedAway = `\na producer was told: ${reason} (${code})`
        })
      }
      const send = async (producer: Producer): Promise<void> => {
        await producer.burst(MORE)
        await producer.client.flush('stable')
      }
      const flushed = Promise.all(producers.map(send)).then(() => 'stable' as const)
      flushed.catch(() => {})
      const refused = subject.says(/"pipeline\.failed"/).then(() => 'refused' as const)
      const late = pause(STUCK_MS, 'late' as const, { signal })
      const outcome = await Promise.race([flushed, refused, late, failed])
      checkSaid(subject)
      if (outcome === 'late') throw new Error(`after ${STUCK_MS} ms nothing is stable${turnedAway}\n${subject.said}`)
      if (outcome === 'refused') return { kind: 'refused', said: subject.said }
      await this.compare(tally, subject)
      return { kind: 'exact', said: subject.said }
    } finally {
      for (const { client } of producers) client.close()
      await subject.stop('SIGKILL')
    }
  }

  /** Compares states and files with what was sent. */
  private async compare(tally: Tally, subject: Subject): Promise<void> {
    const findings = new Findings()
    const data = `${this.live}/data`
    tally.checkWindows(await statesOf(data, 'tally', 'window'), findings)
    tally.checkCounts(await statesOf(data, 'tally', 'count'), findings)
    const { status } = await subject.stop('SIGTERM')
    checkSaid(subject)
    if (status !== 0) throw new Error(`the worker did not end in order (${status}):\n${subject.said}`)
    tally.checkFiles(`${this.live}/out`, findings)
    if (findings.none) return
    const { lost, doubled, misplaced, list } = findings
    const figures = `${lost} lost, ${doubled} doubled, ${misplaced} out of order`
    throw new Error(`not exact: ${figures}\n${list.join('\n')}\n${subject.said}`)
  }
}

function checkSaid({ said }: Subject): void {
  const stack = bareStack(said)
  if (stack !== null) throw new Error(`it showed a stack: ${stack}\n${said}`)
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(folder.length))
    .sort()
}

/** Names of all manifests or packs, the newest first. */
function newest(files: readonly string[], folder: string): readonly string[] {
  return files.filter((file) => file.includes(`/${folder}/`)).toReversed()
}

async function run(run: Run): Promise<string> {
  const chance = new Prng(run.seed)
  const scene = new Scene(run, await freePort())
  await scene.prepare(chance)
  const { files } = scene
  say(`${scene.tally.records} records sent, ${files.length} files kept`)
  const manifests = newest(files, 'manifests')
  // Who is killed between the two leaves a pack of an epoch that never came about.
  const last = epochOf(basename(manifests[0]!))!
  const packs = newest(files, 'packs').filter((file) => epochOf(basename(file))! <= last)
  const needed = files.filter((file) => !newest(files, 'chain').slice(RECORDS).includes(file))
  const commands = [scene.pipeline, ['worker', '--log-format', 'json']]
  await stayVoid(scene, chance)
  await refuseHole(scene, chance)
  let [trials, exact, refused] = [0, 0, 0]
  for (const file of needed) {
    for (let round = 0; round < run.rounds; round++) {
      const how = round % 2 === 0 ? 'cut' : 'flip'
      const command = commands[trials % 2]!
      scene.reset()
      const done = scene.damage(file, how, chance)
      const where = `trial ${++trials}: ${file} ${done}, ${command[0]}`
      try {
        const outcome = await scene.observe(command, chance)
        say(`${where}: ${outcome.kind}${codes(outcome.said)}`)
        if (outcome.kind === 'exact') exact++
        else refused++
        judge(file, outcome, manifests, packs)
        if (outcome.said.includes('E_RESTORE')) await acceptLoss(scene, command)
      } catch (error) {
        throw new Error(`${where}: ${(error as Error).message}`)
      }
    }
  }
  return `${needed.length} files, ${trials + 3} trials, ${exact + 2} exact, ${refused + 1} refused by name, nothing damaged believed`
}

/** The codes of errors and warnings in what a worker has said, each once. */
function codes(said: string): string {
  const found = [...new Set(said.match(/\bE_[A-Z_]+/g) ?? [])]
  return found.length === 0 ? '' : ` (${found.join(', ')})`
}

/**
 * Epochs that were passed over because of damage stay void, also when the damage is gone and what followed them too.
 */
async function stayVoid(scene: Scene, chance: Prng): Promise<void> {
  // Few epochs, so that the horizon does not pass the base.
  const command = [...scene.pipeline, '--limit', 'checkpointIntervalMs=1500']
  const tally = scene.tally.clone()
  scene.reset()
  const known = scene.manifests
  const [last] = known
  scene.damage(last!, 'flip', chance)
  const first = await scene.observe(command, chance, tally)
  if (first.kind !== 'exact') throw new Error(`it does not go back over ${last}:\n${first.said}`)
  scene.mend(last!)
  for (const file of scene.manifests) if (!known.includes(file)) scene.damage(file, 'flip', chance)
  const { kind, said } = await scene.observe(command, chance, tally)
  if (kind !== 'exact') throw new Error(`it does not go back over its damaged epochs:\n${said}`)
  say('epochs that were passed over stay void: exact')
}

/** Where the last manifest is damaged, and the journal too that the way back needs, nothing is exact. */
async function refuseHole(scene: Scene, chance: Prng): Promise<void> {
  scene.reset()
  const [last] = scene.manifests
  const journal = scene.files.filter((file) => file.startsWith('/journal/'))
  for (const file of [last!, ...journal]) scene.riddle(file)
  const outcome = await scene.observe(scene.pipeline, chance)
  if (outcome.kind === 'exact') throw new Error('it goes back to an epoch behind which its journal has nothing')
  judge(last!, outcome, [], [])
  say(`the newest manifest and the journal: refused${codes(outcome.said)}`)
}

/** Throws where `outcome` is not what damage to `file` has to lead to. */
function judge(file: string, outcome: Outcome, manifests: readonly string[], packs: readonly string[]): void {
  const { said, kind } = outcome
  const named = said.includes(basename(file)) || said.includes(basename(file).slice(0, 12))
  if (kind === 'exact') {
    if ((file === manifests[0] || file === packs[0]) && !named) throw new Error(`it does not name ${file}:\n${said}`)
    return
  }
  if (!/\bE_[A-Z_]+/.test(said) || !named) throw new Error(`it refuses and does not name ${file}:\n${said}`)
  const recent = [...manifests, ...packs.slice(0, HORIZON - 2)]
  if (recent.includes(file)) throw new Error(`an older epoch would have been exact:\n${said}`)
  const restore = said.includes('E_RESTORE')
  if (restore && !said.includes('--accept-loss')) throw new Error(`it does not say what could be lost:\n${said}`)
  if (!restore && !INDISPENSABLE.test(file))
    throw new Error(`it refuses over a file that can be done without:\n${said}`)
}

/** A refused pipeline starts when the loss is accepted. */
async function acceptLoss(scene: Scene, command: readonly string[]): Promise<void> {
  const subject = scene.start(command, ['--accept-loss'])
  const started = await subject.says(/listens on|step\.listening/)
  await subject.stop('SIGKILL')
  checkSaid(subject)
  if (!started) throw new Error(`it does not start with --accept-loss either:\n${subject.said}`)
}

await prove(proof)
