/** What `src/env/http.ts` promises (H1-H5), for every implementation. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import type {
  Answer,
  HttpCall,
  HttpCallHandler,
  HttpHandler,
  IncomingAnswer,
  RequestHead,
  WebSocketConnection,
  WebSocketEnd,
  WebSocketHandler,
} from '../../src/env/http.ts'
import type { Listener, NetworkError } from '../../src/env/network.ts'
import { call, type Fixture, here } from './fixture.ts'

/** Runs `act`, a call into the seam, with the ears open for callbacks inside it (H2). */
let inside = false
function quietly<T>(act: () => T): T {
  inside = true
  try {
    return act()
  } finally {
    inside = false
  }
}

/** Keeps all that a WebSocket says. */
export class SocketEar implements WebSocketHandler {
  readonly said: string[] = []
  readonly messages: { readonly text: string; readonly binary: boolean }[] = []
  drains = 0
  end: WebSocketEnd | null = null
  private readonly on: Fixture
  private readonly reaction: () => void

  constructor(on: Fixture, reaction: () => void = () => {}) {
    this.on = on
    this.reaction = reaction
  }

  get texts(): string[] {
    return this.messages.map(({ text }) => text)
  }

  onOpen(): void {
    this.hear('open')
  }

  onMessage(message: Buffer, binary: boolean): void {
    this.messages.push({ text: message.toString(), binary })
    this.hear('message')
    this.reaction()
  }

  onDrain(): void {
    this.drains++
    this.on.changed()
  }

  onClosed(end: WebSocketEnd): void {
    this.end = end
    this.hear('closed')
  }

  private hear(word: string): void {
    if (inside) throw new Error(`H2: ${word} inside a call`)
    this.said.push(word)
    this.on.changed()
  }
}

/** Keeps what comes of one request. */
class CallEar implements HttpCallHandler {
  readonly said: string[] = []
  readonly call: HttpCall
  body = ''
  answered: boolean | null = null
  private readonly on: Fixture
  private readonly reaction: (ear: CallEar) => void

  constructor(on: Fixture, call: HttpCall, reaction: (ear: CallEar) => void) {
    this.on = on
    this.call = call
    this.reaction = reaction
  }

  onBytes(chunk: Buffer): void {
    this.body += chunk.toString()
    this.hear('bytes')
  }

  onEnd(): void {
    this.hear('end')
  }

  onClosed(answered: boolean): void {
    this.answered = answered
    this.hear('closed')
  }

  private hear(word: string): void {
    if (inside) throw new Error(`H2: ${word} inside a call`)
    if (this.said.at(-1) !== word) this.said.push(word)
    this.reaction(this)
    this.on.changed()
  }
}

/** A listener that keeps what it is asked. */
export class Server implements HttpHandler {
  readonly calls: CallEar[] = []
  readonly upgrades: RequestHead[] = []
  readonly sockets: { readonly socket: WebSocketConnection; readonly ear: SocketEar }[] = []
  readonly refused: string[] = []
  readonly expelled: string[] = []
  listener!: Listener
  error: NetworkError | null = null
  /** What a request is answered as soon as its body is whole. */
  answer: Answer | null = { status: 200, headers: { 'x-own': 'yes' }, body: 'done' }
  /** What somebody gets who wants a WebSocket. */
  refusal: Answer | null = null
  onHead: (call: HttpCall) => void = () => {}
  onMessage: () => void = () => {}
  private readonly on: Fixture

  constructor(on: Fixture) {
    this.on = on
  }

  onRequest(call: HttpCall): HttpCallHandler {
    const ear = new CallEar(this.on, call, ({ said }) => {
      if (said.at(-1) === 'end' && this.answer !== null) quietly(() => call.answer(this.answer!))
    })
    this.calls.push(ear)
    quietly(() => this.onHead(call))
    this.on.changed()
    return ear
  }

  onUpgrade(head: RequestHead): Answer | ((socket: WebSocketConnection) => WebSocketHandler) {
    this.upgrades.push(head)
    if (this.refusal !== null) return this.refusal
    return (socket) => {
      const ear = new SocketEar(this.on, () => this.onMessage())
      this.sockets.push({ socket, ear })
      this.on.changed()
      return ear
    }
  }

  onRefused(remote: string): void {
    this.refused.push(remote)
    this.on.changed()
  }

