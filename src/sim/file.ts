/** An open file of a simulated process: a queue of operations, of which one is under way (`env/disk.ts`, K1). */
import { assert } from '../base/assert.ts'
import type { Done, DoneVoid, File } from '../env/disk.ts'
import type { Inode } from './inode.ts'
import type { Death, Mortal } from './life.ts'
import { Operation, type OperationHome, type OperationKind, type Task } from './operation.ts'
import { Refused, type Volume } from './volume.ts'

const stale = new Refused('absent', 'stale file handle')

export class SimFile implements File, Mortal {
  readonly path: string
  private readonly home: OperationHome
  private readonly volume: Volume
  private readonly file: Inode
  private readonly waiting: (() => void)[] = []
  private busy = false
  private closing = false

  constructor(home: OperationHome, volume: Volume, path: string, inode: Inode) {
    this.home = home
    this.volume = volume
    this.path = path
    this.file = inode
    if (this.keeps) home.life.hold(this)
  }

  /**
   * What was written and not sent comes to the server when the system closes the file, or is lost with the machine
   * (`inode.ts`, I5).
   */
  died(death: Death): void {
    const { file, home, volume } = this
    const { timeline, random, weather, life } = home
    if (death === 'power') volume.forget(file, life.host)
    else timeline.at(timeline.now + random.between(0, weather.lateMs), null, () => file.send())
  }

  write(parts: readonly Uint8Array[], position: number, done: DoneVoid): void {
    const { volume, file } = this
    const { trace } = this.home.timeline
    const perform = (): null | Refused => {
      let at = position
      if (this.keeps) file.keep(this.home.life.host)
      for (const part of parts) {
        trace.bytes(part)
        const refused = volume.write(file, at, part)
        if (refused !== null) return refused
        at += part.length
      }
      return null
    }
    this.enqueue('write', 'write', perform, done, () => this.writePart(parts, position))
  }

  read(position: number, length: number, done: Done<Buffer>): void {
    this.enqueue('read', 'read', () => readInode(this.home, this.path, this.file, position, length), done)
  }

  sync(done: DoneVoid): void {
    const { random, weather } = this.home
    const perform = (): null | Refused => {
      if (random.chance(weather.syncFailChance)) {
        this.file.failSync(random)
        return new Refused('io', 'input/output error')
      }
      this.file.sync()
      this.file.send()
      return null
    }
    this.enqueue('sync', 'sync', perform, done)
  }

  size(done: Done<number>): void {
    this.enqueue('read', 'measure', () => this.file.sizeFor(this.home.life.host), done)
  }

  inode(done: Done<string>): void {
    this.enqueue('read', 'measure', () => String(this.file.number), done)
  }

  truncate(length: number, done: DoneVoid): void {
    const perform = (): null => {
      this.file.send()
      this.volume.truncate(this.file, length)
      return null
    }
    this.enqueue('write', 'truncate', perform, done)
  }

  close(done: DoneVoid): void {
    const perform = (): null => {
      if (!this.keeps) return null
      this.file.send()
      this.home.life.release(this)
      return null
    }
    this.enqueue('read', 'close', perform, done)
    this.closing = true
  }

  private get keeps(): boolean {
    return this.home.weather.kept && this.volume.shared
  }

  private enqueue<T>(
    kind: OperationKind,
    verb: string,
    perform: () => T | Refused,
    done: Done<T>,
    performPart: () => void = nothing,
  ): void {
    assert(!this.closing, 'a closed file takes no operation')
    const there = (): T | Refused => (this.isStale && verb !== 'close' ? stale : perform())
    const task: Task<T> = { kind, verb, path: this.path, volume: this.volume, perform: there, performPart }
    const start = (): void => {
      new Operation(this.home, task, (error, value) => {
        this.next()
        done(error, value)
      })
    }
    if (this.busy) {
      this.waiting.push(start)
    } else {
      this.busy = true
      start()
    }
  }

  /** Another machine has removed it: a server knows nothing of who has it open. */
  private get isStale(): boolean {
    const { volume, file, home } = this
    return home.weather.stale && volume.shared && file.links === 0 && file.removedBy !== home.life.host
  }

  private next(): void {
    const start = this.waiting.shift()
    if (start === undefined) this.busy = false
    else start()
  }

  /** Writes a first part of `parts`, of any length. */
  private writePart(parts: readonly Uint8Array[], position: number): void {
    const total = parts.reduce((sum, part) => sum + part.length, 0)
    let left = this.home.random.below(total + 1)
    let at = position
    for (const part of parts) {
      const length = Math.min(left, part.length)
      this.volume.write(this.file, at, part.subarray(0, length))
      at += length
      left -= length
    }
    this.file.wound(at, position + total)
  }
}

/** Reads from a file, after the weather has had its chance to damage it. */
export function readInode(
  { random, weather, life }: OperationHome,
  path: string,
  inode: Inode,
  position: number,
  length: number,
): Buffer {
  const exposed = weather.damageChance > 0 && weather.damaged.some((part) => path.includes(part))
  if (exposed && random.chance(weather.damageChance)) inode.damage(random)
  return inode.read(position, length, life.host)
}

function nothing(): void {}
