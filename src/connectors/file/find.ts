/** Paths, and the files that they name. */
import type { Disk, Done } from '../../env/disk.ts'

/** Whether `path` may name more than one file. */
export function isPattern(path: string): boolean {
  return /[*?,]/.test(path)
}

/** The directory and the name of `path`. */
export function splitPath(path: string): { readonly directory: string; readonly name: string } {
  const slash = path.lastIndexOf('/')
  return { directory: slash < 0 ? '.' : path.slice(0, slash) || '/', name: path.slice(slash + 1) }
}

/** `path` without what leads nowhere: `./a//b` is `a/b`. What it ends with is a name, and an empty one too. */
export function plainPath(path: string): string {
  const parts = path.split('/')
  return parts.filter((part, i) => part !== '.' && (part !== '' || i === 0 || i === parts.length - 1)).join('/')
}

/** `name` in `directory`. */
export function joinPath(directory: string, name: string): string {
  return directory === '.' ? name : directory === '/' ? `/${name}` : `${directory}/${name}`
}

/**
 * The files that `pattern` names now, in byte order; a plain path is named whether it exists or not. `*` and `?` are
 * understood in the last part of a path; several paths stand behind one another with commas.
 */
export function findFiles(disk: Disk, pattern: string, found: Done<readonly string[]>): void {
  const parts = pattern.split(',').map((part) => part.trim())
  const all = new Set<string>()
  const next = (i: number): void => {
    const part = parts[i]
    if (part === undefined) {
      found(null, [...all].sort())
      return
    }
    if (!isPattern(part)) {
      all.add(part)
      next(i + 1)
      return
    }
    const { directory, name } = splitPath(part)
    disk.list(directory, (error, names) => {
      if (error !== null) return found(error, [])
      const test = matcher(name)
      for (const each of names) if (test.test(each)) all.add(joinPath(directory, each))
      next(i + 1)
    })
  }
  next(0)
}

function matcher(pattern: string): RegExp {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's')
}
