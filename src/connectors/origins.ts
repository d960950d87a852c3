/**
 * Which web pages may speak to a source or a sink that listens.
 *
 * A browser lets any page open a WebSocket to any address, and post text to it, also to this machine's own. It says where the
 * page is from (`Origin`), and only the server can refuse it. A program that is no browser says nothing, and is let in.
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

/** What is wrong with `origins` as a user has written them, or `null`. */
export function originsFault(origins: string): string | null {
  const wrong = listOf(origins).find((one) => !ORIGIN.test(one))
  if (wrong === undefined) return null
  const form = 'an origin is local, *, or what a browser says of its page, such as https://shop.example'
  return `${form}, not ${JSON.stringify(wrong)}`
}

/** Whether `origins` let in who says `origin`, or nothing. */
export function isWelcome(origins: string, origin: string | undefined): boolean {
  if (origin === undefined) return true
  return listOf(origins).some((one) => one === '*' || one === origin || (one === LOCAL && LOCAL_PAGE.test(origin)))
}

function listOf(origins: string): readonly string[] {
  return origins.split(/[\s,]+/)
}
