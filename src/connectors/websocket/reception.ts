/** Who may open a WebSocket here: the path, the place that a page comes from, and what everybody else is answered. */
import { cutText } from '../../base/cut-text.ts'
import { fail, type PotorooError } from '../../base/errors.ts'
import type { Answer, HttpCall, HttpCallHandler, RequestHead } from '../../env/http.ts'
import type { Context } from '../connector.ts'
import { Sparing } from '../sparing.ts'
import { isWelcome } from '../web.ts'

export interface ReceptionSettings {
  readonly path: string
  readonly origins: string
}

/** What is repeated of a path or an origin, in bytes: a head may have a hundred times as many. */
const SHOWN_BYTES = 128
const PLAIN = { 'content-type': 'text/plain; charset=utf-8' }

export class Reception {
  private readonly step: string
  private readonly path: string
  private readonly origins: string
  private readonly context: Context
  private readonly told: Sparing

  constructor(context: Context, { path, origins }: ReceptionSettings) {
    this.step = context.step
    this.path = path
    this.origins = origins
    this.context = context
    this.told = new Sparing(context.env.clock)
  }

  /** The answer of who is turned away, or `null`: come in. */
  turnAway({ target, headers }: RequestHead): Answer | null {
    const { step, path: own } = this
    const { origin } = headers
    const path = target.split('?', 1)[0]!
    if (path !== own) return this.tell(404, fail('E_SOCKET_PATH', { step, path: shown(path), own }))
    if (isWelcome(this.origins, origin)) return null
    return this.tell(403, fail('E_ORIGIN', { step, origin: shown(origin!) }))
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
    if (this.told.isNews(message)) this.context.warn(problem)
    return { status, headers: PLAIN, body: `${message}: ${remedy}\n` }
  }
}

function shown(text: string): string {
  return cutText(text, SHOWN_BYTES)
}
