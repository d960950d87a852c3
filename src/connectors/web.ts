/**
 * What sources and sinks have in common that web pages can reach: the path at which they are found, and which pages may
 * come.
 *
 * A browser lets any page open a WebSocket to any address, and post text to it, also to this machine's own. It says
 * where the page is from (`Origin`), and only the server can refuse it. A program that is no browser says nothing, and
 * is let in.
 */

/** The word for pages of this machine, whatever their port. */
const LOCAL = 'local'
const LOCAL_PAGE = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/** `http://localhost:5173`, as a browser says it: without a path, and nothing behind the port. */
const ORIGIN = /^(local|\*|null|[a-z][a-z0-9+.-]*:\/\/[^/\s]+)$/

export const originsField = {
  type: 'text',
  default: LOCAL,
  doc: 'origins of the pages that may connect: local for pages of this machine, * for all',
  example: 'https://shop.example',
} as const

interface Described {
  readonly settings: { readonly path: string; readonly origins: string }
  readonly faults?: readonly string[]
}

/**
 * Adds what is wrong with the place at which it is found, and with the pages that may come, as a user has written them.
 */
export function placed<D extends Described>(connector: string, described: D): D {
  const { path, origins } = described.settings
  const faults = [...(described.faults ?? [])]
  if (!/^\/[^?#\s]*$/.test(path)) faults.push(`${connector}: path begins with / and has no ? in it`)
  const wrong = listOf(origins).find((one) => !ORIGIN.test(one))
  if (wrong !== undefined) {
    const form = 'an origin is local, *, or what a browser says of its page, such as https://shop.example'
    faults.push(`${connector}: ${form}, not ${JSON.stringify(wrong)}`)
  }
  return { ...described, faults }
}

/** Whether `origins` let in who says `origin`, or nothing. */
export function isWelcome(origins: string, origin: string | undefined): boolean {
  if (origin === undefined) return true
  return listOf(origins).some((one) => one === '*' || one === origin || (one === LOCAL && LOCAL_PAGE.test(origin)))
}

function listOf(origins: string): readonly string[] {
  return origins.split(/[\s,]+/)
}
