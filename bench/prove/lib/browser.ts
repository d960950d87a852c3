/** A headless Chromium, driven by its DevTools protocol: pages are opened and expressions evaluated in them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import { STUCK_MS } from '../../workers/patience.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

interface Reply {
  readonly id?: number
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

export class Browser {
  private readonly child: ChildProcess
  private readonly socket: WebSocket
  private readonly waiting = new Map<number, (reply: Reply) => void>()
  private ids = 0

  private constructor(child: ChildProcess, socket: WebSocket) {
    this.child = child
    this.socket = socket
    socket.on('message', (text: Buffer) => {
      const reply = JSON.parse(text.toString()) as Reply
      if (reply.id === undefined) return
      this.waiting.get(reply.id)?.(reply)
      this.waiting.delete(reply.id)
    })
  }

  /** Starts it with a profile in `folder`; throws where there is none on this machine. */
  static async start(folder: string): Promise<Browser> {
    for (const name of NAMES) {
      // No sandbox: it cannot be had by root, and the page is our own.
      const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--window-size=1280,800']
      const argv = [...flags, '--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank']
      const child = spawn(name, argv, { stdio: ['ignore', 'ignore', 'pipe'] })
      const url = await endpoint(child)
      if (url === null) continue
      process.on('exit', () => child.kill('SIGKILL'))
      const socket = new WebSocket(url, { perMessageDeflate: false })
      await once(socket, 'open')
      return new Browser(child, socket)
    }
    throw new Error(`there is no Chromium on this machine (${NAMES.join(', ')}): apt-get install chromium`)
  }

  /** Opens a page. */
  async open(url: string): Promise<Page> {
    const { targetId } = await this.call('Target.createTarget', { url })
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true })
    return new Page((method, parameters) => this.call(method, parameters, String(sessionId)))
  }

  async stop(): Promise<void> {
    const gone = once(this.child, 'exit')
    this.socket.terminate()
    this.child.kill('SIGKILL')
    await gone
  }

  private async call(method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.ids
    const reply = await new Promise<Reply>((resolve) => {
      this.waiting.set(id, resolve)
      this.socket.send(JSON.stringify({ id, method, params, sessionId }))
    })
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`)
    return reply.result!
  }
}

export class Page {
  private readonly call: (method: string, params: object) => Promise<Record<string, unknown>>

  constructor(call: (method: string, params: object) => Promise<Record<string, unknown>>) {
    this.call = call
  }

  /** The value of `expression` in the page; a promise is awaited. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.call('Runtime.evaluate', {
      ...{ expression, awaitPromise: true, returnByValue: true },
    })) as { result: { value: T }; exceptionDetails?: { exception?: { description?: string }; text: string } }
    if (exceptionDetails === undefined) return result.value
    throw new Error(`in the page: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`)
  }

  /** What it looks like, as PNG. */
  async picture(): Promise<Buffer> {
    const { data } = await this.call('Page.captureScreenshot', { format: 'png' })
    return Buffer.from(String(data), 'base64')
  }
}

/** Where its DevTools listen, or `null` where it cannot be started. */
async function endpoint(child: ChildProcess): Promise<string | null> {
  let said = ''
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`Chromium does not start:\n${said}`))
    }, STUCK_MS)
    const done = (url: string | null): void => {
      clearTimeout(late)
      resolve(url)
    }
    child.once('error', () => done(null))
    child.once('exit', (code) => {
      clearTimeout(late)
      reject(new Error(`Chromium ended (${code}):\n${said}`))
    })
    child.stderr!.on('data', (chunk: Buffer) => {
      if (said.length < 1 << 16) said += chunk
      const url = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
      if (url === undefined) return
      child.removeAllListeners('exit')
      done(url)
    })
  })
}
