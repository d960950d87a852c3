/** Makes directories that a power loss does not take away again. */
import type { Disk, DiskError } from '../../env/disk.ts'
import { splitPath } from './find.ts'

type MakesDirectories = Pick<Disk, 'makeDirectory' | 'syncDirectory'>

/**
 * Makes `path` and those above it, and syncs the directories that name them. One that may not be opened is passed over:
 * what this program made, it may open.
 */
export function makeDurableDirectory(
  disk: MakesDirectories,
  path: string,
  done: (error: DiskError | null) => void,
): void {
  disk.makeDirectory(path, (error) => {
    if (error === null) syncAbove(disk, path, done)
    else done(error)
  })
}

function syncAbove(disk: MakesDirectories, path: string, done: (error: DiskError | null) => void): void {
  const { directory } = splitPath(path)
  disk.syncDirectory(directory, (error) => {
    if (error !== null && error.code !== 'denied') done(error)
    else if (directory === '.' || directory === '/') done(null)
    else syncAbove(disk, directory, done)
  })
}
