/** Standard output. */
import type { Output } from '../output.ts'

/** Writes to this process's standard output. A pipe whose reader has gone answers with an error. */
export class RealOutput implements Output {
  constructor() {
    // Without a listener a closed pipe would end the process; the failed write has told its caller already.
    process.stdout.on('error', () => {})
  }

  write(bytes: Uint8Array, done: (error: Error | null) => void): void {
    process.stdout.write(bytes, (error) => done(error ?? null))
  }
}
