/**
 * A file that grows, as the log of a program does: records are added at its end, and now and then it gets another name
 * and begins anew under its own, as logs are rotated. A reader who was away finds under the other names what it has not
 * read.
 *
 * Who begins with nothing begins with the file that is there: it is rotated once an epoch has a place in it. What is
 * written is durable at once. Between the two names there is a moment in which there is no file.
 */
import type { Prng } from '../../src/base/prng.ts'
import type { Volume } from '../../src/sim/volume.ts'
import type { World } from '../../src/sim/world.ts'
import type { Laid } from './outside.ts'

/** Of so many times that it grows it is rotated before one, about. */
const ROTATED = 12
/**
 * And not for so long after the last time, in milliseconds: who looks for a file through all names looks three times.
 */
const STAYS_MS = 1000
/** For so long there may be no file, in milliseconds. */
const GONE_MS = 5

export class GrowingFile {
  readonly laid: Laid
  private readonly world: World
  private readonly random: Prng
  private readonly volume: Volume
  /** What the next record is as bytes in the file. */
  private readonly framed: (sequence: number) => Buffer
  private readonly mayRotate: () => boolean
  /** Files that had the name before. */
  private rotated = 0
  private rotatedMs = 0
  /** What was made while there is no file. */
  private waiting: Buffer[] | null = null

  constructor(
    laid: Laid,
    world: World,
    random: Prng,
    volume: Volume,
    framed: (sequence: number) => Buffer,
    mayRotate: () => boolean,
  ) {
    this.laid = laid
    this.world = world
    this.random = random
    this.volume = volume
    this.framed = framed
    this.mayRotate = mayRotate
  }

  get made(): number {
    return this.laid.made
  }

  produce(count: number): void {
    const { random, laid } = this
    const since = this.world.now - this.rotatedMs
    if (this.waiting === null && since > STAYS_MS && random.below(ROTATED) === 0 && this.mayRotate()) this.rotate()
    for (let left = count; left > 0; left--) {
      const bytes = this.framed(++laid.made)
      laid.bytes += bytes.length
      if (this.waiting === null) this.append(bytes)
      else this.waiting.push(bytes)
    }
  }

  private rotate(): void {
    const { volume, laid, world, random } = this
    const { path } = laid
    for (let i = this.rotated; i > 0; i--) volume.rename(`${path}.${i}`, `${path}.${i + 1}`)
    volume.rename(path, `${path}.1`)
    this.rotated++
    this.rotatedMs = world.now
    this.waiting = []
    world.at(world.now + random.between(0, GONE_MS), () => {
      const parts = this.waiting!
      this.waiting = null
      this.append(Buffer.concat(parts))
    })
  }

  private append(bytes: Buffer): void {
    const { volume, laid } = this
    const inode = volume.open(laid.path, 'write')
    if (!('sync' in inode)) throw new Error('the file cannot be made')
    volume.write(inode, inode.size, bytes)
    inode.sync()
    volume.syncDirectory(laid.path.slice(0, laid.path.lastIndexOf('/')))
  }
}