  onExpelled(_: string, reason: string): void {
    this.expelled.push(reason)
    this.on.changed()
  }

  get url(): string {
    return `//127.0.0.1:${this.listener.address.port}`
  }
}

export async function serve(on: Fixture, changes: Partial<Limits> = {}, at = here, reusePort = false): Promise<Server> {
  const server = new Server(on)
  const limits = makeLimits(changes)
  const { error, listener } = await call<{ error: NetworkError | null; listener: Listener | null }>(on, (report) =>
    on.env.http.serve(at, { limits, reusePort }, server, (error, listener) => report({ error, listener })),
  )
  server.error = error
  if (listener !== null) server.listener = listener
  return server
}

export function dial(on: Fixture, server: Server, ear: SocketEar, path = '/'): WebSocketConnection {
  const limits = makeLimits()
  return quietly(() =>
    on.env.http.dialWebSocket(
      { url: `ws:${server.url}${path}`, headers: { 'x-mine': 'me' }, limits, timeoutMs: 2000 },
      ear,
    ),
  )
}

interface Fetched {
  readonly error: NetworkError | null
  readonly answer: IncomingAnswer | null
}

export function fetched(on: Fixture, url: string, body = '', timeoutMs = 5000): Promise<Fetched> {
  return call(on, (report) =>
    on.env.http.request(
      { url, method: 'POST', headers: { 'x-mine': 'me' }, body: Buffer.from(body), timeoutMs, answerBytes: 1000 },
      (error, answer) => report({ error, answer }),
    ),
  )
}

