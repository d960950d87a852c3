/**
 * A simulated disk for programs that wait for it: what is asked is done when the call returns. The process may die in
 * any of these calls, or its machine lose its power: before the disk has done it, behind that, or in between.
 *
 * B1. Who has died is told by an exception, which no program can hold against anything: the disk does nothing more for
 *     it, whatever it asks while that is thrown.
 *
 * Fair and not fair is what `disk.ts` and `volume.ts` say. What a sync beside other work makes durable is what was
 * written when it was asked for, or what was when it is done; a write that comes in between cannot rely on it.
 */
import type { Prng } from '../base/prng.ts'
import type { InboxDisk, InboxFile } from '../client/receiver/surroundings.ts'
import { SimLock } from './disk.ts'
import type { Inode } from './inode.ts'
import type { Death } from './life.ts'
import { Refused, readOnly, type Volume } from './volume.ts'
import type { Machine, SimProcess } from './world.ts'

export interface BlockingWeather {
  /** Chance that the process dies in a call. */
  readonly diesChance: number
  /** And that its machine loses its power, of those deaths. */
  readonly powerShare: number
  /** Chance that a call fails and has done nothing, or a write only a part. */
  readonly failChance: number
  /** Chance that a sync fails (`env/disk.ts`, K3). */
  readonly syncFailChance: number
  /** What a sync takes at most, in milliseconds. */
  readonly syncMs: number
}

/** The process has died (B1). */
class Died extends Error {
  override readonly name = 'Died'
}

/** What it belongs to. */
interface Home {
  readonly machine: Machine
  readonly process: SimProcess
  readonly random: Prng
  /** As it is at the moment. */
  readonly weather: () => BlockingWeather
  /** The process, or all of its machine, is to die. */
  readonly die: (how: Death) => void
}

export class BlockingDisk implements InboxDisk {
  private readonly home: Home
  private readonly volume: Volume

  constructor(home: Home) {
    this.home = home
    this.volume = home.machine.volume
  }

  makeFolder(path: string): void {
    this.change('mkdir', path, () => this.volume.makeDirectory(path))
  }

  lock(path: string): { close(): void } | null {
    const { volume } = this
    const name = `${path}/lock`
    this.change('lock', name, () => volume.open(name, 'write'))
    if (volume.locks.has(name)) return null
    const lock = new SimLock(volume, name, this.home.process.life)
    return { close: () => lock.release() }
  }

  list(path: string): readonly string[] {
    return this.look('list', path, () => this.volume.list(path))
  }

  read(path: string): Buffer {
    const inode = this.look('read', path, () => this.volume.open(path, 'read'))
    return inode.read(0, inode.size)
  }

  create(path: string): InboxFile {
    return new BlockingFile(
      this,
      path,
      this.change('create', path, () => this.volume.open(path, 'create')),
    )
  }

  harden(path: string, bytes: Buffer): void {
    const inode = this.look('open', path, () => this.volume.open(path, 'update'))
    this.write(path, inode, [bytes], 0)
    this.change('truncate', path, () => this.volume.truncate(inode, bytes.length))
    this.sync(path, inode)
  }

  rename(from: string, to: string): void {
    this.change('rename', to, () => this.volume.rename(from, to))
  }

  remove(path: string): void {
    this.change('remove', path, () => this.volume.remove(path))
  }

  syncFolder(path: string): void {
    const { random, weather } = this.home
    this.change('sync', path, () => {
      if (!random.chance(weather().syncFailChance)) return this.volume.syncDirectory(path)
      this.volume.failSyncDirectory(random)
      return new Refused('io', 'input/output error')
    })
  }

  write(path: string, inode: Inode, parts: readonly Uint8Array[], position: number): void {
    const bytes = Buffer.concat(parts)
    const { random } = this.home
    this.change(
      'write',
      path,
      () => this.volume.write(inode, position, bytes),
      () => void this.volume.write(inode, position, bytes.subarray(0, random.below(bytes.length + 1))),
    )
  }

  sync(path: string, inode: Inode): void {
    this.change('sync', path, this.confirms(inode))
  }

  /** A sync beside other work. */
  syncLater(path: string, inode: Inode, done: (error: Error | null) => void): void {
    const { random, weather, process } = this.home
    if (process.state === 'dead') return
    const confirm = this.confirms(inode)
    const early = random.chance(0.5) ? confirm() : undefined
    process.env.clock.after(random.fraction() * weather().syncMs, () => {
      const refused = early === undefined ? confirm() : early
      done(refused === null ? null : errorOf('sync', path, refused))
    })
  }

  private confirms(inode: Inode): () => Refused | null {
    const { random, weather } = this.home
    return () => {
      if (random.chance(weather().syncFailChance)) {
        inode.failSync(random)
        return new Refused('io', 'input/output error')
      }
      inode.sync()
      return null
    }
  }

  private look<T>(verb: string, path: string, perform: () => T | Refused): T {
    return this.call(verb, path, perform, () => {}, false)
  }

  private change<T>(verb: string, path: string, perform: () => T | Refused, part: () => void = () => {}): T {
    return this.call(verb, path, perform, part, true)
  }

  private call<T>(verb: string, path: string, perform: () => T | Refused, part: () => void, changes: boolean): T {
    const { random, process, machine, die, weather } = this.home
    if (process.state === 'dead') throw new Died('it is dead')
    const { diesChance, powerShare, failChance } = weather()
    this.volume.by = machine.name
    const barred = changes && this.volume.readOnly
    if (random.chance(diesChance)) {
      const acts = [() => {}, part, perform]
      if (!barred) acts[random.below(acts.length)]!()
      die(random.chance(powerShare) ? 'power' : 'killed')
      throw new Died(`it dies in ${verb} ${path}`)
    }
    if (barred) throw errorOf(verb, path, readOnly)
    if (random.chance(failChance)) {
      if (random.chance(0.5)) part()
      throw errorOf(verb, path, new Refused('io', 'input/output error'))
    }
    const result = perform()
    if (result instanceof Refused) throw errorOf(verb, path, result)
    return result
  }
}

class BlockingFile implements InboxFile {
  private readonly disk: BlockingDisk
  private readonly path: string
  private readonly inode: Inode

  constructor(disk: BlockingDisk, path: string, inode: Inode) {
    this.disk = disk
    this.path = path
    this.inode = inode
  }

  write(parts: readonly Uint8Array[], position: number): void {
    this.disk.write(this.path, this.inode, parts, position)
  }

  sync(done: (error: Error | null) => void): void {
    this.disk.syncLater(this.path, this.inode, done)
  }

  syncNow(): void {
    this.disk.sync(this.path, this.inode)
  }

  close(): void {}
}

function errorOf(verb: string, path: string, { reason }: Refused): Error {
  return new Error(`${verb} ${path}: ${reason}`)
}
