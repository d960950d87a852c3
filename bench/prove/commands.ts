/**
 * People ask a cluster of three for this and that at once, without knowing of each other: everything comes to order,
 * and is exact.
 *
 * Three pipelines are submitted, with this program or that, drained, cancelled and saved, key groups are moved, workers
 * leave, or are killed, and come back. Each waits for the own answer only, and asks any worker. Then all that was asked
 * is answered, every worker says the same of what is there, the cluster stays in one generation, and epochs go on.
 * Whatever was drained or cancelled is submitted again, and all is drained in peace: the files have each row once and
 * in order per key, and nothing is left pending.
 *
 * Not proved here: more than one worker away at a time (`kill9-cluster`), producers (`upgrade`), programs that do not
 * fit; that a pipeline which was cancelled has begun anew: it may, and no other; and which program is shown of one that
 * is drained.
 *
 * Seen failing with each of its mutants: `npm run prove -- commands --mutants`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { ClusterView } from '../../src/admin/cluster-view.ts'
import type { WorkerView } from '../../src/admin/view.ts'
import { Prng } from '../../src/base/prng.ts'
import { loadGraph } from '../../src/cli/load.ts'
import { Cluster } from '../workers/cluster.ts'
import { STUCK_MS } from '../workers/patience.ts'
import { Asks } from './lib/asks.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { commandMutants, gainedNotRead } from './lib/mutants.ts'
import { checkRows, KEYS } from './lib/rows.ts'
import { Findings } from './lib/tally.ts'

const PIPELINE = resolve(import.meta.dirname, 'pipelines/commands.ts')
const NAMES = ['p', 'q', 's']
const VERSIONS = [1, 2]
const SIZE = 3
/** Small enough that floors rise, packs die and the chain begins new eras while it runs. */
const LIMITS = { checkpointIntervalMs: 100, horizonEpochs: 5, chainEra: 64, keyGroups: 64 }

/** So many ask for so long, with so much after an answer at most; who was killed is away for so long at most. */
const PEOPLE = 6
const ASKING_MS = 4000
const BETWEEN_MS = 300
const DEAD_MS = 1500
/** Order counts once it has lasted. */
const LASTS_MS = 1000
const LOOK_MS = 100
/** What a worker says of itself that is there. */
const UP = ['starting', 'recovering', 'normal', 'rescaling']

/** What is asked for, how often among so many. */
const SHARES = { submit: 8, drain: 6, cancel: 3, checkpoint: 2, savepoint: 1, rebalance: 1, leave: 1, kill: 2 }
const DEEDS = Object.entries(SHARES).flatMap(([deed, share]) => Array.from({ length: share }, () => deed as Deed))
const LATE: readonly Deed[] = ['drain', 'checkpoint']
type Deed = keyof typeof SHARES

const proof: Proof = {
  ...{
    name: 'commands',
    mutants: [...commandMutants, gainedNotRead],
    rounds: 30,
    mutantRounds: 15,
  },
  run,
}

async function run(given: Run): Promise<string> {
  const people = new People(given, await Cluster.make({ ...given, size: SIZE, limits: LIMITS }))
  try {
    return await people.prove(given.rounds)
  } catch (error) {
    throw new Error([...people.told, error instanceof Error ? error.message : error].reverse().join('\n'))
  }
}

/** What workers say, where all of them say the same. */
interface Order {
  readonly said: string
  readonly generation: number
  /** The last epochs of what runs. */
  readonly epochs: readonly number[]
}

class People {
  private readonly given: Run
  private readonly cluster: Cluster
  private readonly chance: Prng
  private readonly asks = new Asks()
  /** Bodies of what is submitted, by name, one for each version. */
  private readonly programs = new Map<string, readonly object[]>()
  /**
   * The rows that each pipeline had when it was drained last, unless somebody has asked for its cancel since: it may
   * begin anew.
   */
  private readonly rows = new Map<string, number>()
  /** Who is killed or leaves now, and has not come back. */
  private away: string | null = null
  private submitting = 0
  private compared = 0

  constructor(given: Run, cluster: Cluster) {
    this.given = given
    this.cluster = cluster
    this.chance = new Prng(given.seed)
  }

  /** For whoever has to find out why. */
  get told(): readonly string[] {
    return [this.cluster.words, this.asks.words]
  }

