/** Paths, and the files that they name. */
import { inByteOrder } from '../../base/file-name.ts'
import type { Disk, Done } from '../../env/disk.ts'

/** Whether `path` may name more than one file. */
export function isPattern(path: string): boolean {
  return /[*?,]/.test(path)
}

/** Why `pattern` could never be looked for, as the end of a sentence; `null` where it can. */
export function faultOfPattern(pattern: string): string | null {
  for (const part of partsOf(pattern)) {
    const { directory, name } = splitPath(part)
    if (name === '') return `names a file in each part, not ${JSON.stringify(part)}`
    if (/[*?]/.test(directory))
      return `has * and ? in the names of files only, not in folders as ${JSON.stringify(part)}`
  }
  return pattern.includes('\0') ? 'has no character NUL, which no file has in its name' : null
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

function partsOf(pattern: string): readonly string[] {
  return pattern.split(',').map((part) => part.trim())
}

/**
 * The files that `pattern` names now, in byte order, each once however it is written; a plain path is named whether it
 * exists or not. `*` and `?` are understood in the last part of a path, and mean files alone, of which `isWanted` says
 * by their names which, but none that begins with a dot where the pattern does not; several paths stand behind one
 * another with commas.
 */
export function findFiles(
  disk: Disk,
  pattern: string,
  isWanted: (name: string) => boolean,
  found: Done<readonly string[]>,
): void {
  const parts = partsOf(pattern)
  /** As they are written, by what that leads to. */
  const all = new Map<string, string>()
  const add = (path: string): void => {
    if (!all.has(plainPath(path))) all.set(plainPath(path), path)
  }
  const next = (i: number): void => {
    const part = parts[i]
    if (part === undefined) {
      found(null, inByteOrder([...all.values()]))
      return
    }
    if (!isPattern(part)) {
      add(part)
      next(i + 1)
      return
    }
    const { directory, name } = splitPath(part)
    disk.listFiles(directory, (error, names) => {
      if (error !== null) return found(error, [])
      const test = matcher(name)
      // As shells have it: what editors and copying programs keep beside a file is none of them.
      const seen = name.startsWith('.') ? names : names.filter((each) => !each.startsWith('.'))
      for (const each of seen) if (test.test(each) && isWanted(each)) add(joinPath(directory, each))
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
