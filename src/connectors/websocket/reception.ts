/** Who may open a WebSocket here: the path, the place that a page comes from, and what everybody else is answered. */
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Answer, HttpCall, HttpCallHandler, RequestHead } from '../../env/http.ts'
import { isWelcome } from '../web.ts'

export interface ReceptionSettings {
  readonly path: string
  readonly origins: string
}

const PLAIN = { 'content-type': 'text/plain; charset=utf-8' }

export class Reception {
  private readonly step: string
  private readonly path: string
  private readonly origins: string
  private readonly warn: (problem: PotorooError) => void
  /** What the operator has been told last: a page that tries again and again is one message. */
  private told = ''

  constructor(step: string, { path, origins }: ReceptionSettings, warn: (problem: PotorooError) => void) {
    this.step = step
    this.path = path
    this.origins = origins
    this.warn = warn
  }

  /** The answer of who is turned away, or `null`: come in. */
  turnAway({ target, headers }: RequestHead): Answer | null {
    const { step, path: own } = this
    const { origin } = headers
    const path = target.split('?', 1)[0]!
    if (path !== own) return this.tell(404, fail('E_SOCKET_PATH', { step, path, own }))
    if (isWelcome(this.origins, origin)) return null
    return this.tell(403, fail('E_ORIGIN', { step, origin: origin! }))
  }

  /** Answers a request that wants no WebSocket. */
  explain(call: HttpCall): HttpCallHandler {
    const { step, path } = this
    const body = `step "${step}" speaks WebSocket: open ws://${call.headers.host ?? 'HOST:PORT'}${path}\n`
    call.answer({ status: 426, headers: { ...PLAIN, upgrade: 'websocket' }, body })
    return { onBytes() {}, onEnd() {}, onClosed() {} }
  }

  private tell(status: number, problem: PotorooError): Answer {
    const { message, remedy } = problem
    if (message !== this.told) this.warn(problem)
    this.told = message
    return { status, headers: PLAIN, body: `${message}: ${remedy}\n` }
  }
}
