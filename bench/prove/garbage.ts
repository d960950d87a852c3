/**
 * Every port of a worker under a storm of garbage: no crash, memory bounded, the healthy producers unharmed.
 *
 * A worker runs a pipeline with a source of each kind that listens; its link port and its control API are open beside
 * them. Healthy producers send without pause: lines, prefixed records, the acked protocol, a WebSocket, HTTP with keys.
 * Meanwhile strangers send inputs that fast-check makes (`lib/garbage.ts`), spoilt once more: noise, cut and over-long
 * frames, frames and requests with right checksums and lengths and wrong contents, bodies without an end, WebSockets
 * where there are none. They leave in order, in the middle, by reset, or stay and say nothing. Afterwards
 *
 * - the worker has not ended, and shows no stack;
 * - its memory was bounded all the time, and what the strangers had open is closed when they are gone;
 * - no connection of a healthy producer was closed, none waited for longer than `STALL_MS`;
 * - every record of a healthy producer counts, once.
 *
 * Not proved here: floods that fill the network or all descriptors, and strangers who know the token and use it
 * rightly.
 *
 * Seen failing with each of `lib/mutants.ts`: `npm run prove -- garbage --mutants`.
 */
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { connect as dial, type Socket } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { Prng } from '../../src/base/prng.ts'
import { findWorker } from '../../src/cli/control-client.ts'
import { type Client, connect } from '../../src/client.ts'
import { freePort } from '../workers/free-port.ts'
import { STUCK_MS } from '../workers/patience.ts'
import { bareStack, Subject, statesOf } from '../workers/subject.ts'
import { Garbage, type Kind } from './lib/garbage.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { garbageMutants } from './lib/mutants.ts'

const PIPELINE = resolve(import.meta.dirname, 'pipelines/garbage.ts')
const TOKEN = 'letters-nobody-guesses'
/** Inputs in one round. */
const INPUTS = 1000
/** Strangers at a time, and those of them who only stay. */
const STRANGERS = 48
const SILENT_MAX = 200
/** A stranger waits so long for an answer before the next input, in milliseconds. */
const WAIT_MS = 20
/** A healthy producer that waits for longer than this is harmed, in milliseconds. */
const STALL_MS = 15_000
/** Resident memory that the worker may take, in bytes. */
const MEMORY = 900 << 20
/** Strangers' connections that may still be there after the last of them has left. */
const LEFT_OPEN = 20

/** More bodies than these may be held together, and longer ones than these may not be sent. */
const LIMITS = { partialBytes: 4 << 20, httpBodyBytes: 1 << 20, recordBytes: 256 << 10, helloTimeoutMs: 2000 }

const proof: Proof = {
  name: 'garbage',
  mutants: garbageMutants,
  rounds: 1000,
  mutantRounds: 100,
  run,
}

interface Target {
  readonly name: string
  readonly port: number
  /** What is sent there, and how many inputs on one connection. */
  readonly kinds: readonly Kind[]
  readonly most: number
}

interface Ports {
  readonly lines: number
  readonly prefixed: number
  readonly acked: number
  readonly http: number
  readonly socket: number
  readonly ackedSocket: number
}

// ── The strangers ──────────────────────────────────────────────────────────────────────────────────────────────────

class Storm {
  /** Inputs and connections so far. */
  readonly inputs = new Map<string, number>()
  connections = 0
  total = 0
  private readonly silent: Socket[] = []
  private readonly garbage: Garbage
  private readonly chance: Prng
  private readonly targets: readonly Target[]

  constructor(garbage: Garbage, chance: Prng, targets: readonly Target[]) {
    this.garbage = garbage
    this.chance = chance
    this.targets = targets
  }

  /** Sends `wanted` inputs, then leaves. */
  async rage(wanted: number, signal: AbortSignal): Promise<void> {
    const stranger = async (): Promise<void> => {
      while (this.total < wanted) {
        signal.throwIfAborted()
        await this.visit(this.targets[this.chance.below(this.targets.length)]!)
      }
    }
    await Promise.all(Array.from({ length: STRANGERS }, stranger))
    for (const socket of this.silent) socket.destroy()
  }

  private async visit(target: Target): Promise<void> {
    const { chance, garbage } = this
    const socket = dial(target.port, '127.0.0.1')
    // What waits for an answer in vain leaves its listeners.
    socket.setMaxListeners(0).on('error', () => {})
    socket.resume()
    const opened = await Promise.race([once(socket, 'connect').catch(() => null), pause(5000, null)])
    if (opened === null) return void socket.destroy()
    this.connections++
    const kind = target.kinds[chance.below(target.kinds.length)]!
    for (let left = 1 + chance.below(target.most); left > 0 && !socket.closed && socket.writable; left--) {
      const input = garbage.next(kind)
      this.count(target.name)
      if (chance.below(50) === 0) await this.drip(socket, input)
      else socket.write(input)
    }
    if (chance.below(100) === 0) await this.flood(socket)
    await this.leave(socket)
  }

