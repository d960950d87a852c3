/** What the head of a request says, or why it is refused. */
import { fail } from '../../base/errors.ts'
import { sameSecret } from '../../base/secret.ts'
import type { Answer, RequestHead } from '../../env/http.ts'
import type { RequestKey } from '../../model/request.ts'
import { NAME_BYTES } from '../../protocol/acked.ts'
import { isWelcome } from '../web.ts'
import { problem } from './answers.ts'
import type { HttpSourceSettings } from './describe.ts'
import { preflight } from './pages.ts'

/** Bodies of one record, and of a record in each line. */
const ONE = ['application/json', 'text/plain', 'application/octet-stream']
const LINES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl']

export interface Asked {
  readonly format: 'one' | 'lines'
  readonly key: RequestKey | null
  readonly until: 'journaled' | 'stable'
}

/**
 * What a head asks for, or the answer that it gets at once. It is for the source `step` with `settings`, which wants
 * `token`, and bodies of at most `bodyBytes`.
 */
export function readHead(
  head: RequestHead,
  settings: HttpSourceSettings,
  { step, token, bodyBytes }: { readonly step: string; readonly token: string | null; readonly bodyBytes: number },
): Asked | Answer {
  const { method, target, headers } = head
  const [path, query = ''] = target.split('?', 2)
  if (path !== settings.path) return problem(404, fail('E_HTTP_PATH', { path, known: settings.path }))
  const { origin } = headers
  if (!isWelcome(settings.origins, origin)) return problem(403, fail('E_ORIGIN', { step, origin: origin! }))
  const asksFirst = preflight(head)
  if (asksFirst !== null) return asksFirst
  if (method !== 'POST') return problem(405, fail('E_HTTP_METHOD', { method }), { headers: { allow: 'POST' } })
  if (token !== null && !sameSecret(bearer(headers.authorization), token)) {
    return problem(401, fail('E_HTTP_TOKEN'), { headers: { 'www-authenticate': 'Bearer' } })
  }
  const type = mediaType(headers['content-type'])
  const format = LINES.includes(type) ? 'lines' : ONE.includes(type) ? 'one' : null
  if (format === null || (headers['content-encoding'] ?? 'identity') !== 'identity') {
    const given = format === null ? type : headers['content-encoding']
    return problem(415, fail('E_HTTP_TYPE', { given: given === '' ? 'no type' : given }))
  }
  if (Number(headers['content-length'] ?? 0) > bodyBytes) return tooLarge(bodyBytes)
  const key = keyOf(headers['idempotency-key'])
  if (key === undefined) {
    return bad(`Idempotency-Key is ${headers['idempotency-key']} and not PRODUCER:SEQUENCE, such as till-7:1`)
  }
  const until = new URLSearchParams(query).get('answer') ?? settings.answer
  if (until !== 'journaled' && until !== 'stable') return bad(`answer is ${until}, and neither journaled nor stable`)
  return { format, key, until }
}

export function tooLarge(bodyBytes: number): Answer {
  return problem(413, fail('E_HTTP_TOO_LARGE', { limit: bodyBytes }))
}

function bad(reason: string): Answer {
  return problem(400, fail('E_HTTP_REQUEST', { reason }))
}

/** The token of an `Authorization: Bearer` header. */
function bearer(header: string | undefined): string {
  return /^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? ''
}

/** `application/json` of `Application/JSON; charset=utf-8`. */
function mediaType(header: string | undefined): string {
  return (header ?? '').split(';', 1)[0]!.trim().toLowerCase()
}

/**
 * `PRODUCER:SEQUENCE` or `PRODUCER/INCARNATION:SEQUENCE`, in quotes or without; `null` where there is none, `undefined`
 * where it is something else.
 */
function keyOf(header: string | undefined): RequestKey | null | undefined {
  if (header === undefined) return null
  const found = /^"?([^"/:\0]+)(?:\/([^"/:\0]+))?:(\d{1,15})"?$/.exec(header)
  if (found === null) return undefined
  const [, producer, incarnation = 'http', digits] = found
  const first = Number(digits)
  if (first < 1 || [producer!, incarnation].some((name) => Buffer.byteLength(name) > NAME_BYTES)) return undefined
  return { producer: producer!, incarnation, first }
}
