/**
 * `npm run demo`: a worker, a pipeline, a producer, `kill -9`, and the counts all the same.
 *
 * Counts the words of some megabytes of text while the worker is killed twice, and compares every count with one that was
 * made without a stream processor. Exits with 0 only where all are equal, in the state and in the output file.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findWorker } from '../../src/cli/control-client.ts'
import { connect } from '../../src/client.ts'
import { makeLines } from './text.ts'

const LINES = 150_000
const SEED = 1935
/** Lines that are handed to the producer at a time. */
const PORTION = 1000
/** The worker is killed when this share of the lines has been acknowledged. */
const KILLS = [0.3, 0.65]
const KEYS_PER_PAGE = 1000

const launcher = fileURLToPath(new URL('../../src/launch.js', import.meta.url))
const pipelineFile = fileURLToPath(new URL('./word-count.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'potoroo-demo-'))
const data = join(folder, 'data')
const out = join(folder, 'totals.txt')

const startedMs = performance.now()
const running: { worker: ChildProcess | null } = { worker: null }

try {
  process.exitCode = (await demonstrate()) ? 0 : 1
} finally {
  running.worker?.kill('SIGKILL')
  if (process.exitCode === 0) rmSync(folder, { recursive: true })
  else tell(`what is left lies in ${folder}`)
}

async function demonstrate(): Promise<boolean> {
  const text = makeLines(LINES, SEED)
  const expected = countWords(text)
  const words = [...expected.values()].reduce((sum, count) => sum + count, 0)
  tell(`made ${show(LINES)} lines with ${show(words)} words, ${show(expected.size)} of them different`)

  await startWorker()
  const port = await freePort()
  await potoroo('submit', pipelineFile, '--data', data, '--param', `port=${port}`, '--param', `out=${out}`)
  tell(`submitted pipelines/demo/word-count.ts`)

  const sentMs = performance.now()
  await sendAll(text, port)
  const seconds = (performance.now() - sentMs) / 1000
  tell(`all ${show(LINES)} lines are stable, after ${seconds.toFixed(1)} s and ${KILLS.length} kills`)

  const counts = await readState()
  await potoroo('drain', 'word-count', '--data', data)
  running.worker!.kill('SIGTERM')
  await once(running.worker!, 'exit')
  const written = readFileSync(out, 'utf8').split('\n').slice(0, -1)

  return [
    check('state', compare(expected, counts), `${show(counts.size)} counts equal an independent count`),
    check(
      'output',
      checkOutput(expected, written),
      `${show(written.length)} totals in the file, each once and in order`,
    ),
  ].every((fine) => fine)
}

/** Sends every line by the acknowledged protocol and kills the worker on the way. */
async function sendAll(text: readonly string[], port: number): Promise<void> {
  const client = await connect({ port, source: 'lines', producer: 'demo', maxOutstanding: 1 << 20 })
  const kills = KILLS.map((share) => Math.floor(share * text.length))
  let restarting: Promise<void> = Promise.resolve()
  client.on('ack', ({ journaled }) => {
    if (kills.length === 0 || journaled < kills[0]!) return
    kills.shift()
    restarting = restarting.then(() => killAndRestart(journaled))
  })
  for (let from = 0; from < text.length; from += PORTION) await client.send(text.slice(from, from + PORTION))
  await client.flush('stable')
  await restarting
  client.close()
}

async function killAndRestart(journaled: number): Promise<void> {
  const killed = running.worker!
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  const killedMs = performance.now()
  tell(`kill -9 of process ${killed.pid}, with ${show(journaled)} lines acknowledged`)
  const started = await startWorker()
  tell(`process ${started.pid} goes on ${Math.round(performance.now() - killedMs)} ms later`)
}

/** Starts a worker and waits until it answers and its pipelines run. */
async function startWorker(): Promise<ChildProcess> {
  const args = [launcher, 'worker', '--data', data, '--log-format', 'json']
  const started = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] })
  const again = running.worker !== null
  running.worker = started
  const ready = Promise.withResolvers<void>()
  createInterface({ input: started.stderr! }).on('line', (line) => {
    const { level, code, ...fields } = logLine(line)
    if (code === (again ? 'pipeline.running' : 'worker.started')) ready.resolve()
    if (level === 'warn' || level === 'error') tell(`worker: ${code} ${JSON.stringify(fields)}`)
  })
  started.once('exit', (status) => {
    // Killed by us it has none, ended by us it has 0.
    if (status === null || status === 0) return
    tell(`✗ the worker ended with status ${status}`)
    process.exit(1)
  })
  await ready.promise
  return started
}

/** A line of the worker's log; one that is none is told as it stands. */
function logLine(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return { level: 'error', code: line }
  }
}

/** Runs a command of potoroo to its end. */
async function potoroo(...args: readonly string[]): Promise<void> {
  const command = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [status] = (await once(command, 'exit')) as [number]
  if (status !== 0) throw new Error(`potoroo ${args[0]} ended with status ${status}`)
}

/** Every count in the pipeline's state. */
async function readState(): Promise<Map<string, number>> {
  interface Page {
    readonly found: readonly { readonly key: string; readonly state: { readonly total: number } }[]
    readonly next: string | null
  }
  const control = await findWorker({ data })
  const counts = new Map<string, number>()
  let cursor: string | null = ''
  while (cursor !== null) {
    const path: string = `/v1/pipelines/word-count/state/count?limit=${KEYS_PER_PAGE}&cursor=${cursor}`
    const page: Page = await control.get<Page>(path)
    for (const { key, state } of page.found) counts.set(key, state.total)
    cursor = page.next
  }
  return counts
}

// ── The independent count ──────────────────────────────────────────────────────────────────────────────────────────

function countWords(text: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const line of text) {
    for (const word of line.toLowerCase().split(' ')) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return counts
}

/** What is wrong, or `null`. */
function compare(expected: ReadonlyMap<string, number>, found: ReadonlyMap<string, number>): string | null {
  for (const [word, count] of expected) {
    if (found.get(word) !== count) return `"${word}" comes ${count} times and was counted ${found.get(word) ?? 0} times`
  }
  return found.size === expected.size ? null : `${found.size} words were counted where there are ${expected.size}`
}

/** The file must hold the totals 1, 2, 3 … of every word, none twice and none left out. */
function checkOutput(expected: ReadonlyMap<string, number>, written: readonly string[]): string | null {
  const last = new Map<string, number>()
  for (const [i, line] of written.entries()) {
    const [word, total] = line.split(' ') as [string, string]
    const before = last.get(word) ?? 0
    if (Number(total) !== before + 1) return `line ${i + 1} has total ${total} of "${word}" after total ${before}`
    last.set(word, before + 1)
  }
  return compare(expected, last)
}

// ── Telling ────────────────────────────────────────────────────────────────────────────────────────────────────────

function check(what: string, wrong: string | null, right: string): boolean {
  tell(wrong === null ? `✓ ${what}: ${right}` : `✗ ${what}: ${wrong}`)
  return wrong === null
}

function tell(text: string): void {
  process.stdout.write(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(5)} s  ${text}\n`)
}

function show(count: number): string {
  return count.toLocaleString('en-US')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
