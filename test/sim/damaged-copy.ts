/**
 * Opens copies of an inbox, one of which has a bit turned in it: that one has to be refused by its name, and nothing of
 * it believed. Where the bit lies at the end of the last file, of which that file does not say yet that it is on the
 * disk, it may count as what a power loss has taken: then what stands before it is there, and nothing else.
 */
import { fail } from '../../src/base/errors.ts'
import type { Prng } from '../../src/base/prng.ts'
import { readFrames } from '../../src/client/folder.ts'
import { DiskInbox } from '../../src/client/receiver/disk-inbox.ts'
import { syncedIn } from '../../src/client/receiver/inbox-rows.ts'
import { Intake } from '../../src/client/receiver/intake.ts'
import { type InboxDisk, thisMachine } from '../../src/client/receiver/surroundings.ts'
import { FRAME_HEADER_BYTES } from '../../src/protocol/frame.ts'
import type { Volume } from '../../src/sim/volume.ts'

type Files = Map<string, Buffer>

/** A disk that is thrown away. */
class Scratch implements InboxDisk {
  private readonly files: Files

  constructor(files: Files) {
    this.files = new Map(Array.from(files, ([name, bytes]) => [name, Buffer.from(bytes)]))
  }

  makeFolder(): void {}
  lock(): { close(): void } {
    return { close() {} }
  }
  list(): string[] {
    return [...this.files.keys()]
  }
  read(path: string): Buffer {
    return Buffer.from(this.files.get(nameOf(path))!)
  }
  create(): ReturnType<InboxDisk['create']> {
    return { write() {}, sync() {}, syncNow() {}, close() {} }
  }
  harden(): void {}
  rename(): void {}
  remove(): void {}
  syncFolder(): void {}
}

/** Complaints about the inbox at `path`, which is not in use. */
export function tryDamage(volume: Volume, path: string, random: Prng): string[] {
  const files = filesOf(volume, path)
  const sound = open(files)
  // What a death has left may be damaged; that is for its owner to say.
  if (typeof sound === 'string' || files.size === 0) return []
  const [name, bytes] = [...files][random.below(files.size)]!
  if (bytes.length === 0) return []
  const at = random.below(bytes.length)
  const turned = Buffer.from(bytes)
  turned[at]! ^= 1 << random.below(8)
  const damaged = open(new Map(files).set(name, turned))
  if (damaged === 'E_INBOX_DAMAGED') return []
  const what = `${path}/${name}: a bit turned at ${at} of ${bytes.length}`
  if (typeof damaged === 'string') return [`${what} is refused with ${damaged}`]
  const isLast = name === [...files.keys()].at(-1)
  if (!isLast || at < syncedOf(bytes, at)) return [`${what} is not seen`]
  const follows = damaged.every((record, i) => record === sound[i])
  return follows ? [] : [`${what}: other records are found than were there`]
}

function filesOf(volume: Volume, path: string): Files {
  const listed = volume.list(path)
  const files: Files = new Map()
  for (const name of Array.isArray(listed) ? listed : []) {
    const inode = name.endsWith('.inbox') ? volume.open(`${path}/${name}`, 'read') : null
    if (inode !== null && 'sync' in inode) files.set(name, inode.read(0, inode.size))
  }
  return files
}

/** The records that an inbox of these files has, or the code with which it is refused. */
function open(files: Files): string[] | string {
  const settings = { name: '', token: '', creditBytes: 1, recordBytes: 1 << 20, keepAliveMs: 1, remember: 1_000_000 }
  const intake = new Intake(settings, { keep() {}, moved() {}, refused() {} })
  const around = { ...thisMachine, disk: new Scratch(files) }
  try {
    const { found } = new DiskInbox('', intake, () => {}, 0, around)
    return found.map(({ sequence, id, bytes }) => `${sequence} ${id} ${bytes}`)
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** How far the last file is known to be on the disk, by what it says beside the frame that has the byte `damaged`. */
function syncedOf(bytes: Buffer, damaged: number): number {
  let synced = 0
  readFrames(
    bytes,
    true,
    (frame, at) => {
      const isDamaged = at <= damaged && damaged < at + FRAME_HEADER_BYTES + frame.payload.length
      if (!isDamaged) synced = Math.max(synced, syncedIn(frame))
    },
    (offset) => fail('E_INBOX_DAMAGED', { path: '', offset }),
    () => false,
  )
  return synced
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