export function httpContract(name: string, make: () => Fixture): void {
  describe(`http: ${name}`, () => {
    let on: Fixture
    beforeEach(() => {
      on = make()
    })
    afterEach(() => on.close())

    /** Two ends of a WebSocket that stands. */
    const pair = async (changes: Partial<Limits> = {}) => {
      const server = await serve(on, changes)
      const nearEar = new SocketEar(on)
      const near = dial(on, server, nearEar, '/in?a=1')
      await on.until(() => nearEar.said.length > 0 && server.sockets.length === 1)
      const [{ socket: far, ear: farEar }] = server.sockets as [Server['sockets'][number]]
      return { server, near, nearEar, far, farEar }
    }

    test('a request brings its head and body, and takes back its answer', async () => {
      const server = await serve(on)
      const body = 'all work and no play '.repeat(20_000)
      const { error, answer } = await fetched(on, `http:${server.url}/in?after=3`, body)
      expect(error).toBeNull()
      expect(answer).toMatchObject({ status: 200, body: Buffer.from('done') })
      expect(answer!.headers['x-own']).toBe('yes')
      await on.until(() => server.calls[0]!.answered !== null)
      const [{ call, said, body: came, answered }] = server.calls as [CallEar]
      expect(call).toMatchObject({ method: 'POST', target: '/in?after=3' })
      expect(call.headers['x-mine']).toBe('me')
      expect(call.remote).toMatch(/^[\w.]+:\d+$/)
      expect(said).toEqual(['bytes', 'end', 'closed'])
      expect(came === body).toBe(true)
      expect(answered).toBe(true)
      server.listener.close()
    })

    test('any status is an answer, of which as much is kept as was asked', async () => {
      const server = await serve(on)
      server.answer = { status: 503, body: 'x'.repeat(3000) }
      const { error, answer } = await fetched(on, `http:${server.url}/`)
      expect(error).toBeNull()
      expect(answer!.status).toBe(503)
      expect(answer!.body.length).toBe(1000)
      server.listener.close()
    })

    test('H4: a paused body holds the sender back and goes on where it was', async () => {
      const server = await serve(on)
      server.onHead = (call) => call.pause()
      const body = 'y'.repeat(8 << 20)
      let answer: IncomingAnswer | null = null
      const request = { url: `http:${server.url}/`, method: 'POST', headers: {}, timeoutMs: 60_000, answerBytes: 1000 }
      on.env.http.request({ ...request, body: Buffer.from(body) }, (_, value) => {
        answer = value
        on.changed()
      })
      await on.until(() => server.calls.length === 1)
      // A whole request on another connection: what was sent before it has had time to arrive.
      server.onHead = () => {}
      await fetched(on, `http:${server.url}/`)
      const first = server.calls[0]!
      expect(first.said).toEqual([])
      quietly(() => first.call.resume())
      await on.until(() => answer !== null)
      expect(first.body.length).toBe(body.length)
      server.listener.close()
    })

    test('an answer may come before the body is whole', async () => {
      const server = await serve(on)
      server.onHead = (call) => {
        call.pause()
        on.env.clock.soon(() => call.answer({ status: 403, body: 'no' }))
      }
      const { answer } = await fetched(on, `http:${server.url}/`, 'z'.repeat(100_000))
      expect(answer).toMatchObject({ status: 403, body: Buffer.from('no') })
      expect(server.calls[0]!.said).not.toContain('end')
      server.listener.close()
    })

    test('who gives a request up is not called, and the other side is told', async () => {
      const server = await serve(on)
      server.answer = null
      let called = false
      const asked = quietly(() =>
        on.env.http.request(
          {
            url: `http:${server.url}/`,
            method: 'POST',
            headers: {},
            body: Buffer.from('1'),
            timeoutMs: 60_000,
            answerBytes: 9,
          },
          () => (called = true),
        ),
      )
      await on.until(() => server.calls[0]?.said.includes('end') === true)
      quietly(() => asked.abort())
      await on.until(() => server.calls[0]!.answered !== null)
      expect(server.calls[0]!.answered).toBe(false)
      expect(called).toBe(false)
      server.listener.close()
    })

    test('a request fails where nobody listens, where it is not answered, and where it is answered too late', async () => {
      const server = await serve(on)
      server.answer = null
      server.onHead = (call) => on.env.clock.soon(() => call.destroy())
      expect((await fetched(on, `http:${server.url}/`)).error?.code).toBe('reset')
      server.onHead = () => {}
      expect((await fetched(on, `http:${server.url}/`, '', 50)).error?.code).toBe('timeout')
      server.listener.close()
      await on.until(() => server.calls.every(({ answered }) => answered !== null))
      expect((await fetched(on, `http:${server.url}/`)).error?.code).toBe('refused')
    })

    test('messages keep their order, their kind and their borders, and a goodbye its code', async () => {
      const { server, near, nearEar, far, farEar } = await pair()
      expect(server.upgrades[0]).toMatchObject({ method: 'GET', target: '/in?a=1' })
      expect(server.upgrades[0]!.headers['x-mine']).toBe('me')
      expect(near.remote).toBe(`127.0.0.1:${server.listener.address.port}`)
      expect([near.closed, far.closed]).toEqual([false, false])
      for (let i = 0; i < 100; i++) quietly(() => near.send(Buffer.from(`ü${i}`), i % 2 === 0))
      quietly(() => far.send(Buffer.alloc(0), false))
      await on.until(() => farEar.messages.length === 100 && nearEar.messages.length === 1)
      expect(farEar.messages.map(({ text, binary }) => `${text} ${binary}`)).toEqual(
        Array.from({ length: 100 }, (_, i) => `ü${i} ${i % 2 === 0}`),
      )
      expect(nearEar.messages).toEqual([{ text: '', binary: false }])
      quietly(() => near.close(4001, 'enough'))
      expect(near.closed).toBe(true)
      await on.until(() => nearEar.end !== null && farEar.end !== null)
      expect(farEar.end).toEqual({ code: 4001, reason: 'enough', error: null })
      expect(nearEar.end).toMatchObject({ code: 4001, error: null })
      expect(quietly(() => near.send(Buffer.from('late'), true))).toBe(false)
      expect([near.closed, far.closed]).toEqual([true, true])
      expect([nearEar.said[0], nearEar.said.at(-1), farEar.said.at(-1)]).toEqual(['open', 'closed', 'closed'])
      server.listener.close()
    })

    test('a dial is refused where nobody listens, and by an answer that is none', async () => {
      const server = await serve(on)
      server.refusal = { status: 403, body: 'not you' }
      const ear = new SocketEar(on)
      dial(on, server, ear)
      await on.until(() => ear.end !== null)
      expect(ear.said).toEqual(['closed'])
      expect(ear.end!.error).toMatchObject({ code: 'denied' })
      expect(ear.end!.error!.message).toContain('403')
      server.listener.close()
      const nobody = new SocketEar(on)
      dial(on, server, nobody)
      await on.until(() => nobody.end !== null)
      expect(nobody.said).toEqual(['closed'])
      expect(nobody.end!.error?.code).toBe('refused')
    })

    test('a dial that is given up at once never opens', async () => {
      const server = await serve(on)
      const ear = new SocketEar(on)
      const socket = dial(on, server, ear)
      quietly(() => socket.destroy())
      await on.until(() => ear.end !== null)
      expect(ear.said).toEqual(['closed'])
      expect(ear.end!.error).toBeNull()
      server.listener.close()
    })

    test('H4: pause inside onMessage holds back all that follows, also the goodbye', async () => {
      const { server, near, far, farEar } = await pair()
      server.onMessage = () => quietly(() => far.pause())
      for (const text of ['one', 'two', 'three']) near.send(Buffer.from(text), true)
      near.close(1000, '')
      await on.until(() => farEar.messages.length > 0)
      await fetched(on, `http:${server.url}/`)
      expect(farEar.said).toEqual(['message'])
      for (let n = 2; n <= 3; n++) {
        quietly(() => far.resume())
        await on.until(() => farEar.messages.length === n)
        expect(farEar.said.length).toBe(n)
      }
      quietly(() => far.resume())
      await on.until(() => farEar.end !== null)
      expect(farEar.texts).toEqual(['one', 'two', 'three'])
      expect(farEar.end).toMatchObject({ code: 1000, error: null })
      server.listener.close()
    })

    test('a reader that pauses pushes back: send answers false, and onDrain comes when the queue is empty', async () => {
      const { server, near, nearEar, far, farEar } = await pair()
      quietly(() => far.pause())
      const message = Buffer.alloc(64 << 10, 97)
      let sent = 0
      while (near.queued < 1 << 20) {
        near.send(message, true)
        sent++
        expect(sent).toBeLessThan(1000)
      }
      expect(near.send(message, true)).toBe(false)
      sent++
      expect(nearEar.drains).toBe(0)
      quietly(() => far.resume())
      await on.until(() => nearEar.drains > 0)
      expect(near.queued).toBe(0)
      await on.until(() => farEar.messages.length === sent)
      near.destroy()
      await on.until(() => farEar.end !== null)
      server.listener.close()
    })

    test('H5: a message over the limit closes the connection, after those in front of it', async () => {
      const { server, near, nearEar, farEar } = await pair({ messageBytes: 100_000, recordBytes: 1000 })
      near.send(Buffer.from('fits'), true)
      near.send(Buffer.alloc(100_001), true)
      near.send(Buffer.from('not shown'), true)
      await on.until(() => farEar.end !== null && nearEar.end !== null)
      expect(farEar.texts).toEqual(['fits'])
      expect(farEar.end!.error).toMatchObject({
        code: 'protocol',
        message: expect.stringMatching(/^a message (of \d+ bytes )?is over the limit messageBytes$/),
      })
      server.listener.close()
    })

    test('H1: destroy inside onMessage is the last of it', async () => {
      const { server, near, nearEar, far, farEar } = await pair()
      server.onMessage = () => quietly(() => far.destroy())
      near.send(Buffer.from('1'), true)
      near.send(Buffer.from('2'), true)
      await on.until(() => farEar.end !== null && nearEar.end !== null)
      expect(farEar.said).toEqual(['message', 'closed'])
      expect(farEar.end!.error).toBeNull()
      expect(nearEar.end!.error?.code).toBe('reset')
      server.listener.close()
    })

    test('H5: connections beyond the limit are refused and counted', async () => {
      const { server, nearEar } = await pair({ connections: 1 })
      const ear = new SocketEar(on)
      dial(on, server, ear)
      await on.until(() => ear.end !== null && server.refused.length === 1)
      expect(ear.said).toEqual(['closed'])
      expect(nearEar.end).toBeNull()
      server.sockets[0]!.socket.destroy()
      await on.until(() => nearEar.end !== null)
      server.listener.close()
    })

    test('a port that is taken is an error that names it, unless it is shared', async () => {
      const first = await serve(on)
      const second = await serve(on, {}, first.listener.address)
      expect(second.error?.code).toBe('inUse')
      expect(second.error?.cause).toMatchObject({ code: 'E_PORT_IN_USE' })
      first.listener.close()
      const [one, other] = [await serve(on, {}, here, true), null]
      const two = await serve(on, {}, one.listener.address, true)
      expect([two.error, other]).toEqual([null, null])
      one.listener.close()
      two.listener.close()
    })
  })
}
