/** Standard input. */
import type { Readable } from 'node:stream'
import type { Input, InputHandler, Reading } from '../input.ts'

/** Reads `stream`, which is this process's standard input when nothing else is said; not before somebody wants it. */
export class RealInput implements Input {
  private readonly stream: () => Readable
  private left: Buffer = Buffer.alloc(0)
  private end: { readonly error: Error | null } | null = null
  private handler: InputHandler | null = null
  private paused = false
  private begun = false

  constructor(stream: () => Readable = () => process.stdin) {
    this.stream = stream
  }

  read(handler: InputHandler): Reading | null {
    if (this.handler !== null) return null
    this.handler = handler
    this.paused = false
    const stream = this.stream()
    if (!this.begun) this.begin(stream)
    // What stood here when the last reader stopped, and an end that came meanwhile, are told anew (`input.ts`, N1, N3).
    const goOn = (): unknown => setImmediate(() => this.handler === handler && this.goOn(handler, stream))
    goOn()
    return {
      pause: () => {
        if (this.handler !== handler) return
        this.paused = true
        stream.pause()
      },
      resume: () => {
        if (this.handler !== handler || !this.paused) return
        this.paused = false
        goOn()
      },
      stop: (left) => {
        if (this.handler !== handler) return
        stream.pause()
        this.handler = null
        // What it has not been told stands behind what it gives back.
        this.left = Buffer.concat([left, this.left])
      },
      drop: () => {
        if (this.handler !== handler) return
        stream.pause()
        this.handler = null
        this.end = { error: null }
      },
    }
  }

  private begin(stream: Readable): void {
    this.begun = true
    stream.on('data', (chunk: Buffer) => this.handler?.onBytes(chunk))
    stream.once('end', () => this.over(null))
    stream.once('error', (error) => this.over(error))
    stream.pause()
  }

  private goOn(handler: InputHandler, stream: Readable): void {
    if (this.paused) return
    const { left } = this
    this.left = Buffer.alloc(0)
    if (left.length > 0) handler.onBytes(left)
    if (this.handler !== handler || this.paused) return
    if (this.end === null) stream.resume()
    else this.over(this.end.error)
  }

  private over(error: Error | null): void {
    const { handler } = this
    this.end = { error }
    this.handler = null
    if (error === null) handler?.onEnd()
    else handler?.onFailed(error)
  }
}
