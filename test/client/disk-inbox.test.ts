/** The inbox on a real disk, without sinks: what is known of each of them after a restart. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DiskInbox } from '../../src/client/receiver/disk-inbox.ts'
import { Intake, type Stream } from '../../src/client/receiver/intake.ts'

const DAY_MS = 24 * 3600 * 1000
const settings = { name: 'r', token: '', creditBytes: 1000, recordBytes: 1000, keepAliveMs: 1000, remember: 1000 }

let path: string
let inboxes: DiskInbox[]

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'potoroo-inbox-')), 'inbox')
  inboxes = []
  vi.useFakeTimers({ toFake: ['Date'], now: 0 })
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
  ) {
    this.inbox = new DiskInbox(path, this.intake, failed)
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
  vi.setSystemTime(8 * DAY_MS)
  for (const step of ['b', 'c']) second.floor(step, 1)
  second.inbox.close()

  // Nobody has heard `a` for a week: it is forgotten, and with it the files in which it stood.
  vi.setSystemTime(9 * DAY_MS)
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
  vi.setSystemTime(8 * DAY_MS)
  second.heard('b')
  // What fills a file begins another one.
  const bytes = Buffer.alloc(16 << 20)
  const stream = second.sink('b')
  await new Promise<void>((kept) =>
    second.inbox.append({ stream, after: 0, records: [{ id: '', bytes }], again: [] }, kept),
  )
  second.inbox.handled(second.inbox.next - 1)
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
  vi.setSystemTime(30 * DAY_MS)
  const second = new Life()
  expect(second.sink('a').memory.take('a1', 0)).toBe(false)
  second.heard('b')
  second.inbox.close()
  vi.setSystemTime(60 * DAY_MS)
  expect(new Life().sink('a').memory.take('a1', 0)).toBe(false)
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
