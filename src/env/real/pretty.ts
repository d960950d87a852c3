/** A log line for a person: `14:03:07.250 warn  source-stopped step=lines reason="no room"`. */

const levelColour: Readonly<Record<string, number>> = { debug: 90, info: 32, warn: 33, error: 31 }
const FAINT = 90

/** Formats `line`, a JSON object with `time`, `level`, `code` and any fields; text that is none comes back as it is. */
export function prettyLine(line: string, coloured: boolean): string {
  const fields = parse(line)
  if (fields === null) return line
  const { time, level, code, ...rest } = fields
  const clock = String(time).slice(11, 23)
  const name = String(level)
  const head = coloured
    ? `${paint(clock, FAINT)} ${paint(name.padEnd(5), levelColour[name] ?? 0)} ${code}`
    : `${clock} ${name.padEnd(5)} ${code}`
  let text = head
  for (const [key, value] of Object.entries(rest)) {
    const label = coloured ? paint(`${key}=`, FAINT) : `${key}=`
    text += ` ${label}${show(value)}`
  }
  return `${text}\n`
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** Plain words stand bare; all else is quoted, so that a value can neither end the line nor colour it. */
function show(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/@+-]+$/.test(value)) return value
  // JSON leaves these as they are, and terminals take some of them for the beginning of an order.
  return JSON.stringify(value).replace(/[\x7f-\x9f]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`)
}

function paint(text: string, colour: number): string {
  return `\x1b[${colour}m${text}\x1b[0m`
}
