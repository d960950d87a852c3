/**
 * Which files a pipeline was made of, and word when one of them changes.
 *
 * F1. Folders are watched, not files: editors save by renaming, and a file that is missing may come.
 */
import { type FSWatcher, watch } from 'node:fs'
import { dirname, extname, join, resolve } from 'node:path'
import { fail } from '../base/errors.ts'
import type { Bundle } from '../worker/loading/load-bundle.ts'

/**
 * What a pipeline may come to be made of. Anything else in a folder is none of ours, unless it is made of that already.
 */
const ENDINGS = new Set(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json'])

/** Saving is several events; after so long of quiet, in milliseconds, it is over. */
const QUIET_MS = 80

/** The user's own files in a bundle: packages are not looked after. */
export function filesOf({ path, map }: Pick<Bundle, 'path' | 'map'>): readonly string[] {
  const { sources } = JSON.parse(map) as { sources: string[] }
  return sources.map((source) => resolve(dirname(path), source)).filter((file) => !file.includes('node_modules'))
}

export class FileWatch {
  private readonly changed: () => void
  private readonly folders = new Map<string, FSWatcher>()
  private readonly files = new Set<string>()
  private timer: NodeJS.Timeout | null = null

  /** `changed` is called once for each change, however many events it makes. */
  constructor(changed: () => void) {
    this.changed = changed
  }

  /** Watches the folders of `files` too (F1). Throws `E_FILE`. */
  add(files: readonly string[]): void {
    for (const file of files.map((file) => resolve(file))) {
      this.files.add(file)
      const folder = dirname(file)
      if (this.folders.has(folder)) continue
      const watcher = this.watch(folder)
      // A folder that goes takes its files with it: the next change elsewhere says what is missing.
      watcher.on('error', () => this.forget(folder))
      this.folders.set(folder, watcher)
    }
  }

  close(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    for (const folder of [...this.folders.keys()]) this.forget(folder)
  }

  private watch(folder: string): FSWatcher {
    try {
      return watch(folder, (_event, name) => {
        if (name === null || ENDINGS.has(extname(name)) || this.files.has(join(folder, name))) this.tell()
      })
    } catch (error) {
      throw fail('E_FILE', { operation: 'watch', path: folder, reason: (error as Error).message }, error)
    }
  }

  private tell(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = setTimeout(this.changed, QUIET_MS)
  }

  private forget(folder: string): void {
    this.folders.get(folder)?.close()
    this.folders.delete(folder)
  }
}
