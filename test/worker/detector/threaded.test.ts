/** The thread beside a worker's loop, on real processes that do nothing but watch over each other. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { folder, Program } from '../../process/fixture.ts'

const main = fileURLToPath(new URL('./station-main.ts', import.meta.url))
/** Short, and far enough apart for a machine that does much else. */
const limits = { heartbeatMs: 50, suspectMs: 1000, deadMs: 3000, stuckMs: 500, settleMs: 5000 }

interface Line {
  readonly hears?: readonly string[]
  readonly gone?: readonly string[]
  readonly stuck?: readonly (readonly [
    string,
    { readonly step: string; readonly key: string; readonly stack: string },
  ])[]
  readonly wasStuck?: { readonly pipeline: string; readonly step: string; readonly key: string; readonly stack: string }
  readonly ms: number
}

class Station {
  readonly program: Program
  incarnation = ''
  heartbeats = ''

  constructor(worker: string, store: string) {
    this.program = new Program(process.execPath, ['--no-warnings', main, worker, store, JSON.stringify(limits)])
  }

  async ready(): Promise<this> {
    const [line] = await this.program.said(/^.*"heartbeats".*$/m)
    Object.assign(this, JSON.parse(line!))
    return this
  }

  say(order: string): void {
    this.program.child.stdin!.write(`${order}\n`)
  }

  get lines(): Line[] {
    return this.program.out
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line)
  }

  /** The first line from number `from` on that is as `wanted`. */
  async until(wanted: (line: Line) => boolean, from = 0): Promise<Line> {
    await expect.poll(() => this.lines.slice(from).some(wanted), { interval: 20 }).toBe(true)
    return this.lines.slice(from).find(wanted)!
  }
}

/** Two stations that hear each other. */
async function pair(): Promise<readonly [Station, Station]> {
  const store = folder()
  mkdirSync(`${store}/beat`)
  mkdirSync(`${store}/tmp`)
  const [a, b] = await Promise.all([new Station('a', store).ready(), new Station('b', store).ready()])
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const { incarnation, heartbeats } = other
    one.say(`follow ${JSON.stringify([{ worker: incarnation.split('-')[0], incarnation, heartbeats }])}`)
    one.say(`linked ${incarnation}`)
  }
  await a.until(({ hears }) => hears?.includes(b.incarnation) === true)
  await b.until(({ hears }) => hears?.includes(a.incarnation) === true)
  return [a, b]
}

test('a step that computes for long is told by name, key and line to all, and silences nobody', async () => {
  const [a, b] = await pair()
  b.say('block 6000')
  // A busy machine may have let it stand still before, in no step.
  const { wasStuck } = await b.until((line) => line.wasStuck?.step === 'count')
  expect(wasStuck).toMatchObject({ pipeline: 'p', step: 'count', key: 'k2' })
  expect(wasStuck!.stack).toMatch(/^ {4}at compute \(.*station-main\.ts:\d+:\d+\)$/m)
  expect(b.program.err).toMatch(/"step":"count","key":"k2".*"code":"worker.stuck"/)
  const told = await a.until(({ stuck }) => stuck?.[0]?.[1].step === 'count')
  expect(told.stuck![0]).toMatchObject([b.incarnation, { step: 'count', key: 'k2' }])
  const later = await a.until(({ stuck }) => stuck?.length === 0, a.lines.indexOf(told))
  expect(later.ms - told.ms).toBeGreaterThan(limits.deadMs)
  expect(a.lines.slice(a.lines.indexOf(told)).every((line) => line.hears?.[0] === b.incarnation)).toBe(true)
})

test('what fills the threads of Node with work of its own keeps no beat waiting', async () => {
  const store = folder()
  for (const name of ['beat', 'tmp']) mkdirSync(`${store}/${name}`)
  writeFileSync(`${store}/cluster`, 'its mark')
  execFileSync('mkfifo', [`${store}/pipe`])
  const a = await new Station('a', store).ready()
  const beat = (): string => readFileSync(`${store}/beat/a`, 'latin1')
  await expect.poll(() => existsSync(`${store}/beat/a`)).toBe(true)
  a.say(`fill ${store}/pipe`)
  // The answer says that this has been begun.
  a.say('cost')
  await a.until((line) => 'rss' in line)
  for (let i = 0; i < 3; i++) {
    const before = beat()
    await expect.poll(beat, { timeout: 3000 }).not.toBe(before)
  }
})

test('a process that is stopped is silent, and is heard again when it goes on', async () => {
  const [a, b] = await pair()
  const from = a.lines.length
  const stoppedMs = performance.now()
  b.program.kill('SIGSTOP')
  await a.until(({ hears }) => hears?.length === 0, from)
  // Its silence began with its last heartbeat, which may have been late, but not by as much as lies between the two.
  expect(performance.now() - stoppedMs).toBeGreaterThan((limits.suspectMs + limits.deadMs) / 2)
  expect(a.lines.at(-1)!.gone).toEqual([])
  const silent = a.lines.length
  b.program.kill('SIGCONT')
  await a.until(({ hears }) => hears?.[0] === b.incarnation, silent)
  expect(b.lines.some((line) => line.wasStuck !== undefined)).toBe(false)
})

test('a process that has ended is known by the refusal, long before its silence tells', async () => {
  const [a, b] = await pair()
  const from = a.lines.length
  a.say(`unlinked ${b.incarnation}`)
  b.program.kill('SIGKILL')
  // Silence makes a worker unheard, and never gone.
  await a.until(({ gone }) => gone?.includes(b.incarnation) === true, from)
  const unheard = a.lines.slice(from).find(({ hears }) => hears?.includes(b.incarnation) === false)
  expect(unheard?.gone).toEqual([b.incarnation])
})

test('a process does not outlive the thread that watches for it', async () => {
  const [a] = await pair()
  a.say('die')
  expect(await a.program.ended).toMatchObject({ status: 1 })
  expect(a.program.out).toMatch(/E_WATCH_ENDED/)
})
