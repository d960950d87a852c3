/**
 * What a person or a script sees. Standard output belongs to results and to pipelines' records; everything that is said
 * about them goes to standard error.
 *
 * V1. Keys, names and errors are made of what strangers have sent. None of it moves a cursor or gives a terminal a
 *     command: but for colours and ends of lines, characters that cannot be seen are shown as they stand in JSON.
 */
import { isUtf8 } from 'node:buffer'
import { type ErrorCode, errorTable, PotorooError } from '../base/errors.ts'

const BOLD = 1
const RED = 31
const YELLOW = 33
const FAINT = 90

const ESCAPE = '\x1b'
const UNSEEN = new RegExp(`(?!\\n|\\t|${ESCAPE}\\[\\d+m)\\p{Cc}`, 'gu')

/** `text` with what cannot be seen made visible (V1). */
export function visible(text: string): string {
  return text.replace(UNSEEN, (unseen) => `\\u${unseen.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A result, on standard output. */
export function print(text: string): void {
  process.stdout.write(visible(text.endsWith('\n') ? text : `${text}\n`))
}

/** A result as JSON, on standard output. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

/** A remark, on standard error. */
export function say(text: string): void {
  process.stderr.write(`${visible(text)}\n`)
}

/** An error: its code, what happened, what to do; with `json` one object on one line. */
export function sayError(error: unknown, json = false): void {
  say(json ? JSON.stringify({ error: errorToJson(error) }) : showProblem('error', error))
}

/** Something that the program has dealt with and a person should know. */
export function sayWarning(error: unknown): void {
  say(showProblem('warning', error))
}

/** `error E_PORT_IN_USE: port 7001 … is in use`, and under it what to do. */
export function showProblem(label: 'error' | 'warning', error: unknown): string {
  const painted = paint(label, label === 'error' ? RED : YELLOW)
  if (!(error instanceof PotorooError)) {
    const { stack, message } = error instanceof Error ? error : new Error(String(error))
    return `${painted}: ${message}\n${paint(stack ?? '', FAINT)}\n  this is a bug in potoroo: please report it with the lines above`
  }
  return `${painted} ${paint(error.code, BOLD)}: ${error.message}\n  ${error.remedy}`
}

/** What to do about a code that another program has named without saying so. */
export function remedyOf(code: string): string {
  const row = Object.hasOwn(errorTable, code) ? errorTable[code as ErrorCode] : null
  return row === null || row.remedy.includes('{') ? `\`potoroo error ${code}\` says what it means` : row.remedy
}

export function errorToJson(error: unknown): unknown {
  if (!(error instanceof PotorooError)) {
    return { code: null, kind: 'invariant', message: error instanceof Error ? error.message : String(error) }
  }
  const { code, kind, message, remedy, details } = error
  return { code, kind, message, remedy, details }
}

function paint(text: string, colour: number): string {
  return process.stderr.isTTY === true && process.stderr.hasColors() ? `\x1b[${colour}m${text}\x1b[0m` : text
}

/** Rows of cells in aligned columns, each on one line; numbers stand right. An empty table says `empty`. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[], empty: string): string {
  if (rows.length === 0) return `${empty}\n`
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? showCount(cell) : oneLine(cell))))
  const widths = head.map((title, column) =>
    cells.reduce((width, row) => Math.max(width, row[column]!.length), title.length),
  )
  const right = head.map((_, column) => rows.every((row) => typeof row[column] === 'number'))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  return `${[head, ...cells].map(line).join('\n')}\n`
}

function oneLine(cell: string): string {
  return visible(cell).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}

/** The size of a terminal, where that is known. */
export interface Window {
  readonly rows?: number
  readonly columns?: number
}

/** The lines of `text` that fit into a window and leave its last line free, each as far as it fits: none is wrapped. */
export function fitting(text: string, { rows = 24, columns = 80 }: Window): readonly string[] {
  const lines = text.trimEnd().split('\n')
  const shown = lines.length < rows ? lines : [...lines.slice(0, rows - 2), '…']
  return shown.map((line) => shortened(line, columns))
}

function shortened(line: string, columns: number): string {
  return line.length > columns ? `${line.slice(0, columns - 1)}…` : line
}

/** Draws the last line of the terminal of standard error anew; one that it wrapped could not be drawn over. */
export function drawLine(line: string): void {
  process.stderr.write(`\r\x1b[K${shortened(visible(line), process.stderr.columns ?? 80)}`)
}

/** `3401` as `3,401`, and at most one digit behind the point. */
export function showCount(count: number): string {
  // `toLocaleString` takes 24 ms the first time.
  const [whole, tenths] = String(Math.round(count * 10) / 10).split('.')
  const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ',')
  return tenths === undefined ? grouped : `${grouped}.${tenths}`
}

/** `1 key`, `3,401 keys`. */
export function counted(count: number, noun: string): string {
  return `${showCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** Bytes for people: `820 B`, `1.4 MB`. */
export function showBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = bytes / 1000
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`
}

/** How this program was called, for the commands that it proposes: through npm, or by its own name. */
export function invocation(): string {
  return process.env.npm_config_user_agent === undefined ? 'potoroo' : 'npx potoroo'
}

/** Bytes of a record that are shown in hexadecimal. */
const RAW_BYTES = 256

/** A record's bytes: text where they are text; what no reader could tell from other bytes is in hexadecimal. */
export function showRaw(bytes: Buffer): string {
  if (isUtf8(bytes)) return JSON.stringify(bytes.toString('utf8'))
  const shown = Array.from(bytes.subarray(0, RAW_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
  return bytes.length <= RAW_BYTES ? shown : `${shown} … (${bytes.length} bytes; --json has them all)`
}
