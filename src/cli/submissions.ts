/**
 * The pipelines that `up` was given, until the cluster has taken them. A worker may die while it is asked: what the
 * world fails is tried again with the next look, and said when it is something else than before. What is refused stays
 * refused. What keeps the others waiting is said as well, where it takes long.
 */
import { PotorooError } from '../base/errors.ts'
import type { loadGraph } from './load.ts'

type Loaded = Awaited<ReturnType<typeof loadGraph>>

/** How long a pipeline waits for the same before that is said, in milliseconds. */
const PATIENCE_MS = 10_000

export class Submissions {
  /** Some pipeline is not running because of what it is. */
  refused = false
  private waiting: readonly Loaded[]
  private readonly tell: (text: string) => void
  private readonly wordsOf: (program: Loaded) => readonly string[]
  /** What has been said of each pipeline that still waits. */
  private readonly said = new Map<string, string>()
  /** What they wait for, since when, and whether that was said. */
  private waits = { why: '', sinceMs: 0, told: false }

  /** `wordsOf`: what there is to say of a program once it has been taken, a line each. */
  constructor(
    programs: readonly Loaded[],
    tell: (text: string) => void,
    wordsOf: (program: Loaded) => readonly string[] = () => [],
  ) {
    this.waiting = programs
    this.tell = tell
    this.wordsOf = wordsOf
  }

  /** Gives each to `submit`, which rejects where that fails. */
  async tryAll(submit: (program: Loaded) => Promise<void>): Promise<void> {
    const left: Loaded[] = []
    for (const program of this.waiting) {
      const { name } = program.pipeline
      try {
        await submit(program)
        const submitted = `${name} is submitted, program ${program.bundle.hash.slice(0, 12)}`
        this.tell([submitted, ...this.wordsOf(program)].join('\n'))
      } catch (error) {
        if (this.again(name, error)) left.push(program)
      }
    }
    this.waiting = left
  }

  /** They wait for `why` at `nowMs`, by the monotonic clock in milliseconds; `null`: for nothing but their turn. */
  wait(why: string | null, nowMs: number): void {
    if (why === null || this.waiting.length === 0 || why !== this.waits.why) {
      this.waits = { why: why ?? '', sinceMs: nowMs, told: false }
      return
    }
    if (this.waits.told || nowMs - this.waits.sinceMs < PATIENCE_MS) return
    this.waits.told = true
    const names = this.waiting.map(({ pipeline }) => pipeline.name).join(', ')
    this.tell(`${names}: not submitted yet, for ${why}`)
  }

  private again(name: string, error: unknown): boolean {
    if (!(error instanceof PotorooError)) throw error
    const { code, kind, message, remedy } = error
    if (kind !== 'operational') {
      this.refused = true
      this.tell(`${name} is not submitted: ${code}: ${message}\n  ${remedy}\n  then \`potoroo submit FILE\` submits it`)
      return false
    }
    if (this.said.get(name) !== code) this.tell(`${name} is not submitted yet: ${code}: ${message}`)
    this.said.set(name, code)
    return true
  }
}
