/**
 * A copy of a folder of a simulated volume, as a snapshot of the volume gives it: all of it as it stood at one moment,
 * for whoever read it then. So does a copier of files that nobody writes meanwhile.
 *
 * U1. What is put back stands there durably, and nothing else does. All who use the volume are dead, and nothing of
 *     theirs is still on its way to it.
 */
import { Refused, type Volume } from './volume.ts'

type Saved = Buffer | Map<string, Saved>

export class Backup {
  private readonly volume: Volume
  private readonly path: string
  private readonly saved: Saved

  /** Of what stands at `path` of `volume` now. */
  constructor(volume: Volume, path: string) {
    this.volume = volume
    this.path = path
    this.saved = save(volume, path)
  }

  /** U1. */
  putBack(): void {
    const { volume, path } = this
    volume.removeTree(path)
    lay(volume, path, this.saved)
    volume.syncDirectory(path.slice(0, path.lastIndexOf('/')))
  }
}

function save(volume: Volume, path: string): Saved {
  const names = volume.list(path)
  if (!(names instanceof Refused)) return new Map(names.map((name) => [name, save(volume, `${path}/${name}`)]))
  const inode = volume.open(path, 'read')
  return inode instanceof Refused ? Buffer.alloc(0) : inode.read(0, inode.size)
}

function lay(volume: Volume, path: string, saved: Saved): void {
  if (saved instanceof Map) {
    volume.makeDirectory(path)
    for (const [name, one] of saved) lay(volume, `${path}/${name}`, one)
    volume.syncDirectory(path)
    return
  }
  const inode = volume.open(path, 'write')
  if (inode instanceof Refused) throw new Error(`U1: ${path} cannot be put back: ${inode.reason}`)
  volume.write(inode, 0, saved)
  inode.sync()
}
