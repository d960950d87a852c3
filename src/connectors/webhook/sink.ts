/**
 * Posts records to a receiver. `idempotent`: a record comes at least once, and by the same id each time.
 *
 * P1. A record is let go only when the receiver has taken it, or when it was refused and is a dead letter.
 * P2. A barrier is acknowledged when everything before it was taken, or after `HOLD_MS` with the rest as its snapshot.
 *     One that was refused meanwhile is in the snapshot too: its dead letter belongs to the epoch after the barrier,
 *     and would be gone with that epoch.
 * P3. Records leave in order, and with `concurrency: 1` one request follows the answer to the one before.
 * P4. What is held is bounded: records by `writerBytes`, requests by `concurrency`. A receiver that does not answer
 *     stops the task, and with it, channel by channel, the sources.
 * P5. The token is sent and never shown.
 * P6. A receiver may hear several pipelines, and several runs of one, and remembers ids together. A file has the same
 *     name for all of them: so an id is sent with the name of the run that it means something in.
 */
import { fail } from '../../base/errors.ts'
import { isSendable } from '../../base/secret.ts'
import type { Timer } from '../../env/clock.ts'
import type { SinkDescription } from '../../model/connector.ts'
import {
  type Apart,
  type Base,
  isAlone,
  type Json,
  newStatus,
  type SinkConnector,
  type SinkContext,
  turn,
  type Writer,
} from '../connector.ts'
import { WEBHOOK, type WebhookSinkSettings } from './describe.ts'
import { judge } from './verdict.ts'

/** How long a barrier waits for answers before its snapshot takes what is left. */
const HOLD_MS = 1000
const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 30_000
/** How soon to ask again whether this worker may speak. */
const LEASE_MS = 20
/** What a record takes up in memory beside its bytes, about: records of no bytes are not had for nothing. */
const ITEM_BYTES = 96
/** What is read of an answer. */
const ANSWER_BYTES = 4096

export const webhookSinkConnector: SinkConnector = {
  kind: WEBHOOK,
  parallel: () => true,
  open: (description, context) => new WebhookWriter(description, context),
}

/** A record that has not been taken. */
interface Item {
  readonly bytes: Buffer
  readonly id: string | null
  /** It was refused among others, and goes by itself. */
  alone: boolean
}

/** A barrier, or the end, with what was before it. */
interface Waiting {
  readonly items: Set<Item>
  readonly refused: Set<Item>
  readonly timer: Timer | null
  readonly done: (snapshot: Json) => void
}

/** A request that is on the way, or waits to be tried again. */
interface Post {
  readonly items: readonly Item[]
  tries: number
  request: { abort(): void } | null
  timer: Timer | null
}

class WebhookWriter implements Writer {
  readonly status = newStatus('opening')
  private readonly settings: WebhookSinkSettings
  private readonly context: SinkContext
  /** In order: what no request has taken up yet. */
  private queue: Item[] = []
  /** Records that have not been taken. */
  private count = 0
  private readonly posts = new Set<Post>()
  private waiting: Waiting[] = []
  private token: string | null = null
  private tokenKnown: boolean
  private blocked = false
  private warned = false
  /** Rises whenever what was under way means nothing any more. */
  private round = 0

  constructor(description: SinkDescription<unknown>, context: SinkContext) {
    this.settings = description.settings as WebhookSinkSettings
    this.context = context
    this.tokenKnown = this.settings.tokenFile === undefined
    this.readToken()
  }

  get room(): boolean {
    return !this.blocked
  }

  /** All that is said of where it posts to: the path, and what follows, may hold a secret. */
  private get host(): string {
    return new URL(this.settings.url).host
  }

  restore(base: Base, done: () => void): void {
    this.forget()
    if (this.status.state === 'closed') turn(this.status, 'opening')
    for (const snapshot of base.snapshots) {
      for (const [id, text] of (snapshot ?? []) as [string | null, string][]) {
        this.add({ bytes: Buffer.from(text, 'base64'), id, alone: false })
      }
    }
    this.context.env.clock.soon(() => {
      this.pump()
      done()
    })
  }

  write(bytes: Buffer, records: number, apart?: Apart): boolean {
    this.status.records += records
    const { ends, ids } = apart!
    for (let i = 0; i < records; i++) {
      this.add({ bytes: bytes.subarray(i === 0 ? 0 : ends[i - 1], ends[i]), id: ids?.[i] ?? null, alone: false })
    }
    // Not inside the call (`connector.ts`, O1).
    this.context.env.clock.soon(() => this.pump())
    this.blocked = this.isFull
    return !this.blocked
  }

  barrier(_epoch: number, _generation: number, done: (snapshot: Json) => void): void {
    const { clock } = this.context.env
    const entry: Waiting = {
      items: new Set(this.held()),
      refused: new Set(),
      timer: clock.after(isAlone(this.status) ? 0 : HOLD_MS, () => this.release(entry)),
      done,
    }
    this.waiting.push(entry)
    clock.soon(() => this.settle())
  }

  commit(): void {}

  floor(): void {}

  end(done: () => void): void {
    this.waiting.push({ items: new Set(this.held()), refused: new Set(), timer: null, done: () => done() })
    this.context.env.clock.soon(() => this.settle())
  }

  close(): void {
    this.forget()
    turn(this.status, 'closed')
  }

  // ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

  private pump(): void {
    const { posts, settings, context } = this
    if (this.status.state === 'closed' || !this.tokenKnown) return
    while (this.queue.length > 0 && posts.size < settings.concurrency) {
      const post: Post = { items: this.nextItems(), tries: 0, request: null, timer: null }
      posts.add(post)
      this.send(post)
    }
    this.settle()
    if (this.blocked && !this.isFull) {
      this.blocked = false
      context.wake()
    }
  }

