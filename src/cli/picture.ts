/**
 * What `up` shows: on a terminal a table that is drawn again in place, under the lines that stay; elsewhere the lines
 * alone. What the pipelines write to the same terminal goes through here: it stays, and nothing is drawn over it.
 */
import type { ChildState } from './supervise.ts'
import { fitting, table, visible, type Window } from './terminal.ts'
import type { ClusterNow } from './up-control.ts'

/** Where lines and the table go. */
export interface Screen {
  readonly stdout: Stream
  readonly stderr: Stream
}

interface Stream extends Window {
  readonly isTTY?: boolean
  write(text: string): unknown
}

export interface ProcessNow {
  readonly worker: string
  readonly pid: number | null
  readonly phase: ChildState['phase']
  readonly restarts: number
}

/** More workers than these are counted, not named. */
const NAMES = 8

const phases: Readonly<Record<ChildState['phase'], string>> = {
  running: 'starting',
  waiting: 'waits to start',
  stopping: 'stopping',
  left: 'left',
  ended: 'ended',
  givenUp: 'given up',
}

export class Picture {
  /** Takes what the pipelines write to standard output, where that is the terminal on which the table stands. */
  readonly output: ((lines: string) => void) | null
  private readonly terminal: boolean
  private readonly screen: Screen
  private drawn = ''
  /** What a line has said last of the cluster as a whole. */
  private said = ''
  private records = new Map<string, number>()
  private atMs = 0

  constructor(screen: Screen = process) {
    this.screen = screen
    this.terminal = screen.stderr.isTTY === true
    this.output = this.terminal && screen.stdout.isTTY === true ? (lines) => this.keep('stdout', lines) : null
  }

  /** A line that stays. */
  tell(text: string): void {
    this.keep('stderr', `${new Date().toISOString().slice(11, 19)}  ${visible(text)}\n`)
  }

  show(now: ClusterNow | null, processes: readonly ProcessNow[]): void {
    const summary = now === null ? 'no worker answers yet' : summarize(now)
    if (now !== null && summary !== this.said) {
      this.said = summary
      this.tell(summary)
    }
    if (!this.terminal) return
    this.draw(`${fitting(this.table(now, processes), this.screen.stderr).join('\n')}\n`)
  }

  /** The table is gone; lines may follow. */
  end(): void {
    this.draw('')
  }

  private keep(stream: keyof Screen, lines: string): void {
    const { drawn } = this
    this.draw('')
    this.screen[stream].write(lines)
    this.draw(drawn)
  }

  private table(now: ClusterNow | null, processes: readonly ProcessNow[]): string {
    const seconds = (performance.now() - this.atMs) / 1000
    this.atMs = performance.now()
    const rows = processes.map(({ worker, pid, phase, restarts }) => {
      const member = now?.workers.find((one) => one.worker === worker)
      const view = now?.each.find((one) => one.worker === worker)
      const records = view?.pipelines.reduce((sum, one) => sum + one.recordsIn, 0) ?? 0
      const before = this.records.get(worker) ?? records
      this.records.set(worker, records)
      const doing =
        phase !== 'running' || view === undefined ? phases[phase] : member?.member === true ? 'member' : 'joining'
      const stuck = member?.stuck ?? null
      return [
        worker,
        stuck === null ? doing : `stuck in ${stuck.step ?? 'its loop'}`,
        pid === null ? '' : String(pid),
        member?.keyGroups ?? 0,
        view?.pipelines.reduce((sum, one) => sum + one.keys, 0) ?? 0,
        Math.max(0, Math.round((records - before) / seconds)),
        restarts,
      ]
    })
    return table(['WORKER', 'STATE', 'PROCESS', 'KEY GROUPS', 'KEYS', 'RECORDS/S', 'RESTARTS'], rows, 'no workers')
  }

  /** Draws this in the place of what is drawn. What was typed there, such as `^C`, goes with it. */
  private draw(text: string): void {
    if (!this.terminal) return
    const lines = this.drawn.split('\n').length - 1
    this.drawn = text
    this.screen.stderr.write(`${lines > 0 ? `\r\x1b[${lines}A\x1b[J` : ''}${text}`)
  }
}

/** `normal, generation 2: w1, w3; not in it yet: w2`. */
function summarize({ mode, generation, workers }: ClusterNow): string {
  const name = (inside: boolean): string => nameSome(workers.filter(({ member }) => member === inside))
  const [members, others] = [name(true), name(false)]
  if (members === '') return others === '' ? mode : `${mode}: ${others}`
  return `${mode}, generation ${generation}: ${members}${others === '' ? '' : `; not in it yet: ${others}`}`
}

/** Their names, as many as are read at a glance. */
function nameSome(workers: readonly { readonly worker: string }[]): string {
  if (workers.length > NAMES) return `${workers.length} workers`
  return workers.map(({ worker }) => worker).join(', ')
}
