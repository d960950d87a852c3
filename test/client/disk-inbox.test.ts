/** The inbox on a real disk, without sinks: what is known of each of them after a restart. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DiskInbox } from '../../src/client/receiver/disk-inbox.ts'
import { Intake, type IntakeSettings, type Stream } from '../../src/client/receiver/intake.ts'
import { encodeDelivery } from '../../src/protocol/delivery.ts'

const DAY_MS = 24 * 3600 * 1000
const settings: IntakeSettings = {
  name: 'r',
  token: '',
  creditBytes: 1000,
  recordBytes: 1000,
  keepAliveMs: 1000,
  remember: 2000,
}

/** What fills a file begins another one. */
const FILE = Buffer.alloc(16 << 20)

let path: string
let inboxes: DiskInbox[]

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'potoroo-inbox-')), 'inbox')
  inboxes = []
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: 0 })
})

afterEach(() => {
  vi.useRealTimers()
  for (const inbox of inboxes) inbox.close()
  rmSync(join(path, '..'), { recursive: true, force: true })
})

/** A life of the receiver. */
class Life {
  readonly intake = new Intake(settings, { keep() {}, moved() {}, refused() {} })
  readonly inbox: DiskInbox

  constructor(
    failed = (error: Error): void => {
      throw error
    },
    after: number | null = null,
  ) {
    this.inbox = new DiskInbox(path, this.intake, failed, after)
    inboxes.push(this.inbox)
  }

  sink(step: string): Stream {
    return this.intake.stream({ pipeline: 'p', step, history: 'h.1' })
  }

  /** A sink of generation 1 says hello. */
  heard(step: string): void {
    const stream = this.sink(step)
    stream.memory.begin(1, 0)
    this.inbox.moved(stream)
  }

  /** Fills a file with a record of `step`, and begins another. */
  fill(step: string): Promise<void> {
    const stream = this.sink(step)
    return new Promise((kept) => {
      this.inbox.append({ stream, after: 0, records: [{ id: '', bytes: FILE }], again: [] }, kept)
      this.inbox.handled(this.inbox.next - 1)
    })
  }

  /** Keeps a record of the sink `step`, and hands it over. */
  keep(step: string, id: string, after: number): Promise<void> {
    const stream = this.sink(step)
    stream.memory.take(id, after)
    return new Promise((kept) => {
      this.inbox.append({ stream, after, records: [{ id, bytes: Buffer.from(id) }], again: [] }, kept)
      this.inbox.handled(this.inbox.next - 1)
    })
  }

  floor(step: string, epoch: number): void {
    const stream = this.sink(step)
    stream.memory.floor(epoch)
    this.inbox.moved(stream)
  }
}

test('knows the sinks apart that came after another one was forgotten', async () => {
  const first = new Life()
  for (const step of ['a', 'b', 'c']) {
    first.heard(step)
    await first.keep(step, `${step}1`, 0)
  }
  first.inbox.close()

  const second = new Life()
  vi.advanceTimersByTime(8 * DAY_MS)
  for (const step of ['b', 'c']) second.floor(step, 1)
  second.inbox.close()

  // Nobody has heard `a` for a week: it is forgotten, and with it the files in which it stood.
  vi.advanceTimersByTime(DAY_MS)
  const third = new Life()
  expect(Array.from(third.intake.all, ({ name }) => name.step)).toEqual(['b', 'c'])
  third.heard('c')
  await expect.poll(() => readdirSync(path).filter((name) => name.endsWith('.inbox')).length).toBe(1)
  third.inbox.close()

  const fourth = new Life()
  fourth.heard('d')
  await fourth.keep('c', 'c2', 1)
  await fourth.keep('d', 'd1', 0)
  fourth.inbox.close()

  const fifth = new Life()
  expect(fifth.sink('c').memory.take('c2', 1)).toBe(false)
  expect(fifth.sink('d').memory.take('d1', 0)).toBe(false)
})

test('keeps no memory of a sink that it has forgotten', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const first = new Life()
  first.heard('a')
  await first.keep('a', 'a1', 0)
  first.heard('b')
  first.inbox.close()
  const second = new Life()
  second.inbox.found.splice(0)
  const forgotten = new WeakRef(second.sink('a'))
  vi.advanceTimersByTime(8 * DAY_MS)
  second.heard('b')
  await second.fill('b')
  second.floor('b', 1)
  await expect.poll(() => readdirSync(path).filter((name) => name.endsWith('.inbox')).length).toBe(1)
  collect()
  expect(forgotten.deref()).toBeUndefined()
})

test('knows all sinks after it was away itself, however long', async () => {
  const first = new Life()
  for (const step of ['a', 'b']) {
    first.heard(step)
    await first.keep(step, `${step}1`, 0)
  }
  first.inbox.close()
  vi.advanceTimersByTime(30 * DAY_MS)
  const second = new Life()
  expect(second.sink('a').memory.take('a1', 0)).toBe(false)
  second.heard('b')
  second.inbox.close()
  vi.advanceTimersByTime(30 * DAY_MS)
  expect(new Life().sink('a').memory.take('a1', 0)).toBe(false)
})

