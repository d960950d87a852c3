/** The log of another process in a file: what it has said since the last look. The file is bounded. */
import { closeSync, copyFileSync, openSync, readSync, rmSync, statSync, truncateSync } from 'node:fs'

/**
 * Beyond it the file goes on from nothing, and what it had lies beside it. The writer appends, wherever that is now.
 */
const FILE_BYTES = 16 << 20
/** Read at a time. */
const READ_BYTES = 256 << 10

/**
 * A line of a worker's log. One that somebody else has written there, such as a pipeline, is an error with that as its
 * code.
 */
export interface LogLine {
  readonly level: string
  readonly code: string
  readonly [field: string]: unknown
}

export class LogFile {
  readonly path: string
  /** The line at which the next look begins. */
  private position: number

  /** What stands there already has been told by somebody else. */
  constructor(path: string) {
    this.path = path
    this.position = sizeOf(path)
  }

  /** The lines that have come since the last call. */
  read(): readonly LogLine[] {
    if (sizeOf(this.path) < this.position) this.position = 0
    const lines: LogLine[] = []
    for (let text = this.next(); text !== ''; text = this.next()) {
      for (const line of text.split('\n')) if (line !== '') lines.push(parse(line))
    }
    if (this.position > FILE_BYTES) this.begin()
    return lines
  }

  /** Goes on from nothing. On a disk that is full what it had is not kept: that it stays bounded helps there. */
  private begin(): void {
    const before = `${this.path}.1`
    if (!did(() => copyFileSync(this.path, before))) did(() => rmSync(before, { force: true }))
    if (did(() => truncateSync(this.path))) this.position = 0
  }

  /** Whole lines, as many as are read at a time. */
  private next(): string {
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    let bytes = 0
    try {
      const descriptor = openSync(this.path, 'r')
      bytes = readSync(descriptor, buffer, 0, READ_BYTES, this.position)
      closeSync(descriptor)
    } catch {
      return ''
    }
    const end = buffer.subarray(0, bytes).lastIndexOf('\n') + 1
    // A line that is longer than what is read at a time is cut.
    const taken = end === 0 && bytes === READ_BYTES ? bytes : end
    this.position += taken
    return buffer.toString('utf8', 0, taken)
  }
}

/** A disk that fails is no reason to end. */
function did(act: () => void): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}

function parse(line: string): LogLine {
  try {
    const said = JSON.parse(line) as Partial<LogLine> | null
    if (typeof said?.level === 'string' && typeof said.code === 'string') return said as LogLine
  } catch {}
  return { level: 'error', code: line }
}
