/** Folders of records on a disk that has no more than was written and then synced, once the power has failed. */
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openDiskOutbox } from '../../src/client/disk-outbox.ts'
import { Outbox } from '../../src/client/outbox.ts'
import { DiskInbox } from '../../src/client/receiver/disk-inbox.ts'
import { Intake } from '../../src/client/receiver/intake.ts'

/** What the disk has of each file, and what was written of it since its last sync, by the numbers of open files. */
const platter = vi.hoisted(() => ({
  paths: new Map<number, string>(),
  durable: new Map<string, Buffer>(),
  dirty: new Map<string, [from: number, to: number][]>(),
  /** Folders that were opened, to be synced. */
  folders: new Set<string>(),
  /** A sync in this folder fails once, which takes what was written for clean. */
  fails: '',
}))

vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof fs>()
  const wrote = (fd: number, from: number, bytes: number): number => {
    const path = platter.paths.get(fd)!
    platter.dirty.set(path, [...(platter.dirty.get(path) ?? []), [from, from + bytes]])
    return bytes
  }
  const synced = (fd: number): void => {
    const path = platter.paths.get(fd)!
    const ranges = platter.dirty.get(path) ?? []
    platter.dirty.delete(path)
    if (platter.fails !== '' && path.startsWith(platter.fails)) {
      platter.fails = ''
      throw new Error('EIO')
    }
    const shown = real.readFileSync(path)
    for (const [from, to] of ranges) {
      const before = platter.durable.get(path) ?? Buffer.alloc(0)
      const grown = Buffer.alloc(Math.max(before.length, Math.min(to, shown.length)))
      before.copy(grown)
      shown.copy(grown, from, from, to)
      platter.durable.set(path, grown)
    }
  }
  return {
    ...real,
    openSync: (path: string, flags: string, mode?: number) => {
      if (flags === 'r') platter.folders.add(path)
      const fd = real.openSync(path, flags, mode)
      platter.paths.set(fd, path)
      return fd
    },
    renameSync: (from: string, to: string) => {
      real.renameSync(from, to)
      for (const [fd, path] of platter.paths) if (path === from) platter.paths.set(fd, to)
      for (const kept of [platter.durable, platter.dirty] as Map<string, unknown>[]) {
        if (kept.has(from)) kept.set(to, kept.get(from))
        kept.delete(from)
      }
    },
    writevSync: (fd: number, parts: readonly Uint8Array[], at: number) => wrote(fd, at, real.writevSync(fd, parts, at)),
    writeSync: (fd: number, bytes: Buffer, from: number, length: number, at: number) =>
      wrote(fd, at, real.writeSync(fd, bytes, from, length, at)),
    fdatasyncSync: synced,
    fdatasync: (fd: number, done: (error: Error | null) => void) =>
      setImmediate(() => {
        try {
          synced(fd)
        } catch (error) {
          return done(error as Error)
        }
        done(null)
      }),
  }
})

let path: string

beforeEach(() => {
  path = join(fs.mkdtempSync(join(tmpdir(), 'potoroo-power-')), 'box')
  platter.fails = ''
})

afterEach(() => fs.rmSync(join(path, '..'), { recursive: true, force: true }))

/** The files are as the disk has them. */
function losePower(): void {
  for (const name of fs.readdirSync(path)) {
    if (!/batches|inbox/.test(name)) continue
    fs.writeFileSync(join(path, name), platter.durable.get(join(path, name)) ?? Buffer.alloc(0))
  }
  platter.dirty.clear()
}

function openInbox(failed = (): void => {}): { readonly inbox: DiskInbox; keep(again: boolean): Promise<void> } {
  const settings = { name: 'r', token: '', creditBytes: 1000, recordBytes: 1000, keepAliveMs: 1000, remember: 1000 }
  const intake = new Intake(settings, { keep() {}, moved() {}, refused() {} })
  const inbox = new DiskInbox(path, intake, failed)
  const stream = intake.stream({ pipeline: 'p', step: 's', history: 'h' })
  return {
    inbox,
    keep(again) {
      stream.memory.take('one', 0)
      const records = again ? [] : [{ id: 'one', bytes: Buffer.from('1') }]
      return new Promise((kept) => inbox.append({ stream, after: 0, records, again: again ? ['one'] : [] }, kept))
    },
  }
}

test.each(['did not happen', 'failed'])(
  'an inbox has a record whose sync %s, and which it acknowledged when it came again',
  async (how) => {
    let first: ReturnType<typeof openInbox>
    await new Promise<void>((go) => {
      first = openInbox(go)
      if (how === 'failed') platter.fails = path
      void first.keep(false)
      // As a kill would have it: nothing is called any more.
      if (how !== 'failed') go()
    })
    first!.inbox.close()
    platter.dirty.clear()

    const second = openInbox()
    expect(second.inbox.found.map(({ id }) => id)).toEqual(['one'])
    await second.keep(true)
    second.inbox.close()
    losePower()

    const third = openInbox()
    expect(third.inbox.found.map(({ id }) => id)).toEqual(['one'])
    third.inbox.close()
  },
)

test('an outbox that syncs has what was sent of it, were it written by a process that died before its sync', () => {
  const open = (): Outbox => new Outbox(openDiskOutbox({ path, sync: true }, 'p', 'lines').store, 'me')
  const body = Buffer.from('\x03\0\0\0one')
  const first = open()
  expect([...platter.folders]).toEqual(expect.arrayContaining([path, dirname(path)]))
  platter.fails = path
  expect(() => first.append(1, body)).toThrow(expect.objectContaining({ code: 'E_OUTBOX' }))
  first.close()

  const second = open()
  expect(second.peek()).toMatchObject({ first: 1, count: 1 })
  second.close()
  losePower()
  const third = open()
  expect(third.next).toBe(2)
  third.close()
})
