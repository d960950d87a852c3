/**
 * Listens for requests that post records.
 *
 * R1. A request is taken whole or not at all; what it was answered is true (`ingest/requests.ts`).
 * R2. One request never harms another: what is wrong with it is its own answer, and counted.
 * R3. While there is no room bodies are not read; who has waited too long is told to come again.
 * R4. What is held is bounded: requests, the body of each, the sum of those, and the time for both. Where the sum is
 *     too large whoever holds the most goes, not whoever comes next (R2).
 */
import { fail } from '../../base/errors.ts'
import type { Timer } from '../../env/clock.ts'
import type { Answer, HttpCall, HttpCallHandler, HttpHandler } from '../../env/http.ts'
import type { Decoder, SourceDescription } from '../../model/connector.ts'
import type { Door, JournaledSource, Listening, Requests, SourceContext, SourceStatus } from '../connector.ts'
import { Expulsions } from '../expulsions.ts'
import { Refusals } from '../refusals.ts'
import { Ports } from '../socket/ports.ts'
import { problem } from './answers.ts'
import { Call, type CallHome } from './call.ts'
import { HTTP_SOURCE, type HttpSourceSettings } from './describe.ts'
import { readHead } from './head.ts'
import { forPage } from './pages.ts'

/** Looks at waiting requests this often, in milliseconds. */
const LOOK_MS = 500

/** Hears what follows of a call that is over. */
const NOBODY: HttpCallHandler = { onBytes() {}, onEnd() {}, onClosed() {} }

export const httpSourceConnector: JournaledSource = {
  family: 'journaled',
  kind: HTTP_SOURCE,
  at: ({ settings }) => settings as HttpSourceSettings,
  open: (description, door, context) => new HttpListening(description, door, context),
}

class HttpListening implements Listening, CallHome, HttpHandler {
  readonly status: SourceStatus = { connections: 0, accepted: 0, refused: 0, expelled: 0, bytes: 0, records: 0 }
  readonly context: SourceContext
  readonly requests: Requests
  readonly decoder: Decoder<unknown> | null
  partial = 0
  readonly settings: HttpSourceSettings
  private readonly calls = new Set<Call>()
  private readonly expulsions: Expulsions
  private readonly refusals: Refusals
  private readonly ports: Ports
  private timer: Timer | null = null
  private closed = false

  constructor(description: SourceDescription<unknown>, door: Door, context: SourceContext) {
    this.context = context
    this.expulsions = new Expulsions(context)
    this.refusals = new Refusals(context, this.status)
    this.requests = door.requests
    this.settings = description.settings as HttpSourceSettings
    this.decoder = this.settings.bad === 'refuse' ? description.decoder : null
    const { host, port } = this.settings
    const { env, limits } = context
    this.ports = new Ports(
      context,
      { host, port },
      true,
      (at, { reusePort }, done) => env.http.serve(at, { limits, reusePort }, this, done),
      () => this.look(),
    )
  }

  close(): void {
    this.closed = true
    this.expulsions.close()
    this.timer?.cancel()
    this.ports.close()
    for (const call of this.calls) call.abandon()
  }

  relieve(): void {
    let most: Call | null = null
    for (const call of this.calls) if (call.pending >= (most?.pending ?? 1)) most = call
    most?.yield()
  }

  left(call: Call): void {
    this.calls.delete(call)
    this.status.connections = this.calls.size
  }

  onRequest(call: HttpCall): HttpCallHandler {
    const { settings, requests, context, status } = this
    if (this.closed) {
      // By a connection that outlived the port: its last request was being answered.
      call.destroy()
      return NOBODY
    }
    status.accepted++
    const { step, limits } = context
    const asked = readHead(call, settings, { step, token: requests.token, bodyBytes: limits.httpBodyBytes })
    if ('status' in asked) return this.answerAtOnce(call, asked)
    const one = new Call(this, call, asked, context.env.clock.monotonic())
    this.calls.add(one)
    status.connections = this.calls.size
    return one
  }

  onUpgrade(): Answer {
    this.status.expelled++
    return problem(405, fail('E_HTTP_METHOD', { method: 'upgrade to WebSocket' }), { headers: { allow: 'POST' } })
  }

  onRefused(): void {
    this.refusals.add()
  }

  onExpelled(remote: string, reason: string): void {
    this.status.expelled++
    if (!this.closed) this.expulsions.add({ peer: remote, reason })
  }

  private answerAtOnce(call: HttpCall, answer: Answer): HttpCallHandler {
    if (answer.status >= 400) this.status.expelled++
    call.answer(forPage(answer, this.settings.origins, call))
    return NOBODY
  }

  private look(): void {
    const { clock } = this.context.env
    this.timer = clock.after(LOOK_MS, () => {
      const now = clock.monotonic()
      for (const call of this.calls) call.expireAt(now)
      this.look()
    })
  }
}
