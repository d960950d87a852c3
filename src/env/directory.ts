/** Directories that a power loss does not take away again. */
import type { Disk, DoneVoid } from './disk.ts'

type MakesDirectories = Pick<Disk, 'makeDirectory' | 'syncDirectory'>

/**
 * Makes `path` and those above it, and syncs the directories that name them. One that may not be opened is passed over:
 * what this program made, it may open.
 */
export function makeDurableDirectory(disk: MakesDirectories, path: string, done: DoneVoid): void {
  disk.makeDirectory(path, (error) => {
    if (error === null) syncAbove(disk, path, done)
    else done(error)
  })
}

function syncAbove(disk: MakesDirectories, path: string, done: DoneVoid): void {
  const above = directoryOf(path)
  disk.syncDirectory(above, (error) => {
    if (error !== null && error.code !== 'denied') done(error)
    else if (above === '.' || above === '/') done(null)
    else syncAbove(disk, above, done)
  })
}

/** The directory that names `path`. */
function directoryOf(path: string): string {
  const slash = path.replace(/\/+$/, '').lastIndexOf('/')
  if (slash < 0) return '.'
  return slash === 0 ? '/' : path.slice(0, slash)
}
