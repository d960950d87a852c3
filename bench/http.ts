/**
 * Requests of 1,000 records, answered when they are on the disk, against a server of node:http that parses, counts and
 * syncs. Each record is looked at as it comes, to refuse a request with a bad line; `not checked` leaves that to the
 * pipeline, as `bad: 'dead-letter'` does. Not measured: a network, TLS, more than one worker.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../pipelines/data/random.ts'
import { bench } from './lib/main.ts'
import { type Measure, median, paired } from './lib/report.ts'
import { launch, type Subject, start } from './lib/subject.ts'
import { freePort } from './workers/free-port.ts'

const ROUNDS = 5
const CONNECTIONS = 16
const RECORDS = 1000
const USERS = 50_000
const WARMUP_MS = 2500
const MEASURED_MS = 3000

const PIPELINE = resolve(import.meta.dirname, 'pipelines/http-count.ts')
const REFERENCE = resolve(import.meta.dirname, 'lib/plain-http.ts')

const random = new Random(7)

/** 1,000 lines of 100 bytes. */
function body(): Buffer {
  const line = (): string => {
    const user = `user-${random.below(USERS).toString(36).padStart(4, '0')}`
    const head = `{"user":"${user}","page":"/shop/${random.below(1e6)}","ms":${random.below(10_000)},"note":"`
    return `${head}${'x'.repeat(Math.max(0, 97 - head.length))}"}\n`
  }
  return Buffer.from(Array.from({ length: RECORDS }, line).join(''))
}

const bodies = Array.from({ length: 200 }, body)

interface Figures {
  readonly perSecond: number
  readonly cpuNs: number
}

/** Keeps requests on the way on each connection; answers the records per second that were acknowledged. */
async function load(port: number, subject: Subject): Promise<Figures> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const headers = { 'content-type': 'application/x-ndjson' }
  let [acknowledged, next, running] = [0, 0, true]
  const post = async (): Promise<void> => {
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: '/', agent, headers })
    sent.end(bodies[next++ % bodies.length])
    const [answer] = await once(sent, 'response')
    answer.resume()
    await once(answer, 'end')
    if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`)
    acknowledged += RECORDS
  }
  const keep = async (): Promise<void> => {
    while (running) await post()
  }
  const keeping = Promise.all(Array.from({ length: CONNECTIONS }, keep))
  await Promise.race([pause(WARMUP_MS), keeping])
  const [before, cpu, from] = [acknowledged, subject.cpuMs(), performance.now()]
  await Promise.race([pause(MEASURED_MS), keeping])
  const records = acknowledged - before
  const elapsedMs = performance.now() - from
  const figures = { perSecond: (records * 1000) / elapsedMs, cpuNs: ((subject.cpuMs() - cpu) * 1e6) / records }
  running = false
  await keeping
  agent.destroy()
  return figures
}

async function engine(check: boolean): Promise<Figures> {
  return inFolder(async (folder, port) => {
    const command = [
      'run',
      PIPELINE,
      '--data',
      `${folder}/data`,
      '--param',
      `port=${port}`,
      '--param',
      `check=${check}`,
    ]
    return start(['--conditions=source', launch, ...command], /listens on/)
  })
}

async function reference(): Promise<Figures> {
  return inFolder((folder, port) => start([REFERENCE, String(port), `${folder}/bodies`], /listens/))
}

async function inFolder(launch: (folder: string, port: number) => Promise<Subject>): Promise<Figures> {
  const folder = mkdtempSync(`${tmpdir()}/potoroo-bench-`)
  const port = await freePort()
  const subject = await launch(folder, port)
  try {
    return await load(port, subject)
  } finally {
    await subject.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

await bench('http', async (): Promise<readonly Measure[]> => {
  const checked: Figures[] = []
  const unchecked: Figures[] = []
  const references: Figures[] = []
  for (let round = 0; round < ROUNDS; round++) {
    unchecked.push(await engine(false))
    references.push(await reference())
    checked.push(await engine(true))
  }
  const rates = (figures: readonly Figures[]) => figures.map(({ perSecond }) => perSecond)
  const cpu = (figures: readonly Figures[]) => Math.round(median(figures.map(({ cpuNs }) => cpuNs)))
  process.stdout.write(
    `CPU per record: ${cpu(checked)}, not checked ${cpu(unchecked)}, against ${cpu(references)} ns\n`,
  )
  return [
    paired('http', 'records/s', rates(checked), rates(references), '>= 0.60'),
    paired('http, not checked', 'records/s', rates(unchecked), rates(references), null),
  ]
})