  async prove(rounds: number): Promise<string> {
    const { cluster, asks } = this
    for (const name of NAMES) this.programs.set(name, await Promise.all(VERSIONS.map((v) => this.program(name, v))))
    await cluster.startAll()
    await cluster.settlesAs(SIZE, cluster.names)
    for (let round = 1; round <= rounds; round++) {
      await asks.within(ASKING_MS + STUCK_MS, this.disturb(), this.given.signal)
      const from = performance.now()
      const { said } = await this.inOrder()
      const tookMs = Math.round(performance.now() - from)
      await this.drainInPeace()
      say(`round ${round} of ${rounds}: in order after ${tookMs} ms as ${said}, ${this.compared} rows compared`)
    }
    // What the last drain has lost is found missing by what follows it.
    await this.drainInPeace()
    await cluster.endAll()
    return `${rounds} rounds, ${asks.done} done, ${asks.refused} refused, ${this.compared} rows compared, each once and in order`
  }

  /**
   * Has several people ask for this and that, each of whom waits for the answer. In the end nobody submits anything any
   * more, and what has been submitted is drained before it has come up, or not.
   */
  private async disturb(): Promise<void> {
    const until = performance.now() + ASKING_MS
    const person = async (): Promise<void> => {
      for (;;) {
        const late = performance.now() > until
        if (late && this.submitting === 0) return
        await this.deed(this.pick(late ? LATE : DEEDS))
        await pause(this.chance.below(BETWEEN_MS), null, { signal: this.given.signal })
      }
    }
    await Promise.all(Array.from({ length: PEOPLE }, person))
  }

  private async deed(deed: Deed): Promise<void> {
    const { cluster, asks, chance, away } = this
    const worker = this.pick(cluster.names.filter((name) => name !== away))
    const name = this.pick(NAMES)
    const what = `${worker} ${deed}`
    switch (deed) {
      case 'submit': {
        const version = this.pick(VERSIONS)
        return asks.ask(`${what} ${name}${version}`, () => this.submit(worker, name, version))
      }
      case 'cancel':
        this.rows.delete(name)
        return asks.ask(`${what} ${name}`, () => this.post(worker, `/v1/pipelines/${name}/cancel`))
      case 'drain':
      case 'checkpoint':
        return asks.ask(`${what} ${name}`, () => this.post(worker, `/v1/pipelines/${name}/${deed}`))
      case 'savepoint': {
        const body = { name: `s${chance.u32()}` }
        return asks.ask(`${what} ${name}`, () => this.post(worker, `/v1/pipelines/${name}/savepoints`, body))
      }
      case 'rebalance':
        return asks.ask(what, () => this.post(worker, '/v1/cluster/rebalance', { moves: 8, measureMs: null }))
      default: {
        if (away !== null) return
        const deadMs = chance.below(DEAD_MS)
        return asks.ask(what, () => this.goes(worker, deed, deadMs))
      }
    }
  }

  /** Ends `worker` and starts it again, and waits until it can be asked. */
  private async goes(worker: string, how: 'leave' | 'kill', deadMs: number): Promise<void> {
    const { cluster } = this
    this.away = worker
    try {
      if (how === 'leave') await cluster.leave(worker)
      else {
        await cluster.stop(worker, 'SIGKILL')
        await pause(deadMs, null, { signal: this.given.signal })
      }
      this.asks.note(`. ${worker} is gone`)
      await cluster.start(worker)
      await cluster.saysOf(worker, UP)
    } finally {
      this.away = null
    }
  }

  private async submit(worker: string, name: string, version: number): Promise<void> {
    this.submitting++
    try {
      await this.post(worker, '/v1/pipelines', this.programs.get(name)![version - 1])
    } finally {
      this.submitting--
    }
  }

  private async post(worker: string, path: string, body?: object): Promise<void> {
    await (await this.cluster.control(worker)).post(path, body)
  }

