/** One request to an HTTP source, from its head to its answer. R1-R4 of `source.ts` are kept here. */
import { fail, PotorooError } from '../../base/errors.ts'
import type { Answer, HttpCall, HttpCallHandler } from '../../env/http.ts'
import type { Decoder } from '../../model/connector.ts'
import type { Requests, SourceContext, SourceStatus } from '../connector.ts'
import { answerOf, busy, problem } from './answers.ts'
import { Body, recordsOf } from './body.ts'
import type { HttpSourceSettings } from './describe.ts'
import { type Asked, tooLarge } from './head.ts'
import { forPage } from './pages.ts'

/** What a request asks of the source that it came to. */
export interface CallHome {
  readonly status: SourceStatus
  readonly context: SourceContext
  readonly requests: Requests
  readonly settings: HttpSourceSettings
  /** What every record is tried with before it is taken, or `null`. */
  readonly decoder: Decoder<unknown> | null
  /** Bytes of bodies that are held, of all requests. */
  partial: number
  /** Bodies hold too much together: whoever holds the most is told to come again. */
  relieve(): void
  left(call: Call): void
}

export class Call implements HttpCallHandler {
  private readonly source: CallHome
  private readonly call: HttpCall
  private readonly asked: Asked
  private readonly body = new Body()
  /** `body`: it comes; `room`: it waits until there is room for it; `taken`: it waits for its answer. */
  private phase: 'room' | 'body' | 'taken' | 'over' = 'body'
  private sinceMs: number
  private waiting: { cancel(): void } | null = null

  constructor(source: CallHome, call: HttpCall, asked: Asked, nowMs: number) {
    this.source = source
    this.call = call
    this.asked = asked
    this.sinceMs = nowMs
    if (source.requests.room) return
    this.phase = 'room'
    call.pause()
    source.requests.whenRoom(this.goOn)
  }

  private readonly goOn = (): void => {
    if (this.phase !== 'room') return
    this.phase = 'body'
    this.sinceMs = this.source.context.env.clock.monotonic()
    this.call.resume()
  }

  onBytes(chunk: Buffer): void {
    if (this.phase === 'over') return
    const { source, body } = this
    const { httpBodyBytes, partialBytes } = source.context.limits
    source.status.bytes += chunk.length
    if (body.length + chunk.length > httpBodyBytes) return this.refuse(tooLarge(httpBodyBytes))
    const before = body.size
    body.push(chunk)
    source.partial += body.size - before
    if (source.partial > partialBytes) source.relieve()
  }

  /** Bytes that it holds of a body that has not come whole. */
  get pending(): number {
    return this.phase === 'body' ? this.body.size : 0
  }

  /** Gives its room to others. */
  yield(): void {
    const reason = `bodies of requests hold more than ${this.source.context.limits.partialBytes} bytes`
    this.finish(busy(fail('E_HTTP_BUSY', { reason })))
  }

  onEnd(): void {
    if (this.phase === 'over') return
    const { source, asked, body } = this
    const { key, until, format } = asked
    const { bytes } = body
    try {
      const cuts = recordsOf(bytes, format, source.decoder, source.context.limits.recordBytes)
      const records = cuts.count
      this.phase = 'taken'
      const request = { records, keyed: key !== null, target: this.call.target }
      this.waiting = source.requests.bring(bytes, cuts, key, until, (given) => {
        if (given.kind === 'taken') source.status.records += records
        this.finish(answerOf(given, request))
      })
    } catch (error) {
      if (!(error instanceof PotorooError)) throw error
      this.refuse(problem(400, error, { fields: { line: error.details.line } }))
    }
  }

  onClosed(): void {
    this.leave()
  }

  /** The source closes. */
  abandon(): void {
    if (this.phase === 'over') return
    this.leave()
    this.call.destroy()
  }

  expireAt(nowMs: number): void {
    const { phase, source } = this
    const { httpBodyMs, httpWaitMs } = source.context.limits
    const waited = nowMs - this.sinceMs
    if (phase === 'body' && waited >= httpBodyMs) this.refuse(problem(408, fail('E_HTTP_SLOW', { ms: httpBodyMs })))
    if (phase !== 'room' && phase !== 'taken') return
    if (waited < httpWaitMs) return
    const reason = source.requests.blockedBy ?? `it is not ${this.asked.until} after ${httpWaitMs} ms`
    this.finish(busy(fail('E_HTTP_BUSY', { reason })))
  }

  /** Answers what was wrong with the request. */
  private refuse(answer: Answer): void {
    this.source.status.expelled++
    this.finish(answer)
  }

  private finish(answer: Answer): void {
    if (this.phase === 'over') return
    this.leave()
    this.call.answer(forPage(answer, this.source.settings.origins, this.call))
  }

  private leave(): void {
    if (this.phase === 'over') return
    this.phase = 'over'
    this.waiting?.cancel()
    this.source.requests.forgetRoom(this.goOn)
    this.source.partial -= this.body.size
    this.source.left(this)
  }
}
