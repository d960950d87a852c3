/**
 * A file system that can be filled: a few megabytes of memory, mounted where only this process and what it starts see
 * it, so that it is gone with them. Needs `unshare` and `mount`, and root or user namespaces.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'

const MARK = 'POTOROO_PROOF_MOUNTS'
/** What a worker's own writes are hardly smaller than: no room stays that one of them could use. */
const PIECES = [1 << 20, 64 << 10, 4096]

/** Goes on in mounts of its own: replaces this process by one that has them. */
export function inOwnMounts(): void {
  if (process.env[MARK] !== undefined) {
    delete process.env[MARK]
    return
  }
  const how = process.getuid?.() === 0 ? '-m' : '-rm'
  const args = ['unshare', how, '--', process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  process.execve!(execFileSync('which', ['unshare'], { encoding: 'utf8' }).trim(), args, {
    ...process.env,
    [MARK]: '1',
  })
}

export class SmallVolume {
  readonly path: string
  private readonly ballast: string

  constructor(path: string, megabytes: number) {
    this.path = path
    this.ballast = `${path}/ballast`
    mkdirSync(path)
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path])
  }

  /** Takes all the room that there is, and what has become free since the last time. */
  fill(): void {
    const file = openSync(this.ballast, 'a')
    try {
      for (const size of PIECES) {
        const piece = Buffer.alloc(size, 1)
        try {
          while (writeSync(file, piece) === size);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        }
      }
    } finally {
      closeSync(file)
    }
  }

  free(): void {
    rmSync(this.ballast, { force: true })
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path)
    return bavail * bsize
  }

  remove(): void {
    execFileSync('umount', ['-l', this.path])
  }
}
