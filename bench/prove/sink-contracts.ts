/**
 * Each kind of sink, its worker killed at random moments: what its promise says, exactly.
 *
 * - `fileSink` (transactional): every record once, each key in order.
 * - `stdoutSink` (at least once), and `tcpSink` and `webSocketSink` whose peer lives: nothing lost; what came after the
 *   last checkpoint may come again.
 * - `webhookSink`, and `tcpSink` and `webSocketSink` with the acknowledged protocol (idempotent): a receiver that
 *   remembers ids has every record once, each key in order. The receiver of the acknowledged protocol dies too, and
 *   comes back with its inbox.
 * - `tcpServerSink` and `webSocketServerSink` (best effort): a subscriber that comes back sees each key in order
 *   without a gap for as long as it is connected, and nothing else is said.
 *
 * On every connection records are whole, and those of a key rise without a gap. An acknowledged producer sends numbers;
 * the worker is killed with SIGKILL, now and then while it starts, and now and then while its reader has stopped
 * reading.
 *
 * Not proved here: a connection that breaks, where best effort may lose; loss of power.
 *
 * Commits that a kill cuts off are rare here; `kill9` has more of them. Seen failing with each of `contractMutants`:
 * `npm run prove -- sink-contracts --mutants`.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../src/base/prng.ts'
import { connect } from '../../src/client.ts'
import { freePort } from '../workers/free-port.ts'
import { STUCK_MS } from '../workers/patience.ts'
import { bareStack, Subject } from '../workers/subject.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { contractMutants } from './lib/mutants.ts'
import { Numbers } from './lib/numbers.ts'
import { idempotentKinds, readKinds, type SinkKind, SinkReader } from './lib/sink-reader.ts'

const PIPELINE = resolve(import.meta.dirname, 'pipelines/kinds.ts')
const LIFE_MS = 500
/** One life in so many is ended while the worker starts. */
const EARLY = 8
const START_MS = 400
/** In one life of so many the reader stops, longer than a barrier waits for a socket, so that much is under way. */
const STOPS = 3
const STOP_MS = 1300
/** What has left the worker in order has come once nothing came for so long. */
const COMES_MS = 2000
const REST_MS = 20
/**
 * A receiver that has few bytes on the way, and syncs them, takes some thousand in a second; one of single posts, one
 * thousand.
 */
const KIND_REST_MS: Readonly<Partial<Record<SinkKind, number>>> = { acked: 100, 'acked-websocket': 100, webhook: 400 }
const LIMITS = ['checkpointIntervalMs=100', 'keyGroups=64']

const proof: Proof = {
  name: 'sink-contracts',
  mutants: contractMutants,
  rounds: 50,
  mutantRounds: 15,
  run,
}

async function run({ seed, folder, mutant, rounds, signal }: Run): Promise<string> {
  const chance = new Prng(seed)
  let [records, again] = [0, 0]
  for (const kind of ['file', ...readKinds] as const) {
    const trial = await Trial.open(kind, `${folder}/${kind}`, mutant, signal)
    try {
      for (let kill = 0; kill < rounds; kill++) await trial.kill(chance)
      const { sent, repeated, lost } = await trial.end()
      records += sent
      again += repeated
      say(`${kind}: ${rounds} kills, ${sent} records, ${lost} not seen, ${repeated} more than once`)
    } finally {
      await trial.close()
    }
  }
  return `${readKinds.length + 1} kinds, each killed ${rounds} times, ${records} records, ${again} came again where they may`
}

class Trial {
  private readonly kind: SinkKind
  private readonly folder: string
  private readonly mutant: Run['mutant']
  private readonly signal: AbortSignal
  private readonly port: number
  private readonly output: number
  private readonly reader = new SinkReader()
  private readonly producer: Numbers
  private readonly coming: AbortController[] = []
  private subject: Subject

  static async open(kind: SinkKind, folder: string, mutant: Run['mutant'], signal: AbortSignal): Promise<Trial> {
    const [port, output] = [await freePort(), await freePort()]
    const client = await connect({ port, source: 'numbers', producer: 'p', maxOutstanding: 64 << 20, maxBackoffMs: 50 })
    const restMs = KIND_REST_MS[kind] ?? REST_MS
    const trial = new Trial(kind, folder, mutant, signal, port, output, new Numbers(client, restMs))
    await trial.reader.listen(kind, output, folder)
    return trial
  }