  private nextItems(): Item[] {
    const { queue } = this
    let count = 1
    const fits = Math.min(queue.length, this.settings.records)
    while (!queue[0]!.alone && count < fits && !queue[count]!.alone) count++
    return queue.splice(0, count)
  }

  /** P6. */
  private idSent(id: string): string {
    return `${this.context.history}/${id}`
  }

  private send(post: Post): void {
    const { context, settings, token, round } = this
    post.timer = null
    if (!context.maySpeak()) {
      post.timer = context.env.clock.after(LEASE_MS, () => this.send(post))
      return
    }
    const { items } = post
    const [first] = items
    const type = settings.records === 1 ? 'application/json' : 'application/x-ndjson'
    const headers: Record<string, string> = { 'content-type': settings.contentType ?? type }
    if (items.length === 1 && first!.id !== null) headers['idempotency-key'] = this.idSent(first!.id)
    if (token !== null) headers.authorization = `Bearer ${token}`
    const body = items.length === 1 ? first!.bytes : Buffer.concat(items.map(({ bytes }) => bytes))
    const { url, timeoutMs } = settings
    post.request = context.env.http.request(
      { url, method: 'POST', headers, body, timeoutMs, answerBytes: ANSWER_BYTES },
      (error, answer) => {
        if (round === this.round) this.answered(post, judge(error, answer), answer?.status ?? 0)
      },
    )
  }

  private answered(post: Post, verdict: ReturnType<typeof judge>, status: number): void {
    post.request = null
    if (verdict.kind === 'later') return this.later(post, verdict, status)
    turn(this.status, 'ready')
    this.warned = false
    this.posts.delete(post)
    if (verdict.kind === 'taken') this.let(post.items)
    else if (post.items.length === 1) this.refuse(post.items[0]!, verdict.reason)
    else {
      // Which one it was nobody knows: each goes by itself.
      for (const item of post.items) item.alone = true
      this.queue.unshift(...post.items)
    }
    this.pump()
  }

  private later(post: Post, { reason, afterMs }: { reason: string; afterMs: number }, status: number): void {
    const { context } = this
    const { clock, random } = context.env
    turn(this.status, status === 0 ? 'no-peer' : 'refused', `${this.host}: ${reason}`)
    // One answer of many that asks to come again is nothing to be warned of.
    if (post.tries > 0 && !this.warned) {
      context.warn(fail('E_WEBHOOK_WAITS', { step: context.step, host: this.host, reason }))
      this.warned = true
    }
    if (status === 401 || status === 403) this.readToken()
    // Between half and the whole of the backoff, so that many writers do not come back at once.
    const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(post.tries++, 20), LONGEST_BACKOFF_MS)
    const ms = Math.max(afterMs, backoffMs / 2 + random.below(backoffMs / 2 + 1))
    post.timer = clock.after(ms, () => this.send(post))
  }

  private refuse(item: Item, reason: string): void {
    const { context, settings } = this
    const error = fail('E_WEBHOOK_REFUSED', { step: context.step, host: this.host, reason })
    if (settings.refused === 'fail' || item.id === null) {
      this.close()
      return context.failed(error)
    }
    for (const entry of this.waiting) if (entry.items.has(item)) entry.refused.add(item)
    this.status.dropped++
    this.let([item])
    context.refused(item.id, item.bytes, error)
  }

  private readToken(): void {
    const { settings, context } = this
    const { tokenFile: path } = settings
    if (path === undefined) return
    context.env.disk.readFile(path, (error, bytes) => {
      if (this.status.state === 'closed') return
      const token = error === null ? bytes.toString('utf8').trim() : ''
      if (isSendable(token)) this.token = token
      else if (!this.tokenKnown) {
        this.close()
        const reason = error?.reason ?? 'a token is one line without spaces, of letters that a header can carry'
        return context.failed(fail('E_FILE', { operation: error === null ? 'use' : 'read', path, reason }, error))
      }
      if (this.tokenKnown) return
      this.tokenKnown = true
      this.pump()
    })
  }

  // ── What waits ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** P4. */
  private get isFull(): boolean {
    return this.status.queuedBytes + ITEM_BYTES * this.count >= this.context.limits.writerBytes
  }

  private add(item: Item): void {
    this.queue.push(item)
    this.count++
    this.status.queuedBytes += item.bytes.length
  }

  private *held(): Iterable<Item> {
    for (const { items } of this.posts) yield* items
    yield* this.queue
  }

  /** These are not ours any more (P1). */
  private let(items: readonly Item[]): void {
    for (const item of items) {
      this.count--
      this.status.queuedBytes -= item.bytes.length
      this.status.writtenBytes += item.bytes.length
      for (const entry of this.waiting) entry.items.delete(item)
    }
  }

  private settle(): void {
    while (this.waiting[0]?.items.size === 0) this.release(this.waiting[0])
  }

  /** Answers a barrier with what of before it was not taken (P2). */
  private release(entry: Waiting): void {
    const at = this.waiting.indexOf(entry)
    if (at < 0) return
    this.waiting.splice(at, 1)
    entry.timer?.cancel()
    const left = [...entry.refused, ...entry.items]
    entry.done(left.length === 0 ? null : left.map(({ id, bytes }) => [id, bytes.toString('base64')]))
  }

  private forget(): void {
    this.round++
    for (const { request, timer } of this.posts) {
      request?.abort()
      timer?.cancel()
    }
    for (const { timer } of this.waiting) timer?.cancel()
    this.posts.clear()
    this.queue = []
    this.count = 0
    this.waiting = []
    this.status.queuedBytes = 0
    this.blocked = false
  }
}
