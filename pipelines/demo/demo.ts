/**
 * `npm run demo`: a cluster of three workers, a pipeline, a producer, `kill -9`, a fourth worker, and the counts all
 * the same.
 *
 * Counts the words of some megabytes of text. While they stream, one worker is killed, one is added, and one more is
 * killed. Every count is compared with one that was made without a stream processor. Exits with 0 only where all are
 * equal, in the state and in the output file.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ClusterView } from '../../src/admin/cluster-view.ts'
import { findWorker } from '../../src/cli/control-client.ts'
import { connect } from '../../src/client.ts'
import { makeLines } from './text.ts'

const LINES = 150_000
const SEED = 1935
/** Lines that are handed to the producer at a time. */
const PORTION = 1000
/** The pause between two portions, in milliseconds: the text is to last longer than what is done to the cluster. */
const PACE_MS = 60
const KEYS_PER_PAGE = 1000
const LOOK_MS = 100

const launcher = fileURLToPath(new URL('../../src/launch.js', import.meta.url))
const pipelineFile = fileURLToPath(new URL('./word-count.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'potoroo-demo-'))
const data = join(folder, 'cluster')
const out = join(folder, 'totals.txt')

const startedMs = performance.now()
/** What was started, and has to be gone at the end. */
const running: ChildProcess[] = []

try {
  process.exitCode = (await demonstrate()) ? 0 : 1
} finally {
  for (const child of running) child.kill('SIGKILL')
  if (process.exitCode === 0) rmSync(folder, { recursive: true })
  else tell(`what is left lies in ${folder}`)
}

async function demonstrate(): Promise<boolean> {
  const text = makeLines(LINES, SEED)
  const expected = countWords(text)
  const words = [...expected.values()].reduce((sum, count) => sum + count, 0)
  tell(`made ${show(LINES)} lines with ${show(words)} words, ${show(expected.size)} of them different`)

  const port = await freePort()
  const parameters = ['--param', `port=${port}`, '--param', `out=${out}`]
  const up = start('up', pipelineFile, '--workers', '3', '--data', data, ...parameters)
  await cluster(({ mode, pipelines }) => mode === 'normal' && pipelines.length === 1)

  const sentMs = performance.now()
  await sendAll(text, port)
  const seconds = (performance.now() - sentMs) / 1000
  tell(`all ${show(LINES)} lines are stable, after ${seconds.toFixed(1)} s, two kills and one more worker`)

  const counts = await readState()
  for (const child of running) child.kill('SIGTERM')
  const [status] = (await once(up, 'exit')) as [number]
  const written = readFileSync(out, 'utf8').split('\n').slice(0, -1)

  return [
    check('state', compare(expected, counts), `${show(counts.size)} counts equal an independent count`),
    check(
      'output',
      checkOutput(expected, written),
      `${show(written.length)} totals in the file, each once and in order`,
    ),
    check('end', status === 0 ? null : `the cluster ended with status ${status}`, 'every worker ended in order'),
  ].every((fine) => fine)
}

/** Sends every line by the acknowledged protocol, and does to the cluster on the way what is to be done to it. */
async function sendAll(text: readonly string[], port: number): Promise<void> {
  const client = await connect({ port, source: 'lines', producer: 'demo', maxOutstanding: 1 << 20 })
  const deeds: [share: number, deed: (journaled: number) => Promise<unknown>][] = [
    [0.2, (journaled) => kill('w2', journaled)],
    [0.45, (journaled) => add('w4', journaled)],
    [0.7, (journaled) => kill('w1', journaled)],
  ]
  let doing: Promise<unknown> = Promise.resolve()
  client.on('ack', ({ journaled }) => {
    const next = deeds[0]
    if (next === undefined || journaled < next[0] * text.length) return
    deeds.shift()
    doing = doing.then(() => next[1](journaled))
  })
  for (let from = 0; from < text.length; from += PORTION) {
    await client.send(text.slice(from, from + PORTION))
    await new Promise((resolve) => setTimeout(resolve, PACE_MS))
  }
  await client.flush('stable')
  await doing
  client.close()
}

async function kill(worker: string, journaled: number): Promise<void> {
  const before = await cluster(({ workers }) => workers.some((one) => one.worker === worker && one.member))
  const { pid } = await (await findWorker({ data }, { worker })).get<{ pid: number }>('/v1/worker')
  const killedMs = performance.now()
  process.kill(pid, 'SIGKILL')
  tell(`kill -9 of ${worker}, with ${show(journaled)} lines acknowledged`)
  const after = await cluster(({ mode, generation }) => mode === 'normal' && generation > before.generation)
  tell(`generation ${after.generation} of ${list(after)} goes on ${Math.round(performance.now() - killedMs)} ms later`)
}

/** Starts another worker, with what every worker of the cluster is started with. */
async function add(worker: string, journaled: number): Promise<void> {
  const addedMs = performance.now()
  tell(`adds ${worker}, with ${show(journaled)} lines acknowledged`)
  process.env.POTOROO_CLUSTER_TOKEN_FILE = join(data, 'cluster.token')
  const shared = ['--store', join(data, 'store'), '--journals', join(data, 'journals'), '--share-ports']
  start('worker', '--worker', worker, '--data', join(data, worker), ...shared)
  const after = await cluster(
    ({ mode, workers }) => mode === 'normal' && workers.some((one) => one.worker === worker && one.keyGroups > 0),
  )
  const share = after.workers.find((one) => one.worker === worker)!.keyGroups
  tell(`${worker} owns ${share} of ${after.keyGroups} key groups ${Math.round(performance.now() - addedMs)} ms later`)
}

/** Waits until the cluster is as `wanted`, as any of its workers sees it. */
async function cluster(wanted: (view: ClusterView) => boolean): Promise<ClusterView> {
  for (;;) {
    try {
      const view = await (await findWorker({ data })).get<ClusterView>('/v1/cluster', 1000)
      if (wanted(view)) return view
    } catch {
      // Nobody answers just now.
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

function list({ workers }: ClusterView): string {
  return workers
    .filter(({ member }) => member)
    .map(({ worker }) => worker)
    .join(', ')
}

/** Starts a command of potoroo; what it has to say to people is shown under what is told here, in the same time. */
function start(...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'inherit', 'pipe'] })
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (line !== '' && !line.startsWith('{')) tell(`  ${line.replace(/^\d\d:\d\d:\d\d {2}/, '')}`)
  })
  running.push(child)
  return child
}

/** Every count in the pipeline's state. */
async function readState(): Promise<Map<string, number>> {
  interface Page {
    readonly found: readonly { readonly key: string; readonly state: { readonly total: number } }[]
    readonly next: string | null
    readonly completeness: { readonly missing: readonly unknown[] }
  }
  const control = await findWorker({ data })
  const counts = new Map<string, number>()
  let cursor: string | null = ''
  while (cursor !== null) {
    const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page: Page = await control.get<Page>(`/v1/pipelines/word-count/state/count?limit=${KEYS_PER_PAGE}${after}`)
    if (page.completeness.missing.length > 0) {
      // A worker is on its way: what it owns is asked for again.
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      continue
    }
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