  /** Byte by byte, as slow heads come. */
  private async drip(socket: Socket, input: Buffer): Promise<void> {
    for (const byte of input.subarray(0, 20)) {
      socket.write(Buffer.of(byte))
      await pause(1)
    }
  }

  /** More than any record or body may have, without an end. */
  private async flood(socket: Socket): Promise<void> {
    const part = Buffer.alloc(256 << 10, 'x')
    for (let i = 0; i < 40 && socket.writable; i++) {
      if (!socket.write(part)) await Promise.race([once(socket, 'drain').catch(() => {}), pause(WAIT_MS)])
    }
  }

  private async leave(socket: Socket): Promise<void> {
    const { chance, silent } = this
    switch (chance.below(4)) {
      case 0:
        socket.end()
        await Promise.race([once(socket, 'close').catch(() => {}), pause(WAIT_MS)])
        return void socket.destroy()
      case 1:
        return void socket.resetAndDestroy()
      case 2:
        silent.push(socket)
        if (silent.length > SILENT_MAX) silent.shift()!.destroy()
        return
      default:
        // What stands in its queue arrives first.
        await pause(1)
        return void socket.destroy()
    }
  }

  private count(target: string): void {
    this.inputs.set(target, (this.inputs.get(target) ?? 0) + 1)
    this.total++
  }
}

// ── The healthy producers ──────────────────────────────────────────────────────────────────────────────────────────

/** Sends its own name, again and again, and keeps count. */
abstract class Healthy {
  readonly name: string
  sent = 0
  running = true
  /** When it was last told, or saw, that it goes on. */
  private aliveMs = performance.now()
  longestMs = 0
  private done: Promise<void> = Promise.resolve()

  constructor(name: string) {
    this.name = `healthy-${name}`
  }

  start(failed: (error: Error) => void): void {
    const work = async (): Promise<void> => {
      while (this.running) {
        await this.send()
        this.alive()
        await pause(20)
      }
    }
    this.done = work().catch(failed)
  }

  async stop(): Promise<void> {
    this.running = false
    await this.done
  }

  /** How long it has waited by now. */
  get waitedMs(): number {
    return performance.now() - this.aliveMs
  }

  private alive(): void {
    this.longestMs = Math.max(this.longestMs, this.waitedMs)
    this.aliveMs = performance.now()
  }

  protected abstract send(): Promise<void>
  abstract close(): Promise<void>
}

class Plain extends Healthy {
  private readonly socket: Socket
  private readonly frame: (record: Buffer) => Buffer

  constructor(name: string, port: number, frame: (record: Buffer) => Buffer, failed: (error: Error) => void) {
    super(name)
    this.frame = frame
    this.socket = dial(port, '127.0.0.1')
    this.socket.resume().on('error', failed)
    this.socket.on('close', () => this.running && failed(new Error(`the connection of ${this.name} was closed`)))
  }

  protected async send(): Promise<void> {
    const records = Array.from({ length: 20 }, () => this.frame(Buffer.from(this.name)))
    this.sent += records.length
    const all = Buffer.concat(records)
    // A network cuts where it likes, also within a record.
    const cut = all.length - 3
    this.socket.write(all.subarray(0, cut))
    await pause(5)
    if (!this.socket.write(all.subarray(cut))) await once(this.socket, 'drain')
  }

  async close(): Promise<void> {
    this.socket.end()
    await once(this.socket, 'close')
  }
}

class Talking extends Healthy {
  private readonly socket: WebSocket

  constructor(socket: WebSocket, failed: (error: Error) => void) {
    super('socket')
    this.socket = socket
    socket.on('error', failed)
    socket.on('close', (code, reason) => {
      if (this.running) failed(new Error(`the WebSocket of ${this.name} was closed: ${code} ${reason}`))
    })
  }

  protected async send(): Promise<void> {
    const all = Array.from({ length: 20 }, () => new Promise((done) => this.socket.send(this.name, done)))
    this.sent += 20
    await Promise.all(all)
  }

  async close(): Promise<void> {
    this.socket.close()
    await once(this.socket, 'close')
  }
}

class Acked extends Healthy {
  private readonly client: Client

  constructor(name: string, client: Client) {
    super(name)
    this.client = client
  }

  protected async send(): Promise<void> {
    this.sent += 20
    await this.client.send(Array.from({ length: 20 }, () => this.name))
    await this.client.flush('journaled')
  }

