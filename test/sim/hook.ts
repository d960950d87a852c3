/**
 * Who receives what webhooks post, on the simulated network: in weather it answers late, says that it has failed when
 * it has taken what came, hangs up before it has answered, or does not take it. What it has taken it has for good.
 */
import { makeLimits } from '../../src/base/limits.ts'
import type { Answer, HttpCall } from '../../src/env/http.ts'
import type { Machine, SimProcess } from '../../src/sim/world.ts'

/** How long a writer waits for an answer, in milliseconds. */
export const HOOK_TIMEOUT_MS = 300

/**
 * What becomes of a request: whether it is taken, what is answered, and how late. `null`: the connection is given up.
 */
interface Reply {
  readonly share: number
  readonly takes: boolean
  readonly answer: Answer | null
  readonly withinMs: number
}

const taken: Answer = { status: 200 }
const REPLIES: readonly Reply[] = [
  { share: 0.7, takes: true, answer: taken, withinMs: 2 },
  { share: 0.1, takes: true, answer: taken, withinMs: 3 * HOOK_TIMEOUT_MS },
  { share: 0.05, takes: true, answer: null, withinMs: 2 },
  { share: 0.04, takes: true, answer: { status: 500 }, withinMs: 2 },
  { share: 0.05, takes: false, answer: { status: 503 }, withinMs: 20 },
  { share: 0.05, takes: false, answer: null, withinMs: 2 },
  { share: 0.01, takes: false, answer: { status: 429, headers: { 'retry-after': '1' } }, withinMs: 2 },
]
const FAIR = REPLIES[0]!

/** Something that was posted and taken; its id where it has one. */
export interface Posted {
  readonly id: string | null
  readonly text: string
}

export class SimHook {
  readonly handed: Posted[] = []
  private readonly host: Machine
  private readonly port: number
  private process!: SimProcess
  private lives = 0
  private fair = false

  constructor(machine: Machine, port: number) {
    this.host = machine
    this.port = port
    this.start()
  }

  get machine(): string {
    return this.host.name
  }

  /** From now on it takes everything at once. */
  settle(): void {
    this.fair = true
  }

  kill(): void {
    this.process.kill()
  }

  stop(): void {
    this.process.stop()
  }

  continue(): void {
    this.process.continue()
  }

  start(): void {
    if (this.lives > 0 && this.process.state !== 'dead') return
    this.process = this.host.start(`hook-${++this.lives}`)
    const { http } = this.process.env
    const refuse = () => ({ status: 404 })
    http.serve(
      { host: this.machine, port: this.port },
      { limits: makeLimits() },
      { onRequest: (call) => this.hear(call), onUpgrade: refuse, onRefused() {}, onExpelled() {} },
      () => {},
    )
  }

  private hear(call: HttpCall) {
    const parts: Buffer[] = []
    let open = true
    return {
      onBytes: (chunk: Buffer): void => void parts.push(Buffer.from(chunk)),
      onEnd: (): void => {
        const { answer, takes, withinMs } = this.reply()
        const { clock, random } = this.process.env
        if (takes) this.take(call, Buffer.concat(parts))
        clock.after(random.below(withinMs + 1), () => {
          if (!open) return
          if (answer === null) call.destroy()
          else call.answer(answer)
        })
      },
      onClosed: (): void => {
        open = false
      },
    }
  }

  private take({ headers }: HttpCall, body: Buffer): void {
    const id = headers['idempotency-key'] ?? null
    const text = body.toString()
    const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : [text]
    for (const line of lines) this.handed.push({ id, text: line })
  }

  private reply(): Reply {
    if (this.fair) return FAIR
    let drawn = this.process.env.random.below(1000) / 1000
    return REPLIES.find(({ share }) => (drawn -= share) < 0) ?? FAIR
  }
}