  private constructor(
    kind: SinkKind,
    folder: string,
    mutant: Run['mutant'],
    signal: AbortSignal,
    port: number,
    output: number,
    producer: Numbers,
  ) {
    this.kind = kind
    this.folder = folder
    this.mutant = mutant
    this.signal = signal
    this.port = port
    this.output = output
    this.producer = producer
    this.subject = this.begin()
  }

  /** Lets the worker live for a while, kills it and starts another one. */
  async kill(chance: Prng): Promise<void> {
    const early = chance.below(EARLY) === 0
    if (!early) await this.advanced()
    const stops = !early && this.kind !== 'file' && chance.below(STOPS) === 0
    if (stops) this.reader.stop()
    const lifeMs = chance.below(early ? START_MS : LIFE_MS) + (stops ? STOP_MS : 0)
    await pause(lifeMs, null, { signal: this.signal })
    if (!this.subject.running) throw new Error(`${this.kind}: the worker ended by itself:\n${this.subject.said}`)
    await this.subject.stop('SIGKILL')
    this.checkSaid()
    if (stops) this.reader.goOn()
    if (chance.below(STOPS) === 0) await this.reader.restart()
    this.subject = this.begin()
  }

  /** Ends in order, and compares what came with what the sink promises. */
  async end(): Promise<{ readonly sent: number; readonly repeated: number; readonly lost: number }> {
    const { kind, producer, reader, signal } = this
    await this.advanced()
    await producer.stop()
    const flushed = await Promise.race([producer.flush().then(() => true), pause(STUCK_MS, false, { signal })])
    if (!flushed) throw new Error(`${kind}: not all is stable after ${STUCK_MS} ms:\n${this.subject.said}`)
    const { status } = await this.subject.stop('SIGTERM')
    if (status !== 0) throw new Error(`${kind}: the worker did not end in order:\n${this.subject.said}`)
    this.checkSaid()
    if (kind === 'file') reader.readFile(readFileSync(`${this.folder}/rows`))
    const { sent } = producer
    const complete = kind.endsWith('-server') ? (): boolean => true : () => reader.findings(sent).lost === 0
    for (let seen = -1; !complete() && seen < reader.records; ) {
      seen = reader.records
      for (const until = performance.now() + COMES_MS; !complete() && performance.now() < until; ) await pause(50)
    }
    const { lost, repeated, foreign } = reader.findings(sent)
    const mayLose = kind.endsWith('-server')
    const mayRepeat = kind !== 'file' && !idempotentKinds.includes(kind)
    if (reader.failure !== null) throw reader.failure
    if ((lost > 0 && !mayLose) || (repeated > 0 && !mayRepeat) || foreign > 0 || reader.misplaced > 0) {
      const what = `${lost} lost, ${repeated} repeated, ${foreign} never sent, ${reader.misplaced} out of order`
      throw new Error(`${kind}: ${what}, of ${sent}`)
    }
    if (reader.records === 0) throw new Error(`${kind}: nothing has come`)
    return { sent, repeated, lost }
  }

  async close(): Promise<void> {
    for (const controller of this.coming) controller.abort()
    await this.producer.stop()
    this.producer.close()
    this.reader.close()
    await this.subject.stop('SIGKILL')
  }

  private begin(): Subject {
    const { kind, folder, port, output, mutant, reader } = this
    const settings = Object.entries({ kind, port, output, folder })
    const parameters = settings.flatMap(([name, value]) => ['--param', `${name}=${value}`])
    const limits = LIMITS.flatMap((limit) => ['--limit', limit])
    const args = ['run', PIPELINE, '--data', `${folder}/data`, ...parameters, ...limits]
    const subject = new Subject(args, mutant, { output: kind === 'stdout' })
    const controller = new AbortController()
    this.coming.push(controller)
    void subject.ended.then(() => controller.abort())
    reader.come(kind, output, subject, controller.signal).catch(() => {})
    return subject
  }

  /** Waits until more has come than before: for a file, until the worker has taken more. */
  private async advanced(): Promise<void> {
    const { kind, reader, producer, signal } = this
    const seen = (): number => (kind === 'file' ? producer.taken : reader.records)
    const before = seen()
    for (const end = performance.now() + STUCK_MS; seen() <= before; ) {
      if (reader.failure !== null) throw reader.failure
      if (performance.now() > end || !this.subject.running) {
        throw new Error(`${kind}: nothing comes any more:\n${this.subject.said}`)
      }
      await pause(5, null, { signal })
    }
  }

  private checkSaid(): void {
    const stack = bareStack(this.subject.said)
    if (stack !== null) throw new Error(`${this.kind}: the worker showed a stack: ${stack}\n${this.subject.said}`)
  }
}

await prove(proof)