  async close(): Promise<void> {
    await this.client.flush('stable')
    this.client.close()
  }
}

class Posting extends Healthy {
  private readonly url: string

  constructor(port: number) {
    super('http')
    this.url = `http://127.0.0.1:${port}/in`
  }

  protected async send(): Promise<void> {
    const headers = {
      'content-type': 'application/x-ndjson',
      'idempotency-key': `healthy:${this.sent + 1}`,
      authorization: `Bearer ${TOKEN}`,
    }
    const body = `${JSON.stringify(this.name)}\n`.repeat(20)
    const answer = await fetch(this.url, { method: 'POST', headers, body })
    const text = await answer.text()
    // It is told to come again where bodies of strangers take all the room.
    if (answer.status === 503) return
    if (answer.status !== 200) throw new Error(`${this.name} was answered ${answer.status}: ${text}`)
    this.sent += 20
  }

  async close(): Promise<void> {}
}

function prefixed(record: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(record.length)
  return Buffer.concat([length, record])
}

// ── The proof ──────────────────────────────────────────────────────────────────────────────────────────────────────

async function run({ seed, folder, mutant, rounds, signal }: Run): Promise<string> {
  const chance = new Prng(seed)
  const garbage = new Garbage(seed, TOKEN, chance.fork())
  const [lines, prefixed, acked, http, socket, ackedSocket, link] = await freePorts()
  const ports = { lines, prefixed, acked, http, socket, ackedSocket }
  const data = `${folder}/data`
  const subject = start(data, link, mutant)
  const { promise: failed, reject } = Promise.withResolvers<never>()
  failed.catch(() => {})
  void subject.ended.then(({ status, signal }) => reject(new Error(`the worker ended (${status ?? signal})`)))
  try {
    const control = await submit(data, ports)
    const healthy = await produce(ports, reject)
    const before = openOf(subject.pid)
    const targets: readonly Target[] = [
      { name: 'lines', port: ports.lines, kinds: ['noise', 'text', 'text', 'frame', 'http'], most: 60 },
      { name: 'prefixed', port: ports.prefixed, kinds: ['noise', 'prefixed', 'prefixed', 'frame', 'http'], most: 60 },
      { name: 'acked', port: ports.acked, kinds: ['noise', 'text', 'frame', 'acked', 'acked', 'http'], most: 6 },
      { name: 'http', port: ports.http, kinds: ['noise', 'http', 'http', 'http', 'frame', 'upgrade'], most: 20 },
      { name: 'WebSocket', port: ports.socket, kinds: ['noise', 'http', 'upgrade', 'upgrade', 'upgrade'], most: 4 },
      { name: 'acked WebSocket', port: ports.ackedSocket, kinds: ['http', 'upgrade', 'upgrade', 'acked'], most: 4 },
      { name: 'links', port: link, kinds: ['noise', 'frame', 'acked', 'http'], most: 6 },
      { name: 'control', port: control, kinds: ['noise', 'http', 'http', 'upgrade'], most: 20 },
    ]
    const storm = new Storm(garbage, chance.fork(), targets)
    const memory = watch(subject.pid, healthy, storm, reject)
    await Promise.race([storm.rage(rounds * INPUTS, signal), failed])
    await closed(subject.pid, before, signal)
    const highest = memory()
    for (const producer of healthy) await Promise.race([producer.stop(), failed])
    for (const producer of healthy) await Promise.race([producer.close(), failed])
    await Promise.race([compare(data, healthy, signal), failed])
    const stack = bareStack(subject.said)
    if (stack !== null) throw new Error(`it showed a stack: ${stack}`)
    const { status } = await subject.stop('SIGTERM')
    if (status !== 0) throw new Error(`the worker did not end in order (${status})`)
    return figure(storm, healthy, highest)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${subject.said.slice(-4000)}`)
  } finally {
    if (subject.running) await subject.stop('SIGKILL')
  }
}

type Seven = [number, number, number, number, number, number, number]

function freePorts(): Promise<Seven> {
  return Promise.all(Array.from({ length: 7 }, freePort)) as Promise<number[]> as Promise<Seven>
}

function start(data: string, link: number, mutant: Run['mutant']): Subject {
  mkdirSync(`${data}-store`, { recursive: true })
  const place = ['--data', data, '--worker', 'w1', '--store', `${data}-store`, '--cluster', 'proof', '--expected', '1']
  const limits = Object.entries(LIMITS).flatMap(([name, value]) => ['--limit', `${name}=${value}`])
  const args = ['worker', ...place, '--listen', `127.0.0.1:${link}`, ...limits, '--log-level', 'warn']
  return new Subject(args, mutant, {
    environment: { POTOROO_SOURCE_TOKEN: TOKEN, POTOROO_CLUSTER_TOKEN: 'another-secret-of-the-cluster' },
  })
}

/** Submits the pipeline and waits until it listens; answers the port of the control API. */
async function submit(data: string, ports: Ports): Promise<number> {
  for (let tries = 0; ; tries++) {
    const given = Object.entries(ports).flatMap(([name, port]) => ['--param', `${name}=${port}`])
    const command = new Subject(['submit', PIPELINE, '--data', data, ...given], null)
    if ((await command.ended).status === 0) break
    if (tries === 40) throw new Error(`it could not be submitted:\n${command.said}`)
    await pause(250)
  }
  for (const port of Object.values(ports)) await listens(port)
  await findWorker({ data })
  const { address } = JSON.parse(readFileSync(`${data}/control.json`, 'utf8')) as { address: string }
  return Number(address.slice(address.lastIndexOf(':') + 1))
}

async function listens(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = dial(port, '127.0.0.1')
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (open) return
    await pause(50)
  }
  throw new Error(`nobody listens on port ${port}`)
}

async function produce(ports: Ports, failed: (error: Error) => void): Promise<readonly Healthy[]> {
  const client = await connect({ port: ports.acked, source: 'acked', producer: 'healthy', token: TOKEN })
  client.on('failed', failed)
  const socket = new WebSocket(`ws://127.0.0.1:${ports.socket}/ws`)
  await once(socket, 'open')
  const line = (record: Buffer): Buffer => Buffer.concat([record, Buffer.from('\n')])
  const healthy = [
    new Plain('lines', ports.lines, line, failed),
    new Plain('prefixed', ports.prefixed, prefixed, failed),
    new Acked('acked', client),
    new Talking(socket, failed),
    new Posting(ports.http),
  ]
  for (const producer of healthy) producer.start(failed)
  return healthy
}

/** Looks at memory and at the healthy producers; the answer ends that and tells the highest memory. */
function watch(pid: number, healthy: readonly Healthy[], storm: Storm, failed: (error: Error) => void): () => number {
  let highest = 0
  let looks = 0
  const timer = setInterval(() => {
    const memory = residentOf(pid)
    highest = Math.max(highest, memory)
    if (memory > MEMORY) failed(new Error(`the worker takes ${memory >> 20} MiB`))
    const late = healthy.find(({ waitedMs }) => waitedMs > STALL_MS)
    if (late !== undefined) failed(new Error(`${late.name} waits for ${Math.round(late.waitedMs)} ms`))
    if (++looks % 20 === 0) say(`${storm.total} inputs on ${storm.connections} connections, ${memory >> 20} MiB`)
  }, 500)
  return () => {
    clearInterval(timer)
    return highest
  }
}

/** Waits until what strangers had open is closed. */
async function closed(pid: number, before: number, signal: AbortSignal): Promise<void> {
  const until = performance.now() + STUCK_MS
  while (openOf(pid) > before + LEFT_OPEN) {
    if (performance.now() > until) throw new Error(`${openOf(pid) - before} connections of strangers are still open`)
    await pause(200, null, { signal })
  }
}

async function compare(data: string, healthy: readonly Healthy[], signal: AbortSignal): Promise<void> {
  const until = performance.now() + STUCK_MS
  for (;;) {
    const states = await statesOf<{ records: number }>(data, 'garbage', 'count')
    const wrong = healthy.filter(({ name, sent }) => states.get(name)?.records !== sent)
    if (wrong.length === 0 && states.size === healthy.length) return
    const tooMany = wrong.some(({ name, sent }) => (states.get(name)?.records ?? 0) > sent)
    if (tooMany || performance.now() > until) {
      const told = wrong.map(({ name, sent }) => `${name} sent ${sent}, ${states.get(name)?.records} count`)
      throw new Error(`${told.join('; ')}; ${states.size} keys`)
    }
    await pause(200, null, { signal })
  }
}

function figure(storm: Storm, healthy: readonly Healthy[], highest: number): string {
  const count = (n: number) => n.toLocaleString('en-US')
  const kinds = [...storm.inputs].map(([name, inputs]) => `${name} ${count(inputs)}`).join(', ')
  const longest = Math.round(Math.max(...healthy.map(({ longestMs }) => longestMs)))
  const records = count(healthy.reduce((sum, { sent }) => sum + sent, 0))
  const inputs = `${count(storm.total)} inputs on ${count(storm.connections)} connections (${kinds})`
  return `${inputs}, at most ${highest >> 20} MiB, ${records} healthy records exact, longest wait ${longest} ms`
}

function residentOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096
}

function openOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

await prove(proof)
