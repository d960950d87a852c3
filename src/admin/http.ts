/**
 * A small HTTP server for JSON: routes in a table, and around it everything that keeps strangers out.
 *
 * H1. Nothing of a request is looked at before its right is known: a body is read only for who may do what it asks.
 * H2. Sizes, times and connections are bounded, before and after the right is known.
 * H3. A browser that shows another site's page gets nothing: its `Origin` is foreign, or its `Host` is a name that
 *     merely leads here (DNS rebinding).
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { showAddress } from '../base/address.ts'
import { type ErrorKind, fail, PotorooError } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import { http } from '../env/real/node-http.ts'
import { jsonIn } from './request.ts'
import type { Right, Tokens } from './tokens.ts'

/** The names in a route's path: of `/v1/pipelines/:pipeline`, `pipeline`. */
export type NamesIn<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | NamesIn<Rest>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never

/** What a handler is given. */
export interface Call<Names extends string = never> {
  /** The parts of the path that the route names. */
  readonly parts: Readonly<Record<Names, string>>
  readonly query: URLSearchParams
  /** The body's JSON; `null` where none was sent. */
  readonly body: unknown
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** `/v1/pipelines/:pipeline`. */
  readonly path: string
  readonly right: Right | 'none'
  /** Answers JSON, or a `Reply`. */
  handle(call: Call<string>): unknown
}

/** An answer that is no JSON with status 200. */
export class Reply {
  readonly status: number
  readonly type: string
  readonly text: string
  constructor(status: number, type: string, text: string) {
    this.status = status
    this.type = type
    this.text = text
  }
}

const HEADERS_MS = 5_000
const REQUEST_MS = 60_000
/** How long who has an answer may read nothing of it. */
const UNREAD_MS = 60_000
/** How often Node looks for heads that do not come; by itself twice a minute. */
const LOOK_MS = 1000
const HEADER_BYTES = 16 << 10

const statusOf: Readonly<Record<ErrorKind, number>> = { user: 400, operational: 503, protocol: 400, invariant: 500 }
const statusOfCode: Readonly<Partial<Record<PotorooError['code'], number>>> = {
  E_NO_PIPELINE: 404,
  E_NO_STEP: 404,
  E_NO_KEY: 404,
  E_NO_SAVEPOINT: 404,
  E_NO_CHECKPOINT: 404,
  E_SAVEPOINT_THERE: 409,
  E_NO_LETTER: 404,
  E_NOT_RUNNING: 409,
  E_PIPELINE_THERE: 409,
  E_CONTROL_DENIED: 403,
  E_CONTROL_FOREIGN: 403,
}

export interface HttpOptions {
  readonly host: string
  readonly port: number
  readonly limits: Limits
  readonly tokens: Tokens
  readonly routes: readonly Route[]
  /** In place of a minute, in tests. */
  readonly unreadMs?: number
  /** A fault of ours, which the caller was told as `500`. */
  onBug(error: unknown): void
}

export class ControlServer {
  private readonly options: HttpOptions
  private readonly server: Server
  /** `127.0.0.1:41231`; known once it listens. */
  address = ''

  constructor(options: HttpOptions) {
    this.options = options
    const times = { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: HEADERS_MS }
    const bounds = { ...times, connectionsCheckingInterval: LOOK_MS, maxHeaderSize: HEADER_BYTES }
    this.server = http.createServer(bounds, (request, response) => {
      this.serve(request, response).catch((error) => {
        // The response is under way, or the connection is gone: there is nobody to tell.
        if (!(error instanceof PotorooError)) options.onBug(error)
        response.destroy()
      })
    })
    this.server.maxConnections = options.limits.controlConnections
  }

