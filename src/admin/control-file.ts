/** `control.json` in the data folder: how commands find the worker that runs there. Only its owner can read it. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { fail } from '../base/errors.ts'

export interface ControlFile {
  /** `127.0.0.1:41231`. */
  readonly address: string
  readonly pid: number
  readonly worker: string
  readonly incarnation: string
  /** The store that the workers of its cluster share; `null` for a worker alone. */
  readonly store: string | null
  /** The files with the tokens. */
  readonly adminToken: string
  readonly readToken: string
}

const NAME = 'control.json'

/**
 * Writes the file whole, in place of one that a killed worker has left. Throws `E_FILE`, and leaves nothing behind
 * then.
 */
export function writeControlFile(data: string, content: ControlFile): void {
  const path = `${data}/${NAME}`
  const temporary = `${path}.${content.incarnation}`
  try {
    writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw fail('E_FILE', { operation: 'write', path, reason: (error as Error).message }, error)
  }
}

/** What the last worker in `data` wrote, `null` where none did. It may be dead. */
export function readControlFile(data: string): ControlFile | null {
  try {
    return JSON.parse(readFileSync(`${data}/${NAME}`, 'utf8')) as ControlFile
  } catch {
    return null
  }
}

export function removeControlFile(data: string): void {
  rmSync(`${data}/${NAME}`, { force: true })
}
