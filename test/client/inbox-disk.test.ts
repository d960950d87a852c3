/** The inbox on a disk that fails, and one that tells of its syncs when the test says so. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DiskInbox } from '../../src/client/receiver/disk-inbox.ts'
import { Intake } from '../../src/client/receiver/intake.ts'
import { type InboxFile, type Surroundings, thisMachine } from '../../src/client/receiver/surroundings.ts'

let path: string
/** Syncs that are under way. */
let syncs: ((error: Error | null) => void)[]
let full: boolean
let syncedFolders: string[]
let failed: Error[]

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'potoroo-inbox-')), 'made', 'inbox')
  syncs = []
  full = false
  syncedFolders = []
  failed = []
})

afterEach(() => rmSync(join(path, '../..'), { recursive: true, force: true }))

function watched(file: InboxFile): InboxFile {
  return {
    write(parts, position) {
      if (full) throw new Error('no space left on the device')
      file.write(parts, position)
    },
    sync: (done) => void syncs.push(done),
    syncNow: () => file.syncNow(),
    close: () => file.close(),
  }
}

function open(fileBytes = 16 << 20): { readonly inbox: DiskInbox; keep(id: string): { kept: boolean } } {
  const settings = { name: 'r', token: '', creditBytes: 1000, recordBytes: 1000, keepAliveMs: 1000, remember: 1000 }
  const intake = new Intake(settings, { keep() {}, moved() {}, refused() {} })
  const { disk } = thisMachine
  const around: Surroundings = {
    ...thisMachine,
    fileBytes,
    disk: {
      ...disk,
      create: (file) => watched(disk.create(file)),
      syncFolder(folder) {
        syncedFolders.push(folder)
        disk.syncFolder(folder)
      },
    },
  }
  const inbox = new DiskInbox(path, intake, (error) => failed.push(error), null, around)
  const stream = intake.stream({ pipeline: 'p', step: 's', history: 'h' })
  return {
    inbox,
    keep(id) {
      const entry = { kept: false }
      stream.memory.take(id, 0)
      inbox.append({ stream, after: 0, records: [{ id, bytes: Buffer.from(id) }], again: [] }, () => {
        entry.kept = true
      })
      return entry
    },
  }
}

function files(): string[] {
  return readdirSync(path).filter((name) => name.endsWith('.inbox'))
}

/** What a record takes in the last file is lost, and nothing else. */
function keepTorn({ keep }: ReturnType<typeof open>, id: string): () => void {
  const last = join(path, files().at(-1)!)
  const from = statSync(last).size
  keep(id)
  const to = statSync(last).size
  return () => writeFileSync(last, readFileSync(last).fill(0, from, to))
}

test('a power loss may take what was not synced, in whichever order it was written', () => {
  const first = open()
  const one = first.keep('one')
  syncs.shift()!(null)
  expect(one.kept).toBe(true)
  const tear = keepTorn(first, 'two')
  first.keep('three')
  first.inbox.close()
  tear()
  const second = open()
  expect(second.inbox.found.map(({ id }) => id)).toEqual(['one'])
  second.inbox.close()
})

test('damage in what was synced is refused, also where it is the last that was', () => {
  const first = open()
  const tear = keepTorn(first, 'one')
  first.keep('two')
  syncs.shift()!(null)
  first.inbox.close()
  tear()
  expect(() => open()).toThrow(expect.objectContaining({ code: 'E_INBOX_DAMAGED' }))
})

test('a file is left for another one when it is on the disk, and not while it is being synced', () => {
  const { inbox, keep } = open(100)
  const one = keep('one')
  expect(files()).toHaveLength(1)
  syncs.shift()!(new Error('input/output error'))
  expect(one.kept).toBe(false)
  expect(files()).toHaveLength(1)
  expect(failed).toEqual([expect.objectContaining({ code: 'E_INBOX' })])
  inbox.close()

  const next = open(100)
  next.keep('two')
  const before = files().length
  syncs.shift()!(null)
  expect(files()).toHaveLength(before + 1)
  next.inbox.close()
})

test('the folders above know of the inbox before anything is acknowledged', () => {
  const { inbox } = open()
  expect(syncedFolders).toEqual(expect.arrayContaining([path, dirname(path), dirname(dirname(path))]))
  inbox.close()
})

test('a disk that takes no more is told of by its name', () => {
  const { inbox, keep } = open()
  full = true
  expect(() => keep('one')).toThrow(expect.objectContaining({ code: 'E_INBOX', remedy: expect.any(String) }))
  inbox.close()
})
