/**
 * What keeps records in a folder, without sockets: the outbox and the inbox after damage, and when their folder fails.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { crc32 } from '../../src/base/crc.ts'
import { openDiskOutbox } from '../../src/client/disk-outbox.ts'
import { Outbox } from '../../src/client/outbox.ts'
import { DiskInbox } from '../../src/client/receiver/disk-inbox.ts'
import { Intake } from '../../src/client/receiver/intake.ts'

let path: string

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'potoroo-folder-')), 'box')
})

afterEach(() => rmSync(join(path, '..'), { recursive: true, force: true }))

const body = (bytes: number): Buffer => {
  const record = Buffer.alloc(4 + bytes, 'x')
  record.writeUInt32LE(bytes)
  return record
}

function outbox(producer = 'p'): Outbox {
  return new Outbox(openDiskOutbox({ path }, producer, 'lines').store, 'me')
}

function inbox(): DiskInbox {
  const settings = { name: 'r', token: '', creditBytes: 1000, recordBytes: 1000, keepAliveMs: 1000, remember: 1000 }
  const intake = new Intake(settings, { keep() {}, moved() {}, refused() {} })
  return new DiskInbox(path, intake, () => {})
}

/** Ten batches or entries of one record in one file. */
const filled = {
  outbox(): void {
    const box = outbox()
    for (let i = 0; i < 10; i++) box.append(1, body(100))
    box.close()
  },
  async inbox(): Promise<void> {
    const box = inbox()
    const stream = { name: { pipeline: 'p', step: 's', history: 'h' }, memory: null as never }
    Object.assign(stream, { memory: { generation: 1, base: 0, floorEpoch: 0, looseIds: [] } })
    for (let i = 0; i < 10; i++) {
      const records = [{ id: `${i}`, bytes: Buffer.alloc(100, 'x') }]
      await new Promise<void>((kept) => box.append({ stream, after: 0, records, again: [] }, kept))
    }
    box.close()
  },
}

describe.each([
  { name: 'outbox', open: () => outbox().close(), code: 'E_OUTBOX_DAMAGED' },
  { name: 'inbox', open: () => inbox().close(), code: 'E_INBOX_DAMAGED' },
] as const)('an $name', ({ name, open, code }) => {
  test('in which any bit of a length has turned is named, for other records follow', async () => {
    await filled[name]()
    const file = join(path, readdirSync(path).find((one) => /batches|inbox/.test(one))!)
    const whole = readFileSync(file)
    // The frame in the middle, by the length that is in front of it.
    let at = 0
    while (at < whole.length / 2) at += 17 + whole.readUInt32LE(at + 4)
    for (let bit = 0; bit < 32; bit++) {
      const damaged = Buffer.from(whole)
      damaged[at + 4 + (bit >> 3)]! ^= 1 << (bit & 7)
      writeFileSync(file, damaged)
      expect(open, `bit ${bit}`).toThrow(expect.objectContaining({ code }))
    }
  })

  test('is not cut where the last frame is whole and cannot be read', async () => {
    await filled[name]()
    const file = join(path, readdirSync(path).find((one) => /batches|inbox/.test(one))!)
    // What a later version would write.
    const frame = Buffer.alloc(17 + 4)
    frame.writeUInt32LE(4, 4)
    frame[16] = 99
    frame.writeUInt32LE(crc32(frame.subarray(4)), 0)
    const whole = Buffer.concat([readFileSync(file), frame])
    writeFileSync(file, whole)
    expect(open).toThrow(expect.objectContaining({ code }))
    expect(readFileSync(file)).toEqual(whole)
  })

  test('that could not be opened is free for who comes next', async () => {
    await filled[name]()
    const file = join(path, readdirSync(path).find((one) => /batches|inbox/.test(one))!)
    const whole = readFileSync(file)
    const damaged = Buffer.from(whole)
    damaged[40]! ^= 1
    writeFileSync(file, damaged)
    expect(open).toThrow(expect.objectContaining({ code }))
    writeFileSync(file, whole)
    open()
  })
})

describe('where no other file can be begun', () => {
  test('an outbox says so, and can be closed', () => {
    const box = outbox()
    rmSync(path, { recursive: true })
    const mebibyte = body(1 << 20)
    for (let i = 0; i < 8; i++) box.append(1, mebibyte)
    expect(() => box.append(1, mebibyte)).toThrow(expect.objectContaining({ code: 'E_OUTBOX' }))
    box.close()
  })
})