  /** Rejects with `E_LISTEN` or `E_PORT_IN_USE`. */
  listen(): Promise<void> {
    const { host, port } = this.options
    return new Promise((resolve, reject) => {
      // Once it listens that is a caller who could not be accepted; the next one may be.
      this.server.on('error', (error: NodeJS.ErrnoException) => {
        const { message: reason, code } = error
        if (code === 'EADDRINUSE')
          reject(fail('E_PORT_IN_USE', { port, host, so: ': the control API cannot listen there' }, error))
        else reject(fail('E_LISTEN', { step: 'the control API', host, port, reason }, error))
      })
      this.server.listen(port, host, () => {
        const { address, port: taken } = this.server.address() as AddressInfo
        this.address = showAddress({ host: address, port: taken })
        resolve()
      })
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve())
      this.server.closeAllConnections()
    })
  }

  /** What this server would show under `path` to somebody who may look. */
  async show(path: string): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const target = targetOf(path)
      for (const route of this.options.routes) {
        const parts = match(route.path, target.path)
        if (parts === null || route.method !== 'GET') continue
        const answer = await route.handle({ parts, query: target.query, body: null })
        return { status: 200, text: JSON.stringify(answer ?? null) }
      }
      throw fail('E_CONTROL_REQUEST', { reason: `there is no GET ${target.path}` })
    } catch (error) {
      return this.failure(error)
    }
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let reply: Reply
    try {
      const answer = await this.answer(request)
      reply = answer instanceof Reply ? answer : json(200, JSON.stringify(answer ?? null))
    } catch (error) {
      const { status, text } = this.failure(error)
      reply = json(status, text)
    }
    // Where nothing of it is read any more the connection is closed: it would take the place of another for ever (H2).
    response.setTimeout(this.options.unreadMs ?? UNREAD_MS)
    send(response, reply)
  }

  /** An error as it is answered. */
  private failure(error: unknown): { readonly status: number; readonly text: string } {
    const known = error instanceof PotorooError ? error : null
    if (known === null) this.options.onBug(error)
    const status = known === null ? 500 : (statusOfCode[known.code] ?? statusOf[known.kind])
    const { code = null, kind = 'invariant', message = 'a bug in potoroo', remedy = '', details = {} } = known ?? {}
    return { status, text: JSON.stringify({ error: { code, kind, message, remedy, details } }) }
  }

  private async answer(request: IncomingMessage): Promise<unknown> {
    this.refuseForeigners(request)
    const { path, query } = targetOf(request.url ?? '/')
    const { routes } = this.options
    // Of the answer to HEAD Node sends the head alone: who looks whether it lives asks for no more.
    const method = request.method === 'HEAD' ? 'GET' : request.method
    for (const route of routes) {
      const parts = match(route.path, path)
      if (parts === null || route.method !== method) continue
      this.refuseStrangers(request, route)
      return route.handle({ parts, query, body: await this.readBody(request) })
    }
    throw fail('E_CONTROL_REQUEST', { reason: `there is no ${request.method} ${path}` })
  }

  /** H3. */
  private refuseForeigners({ headers }: IncomingMessage): void {
    const { host = '', origin } = headers
    const name = nameIn(host)
    // Commands call it by the address that its name has led to.
    const own = nameIn(this.address)
    const local = ['127.0.0.1', 'localhost', '[::1]', this.options.host, own].includes(name)
    // A server that listens on every network is reached by names that it cannot know.
    const anywhere = own === '0.0.0.0' || own === '[::]'
    if (!local && !anywhere) throw fail('E_CONTROL_FOREIGN', { reason: `it does not answer to the name "${name}"` })
    if (origin !== undefined && origin !== `http://${host}`) {
      throw fail('E_CONTROL_FOREIGN', { reason: `pages of ${origin} may not speak to it` })
    }
  }

  private refuseStrangers({ headers }: IncomingMessage, { right }: Route): void {
    if (right === 'none') return
    const given = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1]
    const has = given === undefined ? null : this.options.tokens.rightOf(given)
    if (has === null) {
      throw fail('E_CONTROL_DENIED', { reason: given === undefined ? 'a token is needed' : 'the token is not known' })
    }
    if (right === 'admin' && has !== 'admin') throw fail('E_CONTROL_DENIED', { reason: 'the token may only look' })
  }

  private async readBody(request: IncomingMessage): Promise<unknown> {
    if (request.method !== 'POST') return null
    const limit = this.options.limits.controlBodyBytes
    const body = await bodyOf(request, limit).catch((error) => {
      // Whoever sent it has gone: nobody hears of this, and it is no fault of ours.
      throw fail('E_CONTROL_REQUEST', { reason: 'its body breaks off' }, error)
    })
    if (body === null) throw fail('E_CONTROL_REQUEST', { reason: `its body is over the limit of ${limit} bytes` })
    if (body.length === 0) return null
    // A page's form cannot send this type without asking first.
    if (!request.headers['content-type']?.startsWith('application/json')) {
      throw fail('E_CONTROL_REQUEST', { reason: 'its body is no application/json' })
    }
    return jsonIn('its body', body.toString('utf8'))
  }
}

/** The body of a request; `null` where it is longer than `limit` bytes. Rejects where it breaks off. */
async function bodyOf(request: AsyncIterable<Buffer>, limit: number): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > limit) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** What a request asks for. Parts of a path stand as they are: a URL takes `..` for a way up, and it may be a key. */
function targetOf(target: string): { readonly path: string; readonly query: URLSearchParams } {
  const [, path, query] = /^(\/[^?]*)\??(.*)$/s.exec(target) ?? []
  if (path === undefined) throw fail('E_CONTROL_REQUEST', { reason: 'its target is no path' })
  return { path, query: new URLSearchParams(query) }
}

/** `127.0.0.1:41231` without its port. */
function nameIn(address: string): string {
  return address.replace(/:\d+$/, '')
}

/** The named parts of `path` by `pattern`, or `null` where it does not match. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const names = pattern.split('/')
  const given = path.split('/')
  if (names.length !== given.length) return null
  const parts: Record<string, string> = {}
  for (const [i, name] of names.entries()) {
    const part = given[i]!
    if (!name.startsWith(':')) {
      if (name !== part) return null
    } else {
      try {
        parts[name.slice(1)] = decodeURIComponent(part)
      } catch {
        return null
      }
    }
  }
  return parts
}

function json(status: number, text: string): Reply {
  return new Reply(status, 'application/json', `${text}\n`)
}

function send(response: ServerResponse, { status, type, text }: Reply): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(text)
}
