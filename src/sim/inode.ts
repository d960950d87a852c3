/**
 * The bytes of a file: what processes see, and what would survive a power loss.
 *
 * I1. `visible` is all that was written; `durable` is what a sync has confirmed, or the kernel has written back by
 *     itself.
 * I2. Between the two stand the changes since, in order, each of which a power loss may keep, lose, or keep in part.
 * I3. After a failed sync nobody knows: its changes are on the disk or not, and no later sync writes them again
 *     (`env/disk.ts`, K3).
 * I4. A file knows where the weather has taken bytes from it or turned some, so that who judges a run can tell damage
 *     that there was from damage that a program only believes in. What is written there later does not heal it.
 * I5. On a shared volume a machine may keep what it writes to itself until it syncs or closes the file, or its process
 *     ends: others see what was there before. With its power goes what it has not sent.
 */
import type { Prng } from '../base/prng.ts'

/** What a disk writes as a whole or not at all. */
const SECTOR_BYTES = 512

/** Changes that may wait for a sync; beyond them the kernel writes the oldest back, as kernels do. */
const MAX_CHANGES = 256

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number }

/** What a power loss does to changes that no sync has confirmed. */
export interface Fate {
  /** Chance that a change is kept. */
  readonly keep: number
  /** Chance that a change which is not kept is done in part. */
  readonly torn: number
}

const NO_BYTES = Buffer.alloc(0)

/** Bytes that grow; zeros behind them. */
class Extent {
  size = 0
  private bytes: Buffer = NO_BYTES

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length
    this.reserve(end)
    this.bytes.set(bytes, position)
    if (end > this.size) this.size = end
  }

  truncate(length: number): void {
    this.reserve(length)
    if (length < this.size) this.bytes.fill(0, length, this.size)
    this.size = length
  }

  /** A copy of what stands between `position` and `end`. */
  copy(position: number, end: number): Buffer {
    const from = Math.min(position, this.size)
    const to = Math.min(end, this.size)
    const copied = Buffer.allocUnsafe(to - from)
    this.bytes.copy(copied, 0, from, to)
    return copied
  }

  flip(at: number, mask: number): void {
    this.bytes[at]! ^= mask
  }

  replaceWith(other: Extent): void {
    this.bytes = other.copy(0, other.size)
    this.size = other.size
  }

  private reserve(length: number): void {
    if (length <= this.bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.bytes.length))
    grown.set(this.bytes)
    grown.fill(0, this.bytes.length)
    this.bytes = grown
  }
}

export class Inode {
  /** What no other of its volume has. */
  readonly number: number
  /** Names that lead here. */
  links = 0
  /** The machine that has removed its last name. */
  removedBy = ''
  private readonly visible = new Extent()
  private readonly durable = new Extent()
  private changes: Change[] = []
  /** What others than `keeper` see while that one keeps something to itself (I5). */
  private sent: Extent | null = null
  private keeper = ''
  /** I4. */
  private readonly wounds: { readonly from: number; readonly to: number }[] = []

  constructor(number: number) {
    this.number = number
  }

  get size(): number {
    return this.visible.size
  }

  /** `host` keeps to itself what it writes from now on (I5). */
  keep(host: string): void {
    if (this.keeper !== host) this.send()
    if (this.sent !== null) return
    this.keeper = host
    this.sent = new Extent()
    this.sent.replaceWith(this.visible)
  }

  /** Everybody sees what was written. */
  send(): void {
    this.sent = null
    this.keeper = ''
  }

  /** What `host` has kept to itself is gone, where there is something. */
  forget(host: string): void {
    if (this.sent === null || this.keeper !== host) return
    this.visible.replaceWith(this.sent)
    this.send()
  }

  /** As `host` sees it. */
  private seenBy(host: string): Extent {
    return this.sent === null || this.keeper === host ? this.visible : this.sent
  }

  sizeFor(host: string): number {
    return this.seenBy(host).size
  }

  /** Writes a copy of `bytes`. */
  write(position: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.visible.write(position, bytes)
    this.change({ kind: 'write', position, bytes: this.visible.copy(position, position + bytes.length) })
  }

  truncate(length: number): void {
    this.visible.truncate(length)
    this.change({ kind: 'truncate', length })
  }

  /** A copy of up to `length` bytes from `position`, as `host` sees them, or who looks on from outside. */
  read(position: number, length: number, host = ''): Buffer {
    return this.seenBy(host).copy(position, position + length)
  }

  sync(): void {
    for (const change of this.changes) apply(change, this.durable)
    this.changes = []
  }

  /** The sync fails (I3). What it should have written may be gone at once from what processes see, or only later. */
  failSync(random: Prng): void {
    this.settle(random, { keep: 0.5, torn: 0.5 })
    if (random.chance(0.5)) this.visible.replaceWith(this.durable)
  }

  losePower(random: Prng, fate: Fate): void {
    this.settle(random, fate)
    this.visible.replaceWith(this.durable)
  }

  /** Turns one bit at rest; an empty file has none. */
  damage(random: Prng): void {
    if (this.size === 0) return
    const at = random.below(this.size)
    const mask = 1 << random.below(8)
    this.wound(at, at + 1)
    this.visible.flip(at, mask)
    if (at < this.durable.size) this.durable.flip(at, mask)
  }

  /** The weather has done something to the bytes between `from` and `to`. */
  wound(from: number, to: number): void {
    this.wounds.push({ from, to })
  }

  /** Whether the weather has done something to a byte between `from` and `to` (I4). */
  isWounded(from: number, to: number): boolean {
    return this.wounds.some((wound) => wound.from < to && from < wound.to)
  }

  private change(change: Change): void {
    this.changes.push(change)
    if (this.changes.length > MAX_CHANGES) apply(this.changes.shift()!, this.durable)
  }

  /** Decides each open change on its own. */
  private settle(random: Prng, fate: Fate): void {
    for (const change of this.changes) {
      if (random.chance(fate.keep)) {
        apply(change, this.durable)
      } else if (change.kind === 'write') {
        const { position, bytes } = change
        this.wound(position, position + bytes.length)
        if (random.chance(fate.torn)) tear(position, bytes, this.durable, random)
      }
    }
    this.changes = []
  }
}

function apply(change: Change, extent: Extent): void {
  if (change.kind === 'write') extent.write(change.position, change.bytes)
  else extent.truncate(change.length)
}

/**
 * Writes some sectors of `bytes`. Half the time the file has its new length all the same, with zeros where none came.
 */
function tear(position: number, bytes: Uint8Array, extent: Extent, random: Prng): void {
  const end = position + bytes.length
  if (random.chance(0.5) && end > extent.size) extent.truncate(end)
  for (let start = position; start < end; ) {
    const next = Math.min(end, start - (start % SECTOR_BYTES) + SECTOR_BYTES)
    if (random.chance(0.5)) extent.write(start, bytes.subarray(start - position, next - position))
    start = next
  }
}
