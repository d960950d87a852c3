/**
 * Waiting for the worker: conditions are looked at after each change, and whoever waits when the worker is closed is
 * told so by an error.
 */
import type { PotorooError } from '../../base/errors.ts'

export class Changes {
  private waiting: (() => void)[] = []
  /** Who waits for an answer, which may never come. */
  private readonly unanswered = new Set<(error: PotorooError) => void>()
  private closed = false
  private readonly ended: () => PotorooError

  /** `ended`: what those hear who wait when it is closed. */
  constructor(ended: () => PotorooError) {
    this.ended = ended
  }

  /** Something has changed: who waits looks again. */
  tell(): void {
    const { waiting } = this
    this.waiting = []
    for (const look of waiting) look()
  }

  /** Nothing changes any more. */
  close(): void {
    this.closed = true
    for (const reject of this.unanswered) reject(this.ended())
    this.tell()
  }

  /** Resolves once `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed) throw this.ended()
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
  }

  /** Resolves, or rejects, when `call` has answered. */
  async answered(call: (done: (error: PotorooError | null) => void) => void): Promise<void> {
    let answer: PotorooError | null | undefined
    call((error) => {
      answer = error
      this.tell()
    })
    await this.until(() => answer !== undefined)
    if (answer != null) throw answer
  }

  /** Settles as `asked` does, or rejects where it has not when this is closed. */
  orEnd<T>(asked: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.unanswered.add(reject)
      asked.finally(() => this.unanswered.delete(reject)).then(resolve, reject)
    })
  }
}
