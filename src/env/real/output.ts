/** Standard output. */
import type { Output } from '../output.ts'

/** Without a listener a closed pipe would end the process; the failed write has told its caller already. */
const told = (): void => {}

/** Writes to this process's standard output. A pipe whose reader has gone answers with an error. */
export class RealOutput implements Output {
  constructor() {
    // One is enough, however many there are.
    process.stdout.off('error', told).on('error', told)
  }

  write(bytes: Uint8Array, done: (error: Error | null) => void): void {
    process.stdout.write(bytes, (error) => done(error ?? null))
  }
}