  /** Has every pipeline run again, drains all of them, and compares. */
  private async drainInPeace(): Promise<void> {
    const { cluster, given } = this
    const anyone = (): string => this.pick(cluster.names)
    await Promise.all(NAMES.map((name) => this.submit(anyone(), name, this.pick(VERSIONS))))
    const { generation } = await this.inOrder()
    await Promise.all(NAMES.map((name) => this.post(anyone(), `/v1/pipelines/${name}/drain`)))
    await this.inOrder()
    cluster.checkSaid()
    const findings = new Findings()
    for (const name of NAMES) {
      const count = checkRows(this.folderOf(name), generation, findings)
      const before = this.rows.get(name) ?? 0
      if (count < before)
        findings.add(`${name} has ${count} rows and had ${before}: nobody cancelled it, and it began anew`)
      this.rows.set(name, count)
      this.compared += count
    }
    const { lost, doubled, misplaced, list, none } = findings
    if (!none) throw new Error([`${lost} lost, ${doubled} doubled, ${misplaced} out of order`, ...list].join('\n'))
    given.signal.throwIfAborted()
  }

  /** Waits until all workers say the same, for `LASTS_MS`, and the epochs of what runs have gone on. */
  private async inOrder(): Promise<Order> {
    const from = performance.now()
    let first: Order | null = null
    let [since, heard] = [from, '']
    while (performance.now() - from < STUCK_MS) {
      const pictures = await Promise.all(this.cluster.names.map((name) => this.pictureOf(name)))
      const now = orderOf(pictures)
      heard = pictures.map((picture) => picture?.said ?? 'silence').join('; ')
      if (now === null || now.said !== first?.said || now.generation !== first.generation) {
        first = now
        since = performance.now()
      } else {
        const { epochs } = first
        const goOn = now.epochs.every((epoch, i) => epoch > epochs[i]!)
        if (goOn && performance.now() - since > LASTS_MS) return now
      }
      await pause(LOOK_MS, null, { signal: this.given.signal })
    }
    throw new Error(`not in order after ${STUCK_MS} ms\n${heard}`)
  }

  /** What a worker says of the cluster; `null` where it does not answer. */
  private async pictureOf(name: string): Promise<Order | null> {
    const { workers } = this.cluster
    if (workers.get(name)?.running !== true) throw new Error(`${name} has ended by itself`)
    try {
      const client = await this.cluster.control(name)
      const { mode, generation, workers } = await client.get<ClusterView>('/v1/cluster')
      const { pipelines } = await client.get<WorkerView>('/v1/worker')
      const sorted = pipelines.toSorted((a, b) => (a.pipeline < b.pipeline ? -1 : 1))
      const phases = sorted.map(({ pipeline, phase, hash }) =>
        phase === 'running' ? `${pipeline} runs ${hash.slice(0, 6)}` : `${pipeline} ${phase}`,
      )
      const epochs = sorted.filter(({ phase }) => phase === 'running').map(({ epoch }) => epoch)
      const members = workers.filter(({ member }) => member).length
      return { said: `${mode} with ${members}, ${phases.join(', ')}`, generation, epochs }
    } catch {
      return null
    }
  }

  /** Writes the program `name` in one of its versions, and answers what is submitted. */
  private async program(name: string, version: number): Promise<object> {
    const { folder } = this.given
    mkdirSync(this.folderOf(name), { recursive: true })
    const file = `${folder}/${name}-${version}.ts`
    const [named, step] = ["pipeline('commands'", ".keyBy('by-rest'"]
    const text = readFileSync(PIPELINE, 'utf8')
    if (!text.includes(named) || !text.includes(step)) throw new Error(`${PIPELINE} has another form`)
    const changed = text.replace(step, `.filter('version-${version}', () => true)${step}`)
    writeFileSync(file, changed.replace(named, `pipeline('${name}'`))
    const { bundle, graph } = await loadGraph(file, { folder: this.folderOf(name), keys: String(KEYS) })
    const { text: code, map, hash } = bundle
    return { text: code, map, hash, parameters: graph.parameters, from: null, fresh: false, drop: [] }
  }

  private folderOf(name: string): string {
    return `${this.given.folder}/out/${name}`
  }

  private pick<T>(of: readonly T[]): T {
    return of[this.chance.below(of.length)]!
  }
}

/** What all say; `null` where they differ, or where it is nothing that lasts. */
function orderOf(pictures: readonly (Order | null)[]): Order | null {
  const [one = null] = pictures
  const { said, generation } = one ?? { said: '', generation: 0 }
  if (!said.startsWith(`normal with ${SIZE}`) || / (starting|draining|ended|failed)\b/.test(said)) return null
  const same = pictures.every((other) => other?.said === said && other.generation === generation)
  return same ? { ...one!, epochs: pictures.flatMap((picture) => picture!.epochs) } : null
}

await prove(proof)
