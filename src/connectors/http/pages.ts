/**
 * What the browser of a page is told that `origins` let in. Without it the browser sends nothing but text for the page,
 * and lets it read no answer (the Fetch standard calls this CORS).
 */
import type { Answer, RequestHead } from '../../env/http.ts'
import { isWelcome } from '../web.ts'

/** How long a browser need not ask again, in seconds. */
const MAX_AGE = 600

/** The answer to a browser that asks whether a page may send a request; `null` for every other request. */
export function preflight({ method, headers }: RequestHead): Answer | null {
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return null
  const allowed = {
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'authorization, content-type, idempotency-key',
    'access-control-max-age': String(MAX_AGE),
  }
  return { status: 200, headers: allowed }
}

/** `answer` as a page may read it that `origins` let in; as it is for a program, and for other pages. */
export function forPage(answer: Answer, origins: string, { headers: { origin } }: RequestHead): Answer {
  if (origin === undefined || !isWelcome(origins, origin)) return answer
  const readable = { 'access-control-allow-origin': origin, 'access-control-expose-headers': 'retry-after' }
  return { ...answer, headers: { ...answer.headers, ...readable, vary: 'origin' } }
}
