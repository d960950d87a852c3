/** Records as JSON, by the sinks that write it where they are given no `encode`. */
import { fail, PotorooError } from '../base/errors.ts'

/** What comes out as an object with nothing in it, whatever it holds. */
const EMPTIED: ReadonlySet<string> = new Set([
  ...['Map', 'Set', 'WeakMap', 'WeakSet', 'Promise', 'Error', 'RegExp'],
  ...['ArrayBuffer', 'SharedArrayBuffer', 'DataView'],
])

/**
 * `value` as JSON; `undefined` where JSON has nothing for it. Throws `E_NO_JSON` for what it cannot be, such as a map,
 * a bigint or a circle.
 */
export function jsonText(value: unknown): string | undefined {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    nameLost(value)
    // V8 draws a circle on several lines, of which the first says what is wrong.
    const [reason] = (error as Error).message.split('\n')
    throw fail('E_NO_JSON', { reason }, error)
  }
  // A record of which nothing is lost is not looked through.
  if (text?.includes('{}')) nameLost(value)
  return text
}

/** Throws `E_NO_JSON` with the name of the first field that is lost. */
function nameLost(value: unknown): void {
  const paths = new Map<unknown, string>()
  try {
    JSON.stringify(value, function (this: unknown, name: string, inner: unknown) {
      const path = pathOf(paths.get(this), name, Array.isArray(this))
      const kind = kindOf(inner)
      if (kind !== null) throw fail('E_NO_JSON', { reason: `${path || 'it'} is a ${kind}` })
      if (typeof inner === 'object' && inner !== null) paths.set(inner, path)
      return inner
    })
  } catch (error) {
    // A circle, and what a `toJSON` throws, is named by whoever has met it before.
    if (error instanceof PotorooError) throw error
  }
}

function kindOf(value: unknown): string | null {
  if (typeof value === 'bigint') return 'bigint'
  if (typeof value !== 'object' || value === null) return null
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
  return EMPTIED.has(tag) && Object.keys(value).length === 0 ? tag : null
}

/** `days[3].counts` of `counts` in the fourth of `days`; empty for the record itself. */
function pathOf(holder: string | undefined, name: string, isInList: boolean): string {
  if (holder === undefined) return ''
  if (isInList) return `${holder}[${name}]`
  return holder === '' ? name : `${holder}.${name}`
}