test('knows all sinks after the clock of the machine was set, and those that are connected at all times', async () => {
  const life = new Life()
  life.heard('a')
  await life.keep('a', 'a1', 0)
  vi.setSystemTime(365 * DAY_MS)
  life.heard('b')
  await life.fill('b')
  expect(life.sink('a').memory.take('a1', 0)).toBe(false)

  const caller = life.intake.connect({ send: () => 0, close() {} })
  const who = { pipeline: 'p', step: 'a', history: 'h.1', writer: 'w1', session: 's', generation: 1, base: 0 }
  caller.onBytes(encodeDelivery({ kind: 'hello', newest: 1, oldestVersion: 1, ...who, token: '' }))
  vi.advanceTimersByTime(8 * DAY_MS)
  await life.fill('b')
  expect(life.sink('a').memory.take('a1', 0)).toBe(false)
  caller.onClosed()
  await life.fill('b')
  expect(life.sink('a').memory.take('a1', 0)).toBe(true)
})

test('begins a file also where sinks have nothing to send, and say their floor for months', () => {
  const life = new Life()
  // What is written of a sink takes the most room where its names are long.
  const name = 'x'.repeat(250)
  const stream = life.intake.stream({ pipeline: name, step: name, history: name })
  for (let epoch = 1; epoch <= 25_000; epoch++) {
    stream.memory.floor(epoch)
    life.inbox.moved(stream)
  }
  const sizes = readdirSync(path).map((file) => statSync(join(path, file)).size)
  expect(Math.max(...sizes)).toBeLessThan(17 << 20)
})

test('reads what was handed over for its ids alone, however much there is of it', async () => {
  const first = new Life()
  first.heard('a')
  for (let i = 1; i <= 3; i++) await first.keep('a', `a${i}`, 0)
  const stream = first.sink('a')
  const one = { id: '', bytes: Buffer.from('more') }
  const kept = new Promise<void>((go) =>
    first.inbox.append({ stream, after: 0, records: [one, one, one], again: [] }, go),
  )
  first.inbox.handled(4)
  await kept
  first.inbox.close()

  const second = new Life()
  expect(second.inbox.found.map(({ sequence }) => sequence)).toEqual([5, 6])
  expect(second.sink('a').memory.take('a1', 0)).toBe(false)
  second.inbox.close()
  const third = new Life(undefined, 2)
  expect(third.inbox.found.map(({ sequence }) => sequence)).toEqual([3, 4, 5, 6])
  expect(third.inbox.oldest).toBe(1)
})

test('does not write ids that never come again with each file that goes', async () => {
  const life = new Life()
  const loose = 'x'.repeat(16_000)
  life.heard('a')
  await life.fill('a')
  // A generation that was missed makes all of them loose: more than a file.
  for (let i = 0; i < 1100; i++) life.sink('a').memory.loosen(`${loose}${i}`)
  const files: string[] = []
  for (let epoch = 1; epoch <= 20; epoch++) {
    await life.keep('a', `a${epoch}`, epoch)
    life.floor('a', epoch + 1)
    files.push(...readdirSync(path))
  }
  // With each file that went the next one was full.
  expect(new Set(files.filter((name) => name.endsWith('.inbox'))).size).toBeLessThan(6)
})

test('has records that wait to be handed over, however high the floor of their sink', async () => {
  const first = new Life()
  first.heard('a')
  const stream = first.sink('a')
  const record = { id: 'a1', bytes: FILE }
  await new Promise<void>((kept) => first.inbox.append({ stream, after: 0, records: [record], again: [] }, kept))
  first.floor('a', 9)
  // Whatever goes, goes behind a sync.
  await first.keep('a', 'a2', 9)
  first.inbox.close()
  const second = new Life(undefined, 0)
  expect(second.inbox.found.map(({ id }) => id)).toEqual(['a1', 'a2'])
})

test('knows ids that come again some time when the file in which they came has gone', async () => {
  const first = new Life()
  first.heard('a')
  await first.keep('a', 'void', 5)
  first.sink('a').memory.begin(2, 3)
  first.inbox.moved(first.sink('a'))
  await first.fill('a')
  first.floor('a', 9)
  await expect.poll(() => readdirSync(path).filter((name) => name.endsWith('.inbox')).length).toBe(1)
  first.inbox.close()
  const second = new Life()
  expect(second.sink('a').memory.take('void', 10)).toBe(false)
})

test('a file of it that cannot be removed ends the receiver, and not its process', async () => {
  const first = new Life()
  first.heard('a')
  await first.keep('a', 'a1', 0)
  first.inbox.close()
  const [name] = readdirSync(path).filter((one) => one.endsWith('.inbox'))
  const failed = new Promise<Error>((go) => {
    const second = new Life(go)
    rmSync(join(path, name!))
    mkdirSync(join(path, name!))
    second.floor('a', 1)
  })
  expect(await failed).toMatchObject({ code: 'E_INBOX' })
})
