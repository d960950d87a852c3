/**
 * What of a machine's storage answers late for a while: one folder of a share hangs, and the rest of it does not. Files
 * of a share lie on several servers, and what a client has cached of one folder says nothing of another.
 *
 * V1. An operation that meets it is done in the end, and finds what is there by then.
 */
interface Veil {
  readonly parts: readonly string[]
  readonly until: number
}

export class Haze {
  private veils: Veil[] = []

  /** Operations on paths that contain one of `parts` are not done before `until`. */
  over(parts: readonly string[], until: number): void {
    this.veils.push({ parts, until })
  }

  /** Clears up: what is under way by then still takes its time. */
  lift(): void {
    this.veils = []
  }

  /** How much longer an operation on `path` takes that is asked for at `now`. */
  delay(path: string, now: number): number {
    if (this.veils.length === 0) return 0
    this.veils = this.veils.filter(({ until }) => until > now)
    const over = this.veils.filter(({ parts }) => parts.some((part) => path.includes(part)))
    return Math.max(0, ...over.map(({ until }) => until - now))
  }
}
