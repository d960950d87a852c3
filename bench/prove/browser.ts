/**
 * A page in a real Chromium sends by the acked protocol over WebSocket while its connection is cut and the worker
 * killed: what the page has counted is what the worker has counted.
 *
 * The page is served from this machine, loads `potoroo/browser` as one file, and keeps a count for each word. Its
 * connection goes through a relay that is cut at random moments, on the way of whole messages or inside of them; in
 * between the worker is killed with SIGKILL and started again. At the end the page waits until all is stable.
 *
 * Not proved here: a page that is closed with records in its memory, which are lost as the docs say. Needs Chromium
 * (`apt-get install chromium`), and says so where there is none.
 *
 * Seen failing with each of `browserMutants`: `npm run prove -- browser --mutants`.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Prng } from '../../src/base/prng.ts'
import { bundleForBrowsers } from '../../src/client/browser/bundle.ts'
import { freePort } from '../workers/free-port.ts'
import { STUCK_MS } from '../workers/patience.ts'
import { bareStack, Subject, statesOf } from '../workers/subject.ts'
import { Browser, type Page } from './lib/browser.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { browserMutants } from './lib/mutants.ts'
import { Relay } from './lib/relay.ts'

const PIPELINE = resolve(import.meta.dirname, 'pipelines/browser.ts')
/** One interruption in so many kills the worker; the others cut the connection. */
const KILLS = 2
const LIFE_MS = 1200
const LIMITS = ['checkpointIntervalMs=200', 'keyGroups=64']

const proof: Proof = { name: 'browser', mutants: browserMutants, rounds: 30, mutantRounds: 20, run }

/** What the page does; it runs there. */
const SCRIPT = `
import { connect } from './potoroo.js'
const url = new URL(location.href).searchParams.get('url')
const client = await connect({ url, source: 'words', producer: 'page', maxOutstanding: 1 << 20, maxBackoffMs: 100 })
const counts = {}
let failure = null
let running = true
let disconnects = 0
client.on('disconnect', () => disconnects++)
client.on('failed', (error) => { failure = String(error) })
const send = async () => {
  while (running) {
    const words = Array.from({ length: 1 + Math.random() ** 6 * 4000 }, () => 'wörd-' + Math.floor(Math.random() ** 2 * 500))
    await client.send(words)
    for (const word of words) counts[word] = (counts[word] ?? 0) + 1
    document.body.textContent = client.last + ' sent, ' + client.journaled + ' journaled, ' + client.stable + ' stable'
    await new Promise((go) => setTimeout(go, 5))
  }
}
const sending = send().catch((error) => { failure = String(error) })
window.proof = {
  look: () => ({ sent: client.last, journaled: client.journaled, stable: client.stable, disconnects, failure }),
  stop: async () => {
    running = false
    await sending
    await client.flush('stable')
    return counts
  },
}
`

interface Look {
  readonly sent: number
  readonly journaled: number
  readonly stable: number
  readonly disconnects: number
  readonly failure: string | null
}

async function run({ seed, folder, mutant, rounds, signal }: Run): Promise<string> {
  const chance = new Prng(seed)
  const [port, data, script] = [await freePort(), `${folder}/data`, await bundleForBrowsers()]
  const limits = LIMITS.flatMap((limit) => ['--limit', limit])
  const begin = (): Subject =>
    new Subject(['run', PIPELINE, '--data', data, '--param', `port=${port}`, ...limits], mutant)
  let subject = begin()
  const site = await serve({
    '/': '<!doctype html><body><script type="module" src="/page.js"></script>',
    '/page.js': SCRIPT,
    '/potoroo.js': script,
  })
  const relay = await Relay.open(port)
  const browser = await Browser.start(`${folder}/chromium`)
  try {
    const to = encodeURIComponent(`ws://127.0.0.1:${relay.port}/words`)
    const page = await browser.open(`${site.url}/?url=${to}`)
    let kills = 0
    let acknowledged = await advanced(page, 0, subject, signal)
    for (let round = 1; round <= rounds; round++) {
      await pause(chance.below(LIFE_MS), null, { signal })
      if (chance.below(KILLS) === 0) {
        kills++
        await subject.stop('SIGKILL')
        checkSaid(subject)
        subject = begin()
      } else relay.cut()
      acknowledged = await advanced(page, acknowledged, subject, signal)
      if (round % 10 === 0) say(`${round} of ${rounds} interruptions, ${acknowledged} records acknowledged`)
    }
    const stopped = page.evaluate<Record<string, number>>('proof.stop()')
    const counts = await Promise.race([stopped, pause(STUCK_MS, null, { signal })])
    if (counts === null) throw new Error(`not all is stable after ${STUCK_MS} ms:\n${subject.said}`)
    const { sent, disconnects } = await page.evaluate<Look>('proof.look()')
    const states = await statesOf<{ readonly total: number }>(data, 'browser', 'count')
    const { status } = await subject.stop('SIGTERM')
    if (status !== 0) throw new Error(`the worker did not end in order (${status}):\n${subject.said}`)
    checkSaid(subject)
    compare(counts, states, sent)
    if (disconnects < rounds / 2) throw new Error(`the page lost only ${disconnects} connections of ${rounds}`)
    const words = Object.keys(counts).length
    return `${sent} records of ${words} words, ${disconnects} connections lost, ${kills} kills, every count equal`
  } finally {
    await browser.stop()
    relay.close()
    site.close()
    await subject.stop('SIGKILL')
  }
}

/** Waits until the page has heard of more records on a disk than `before`. */
async function advanced(page: Page, before: number, subject: Subject, signal: AbortSignal): Promise<number> {
  for (const end = performance.now() + STUCK_MS; performance.now() < end; ) {
    const look = await page.evaluate<Look | null>('window.proof?.look() ?? null')
    if (look !== null && look.failure !== null) throw new Error(`the page's client ended: ${look.failure}`)
    if (look !== null && look.journaled > before) return look.sent
    if (!subject.running) throw new Error(`the worker ended by itself:\n${subject.said}`)
    await pause(20, null, { signal })
  }
  throw new Error(`nothing was acknowledged for ${STUCK_MS} ms:\n${subject.said}`)
}

function compare(counts: Record<string, number>, states: Map<string, { readonly total: number }>, sent: number): void {
  const wrong: string[] = []
  let sum = 0
  for (const word of new Set([...Object.keys(counts), ...states.keys()])) {
    const [page, worker] = [counts[word] ?? 0, states.get(word)?.total ?? 0]
    sum += page
    if (page !== worker) wrong.push(`${word}: the page has sent it ${page} times, the worker has counted ${worker}`)
  }
  if (wrong.length > 0) throw new Error(`${wrong.length} counts differ\n${wrong.slice(0, 20).join('\n')}`)
  if (sum !== sent) throw new Error(`the page counted ${sum} records and its client ${sent}`)
}

function checkSaid({ said }: Subject): void {
  const stack = bareStack(said)
  if (stack !== null) throw new Error(`the worker showed a stack: ${stack}\n${said}`)
}

/** Serves a few texts on this machine. */
async function serve(files: Readonly<Record<string, string>>): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    const path = request.url!.split('?', 1)[0]!
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html'
    response.writeHead(files[path] === undefined ? 404 : 200, { 'content-type': `${type}; charset=utf-8` })
    response.end(files[path])
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

await prove(proof)
