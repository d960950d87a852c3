/** What an HTTP source answers: JSON, and for everything that did not work an error with its code and remedy. */
import { showAddress } from '../../base/address.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Answer, Headers } from '../../env/http.ts'
import type { RequestAnswer } from '../../model/request.ts'

/** How soon to come again, in seconds. */
const RETRY = { 'retry-after': '1' }

export function problem(
  status: number,
  error: PotorooError,
  more: { headers?: Headers; fields?: object } = {},
): Answer {
  const { code, message, remedy } = error
  return json(status, { error: { code, message, remedy, ...more.fields } }, more.headers)
}

/** Nothing was taken; another try is worth while. */
export function busy(error: PotorooError): Answer {
  return problem(503, error, { headers: RETRY })
}

/** What a request is told that `target` was asked with. */
export function answerOf(
  given: RequestAnswer,
  request: { readonly records: number; readonly keyed: boolean; readonly target: string },
): Answer {
  const { records, keyed, target } = request
  switch (given.kind) {
    case 'taken': {
      const { repeats, next, token } = given
      return json(200, keyed ? { records, repeats, next, token } : { records, token })
    }
    case 'gap': {
      const { next } = given
      return problem(409, fail('E_HTTP_SEQUENCE', { next }), { fields: { next } })
    }
    case 'others': {
      const { error, next } = given
      return problem(422, error, { fields: { next } })
    }
    case 'elsewhere': {
      const { worker, address } = given
      if (address === null) return busy(fail('E_HTTP_ELSEWHERE', { worker }))
      const { host, port } = address
      const headers = { location: `http://${showAddress({ host, port })}${target}` }
      return problem(307, fail('E_HTTP_ELSEWHERE', { worker }), { headers })
    }
    case 'again':
      return busy(given.error)
    case 'refused':
      return given.error.kind === 'operational' ? busy(given.error) : problem(400, given.error)
  }
}

function json(status: number, body: object, headers: Headers = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: `${JSON.stringify(body)}\n` }
}
