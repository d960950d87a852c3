/**
 * A stream of bytes from whoever started the program: standard input.
 *
 * N1. One reader at a time. No callback runs inside a call of this interface, and none follows `onEnd`, `onFailed` or
 *     `stop`.
 * N2. The chunk given to `onBytes` is only valid during the call.
 * N3. What a reader gives back when it stops is what the next one hears first: bytes come once, and none is lost
 *     between two readers.
 */
export interface InputHandler {
  onBytes(chunk: Buffer): void
  /** Nothing follows. */
  onEnd(): void
  onFailed(error: Error): void
}

export interface Reading {
  /** Stops `onBytes`; whoever writes is pushed back in the end. */
  pause(): void
  resume(): void
  /** Reads no more, and gives back `left`, the last bytes that it could not use yet. */
  stop(left: Buffer): void
  /** Reads no more, and what follows is for nobody: whoever reads next hears of the end. */
  drop(): void
}

export interface Input {
  /** Begins to read, or goes on where the last reader stopped; `null` while another one reads. */
  read(handler: InputHandler): Reading | null
}
