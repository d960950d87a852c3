/** What `up` says of a line in a worker's log. */
import type { LogLine } from './log-file.ts'
import { AFTERWARDS } from './status-text.ts'

/** `null`: nothing, since it is no warning, or has been said. */
export function sayLine(line: LogLine): string | null {
  if (line.level !== 'warn' && line.level !== 'error') return null
  const { code, pipeline, message, reason, error, remedy, step, key, stack, inARow, after } = line
  switch (code) {
    // What a link is lost by is said already: a process has ended, or the cluster recovers.
    case 'link.lost':
      return null
    case 'worker.stuck': {
      const where = step === null ? 'outside of any step' : `in step "${step}"${key === null ? '' : `, key ${key}`}`
      // Of a loop that had gone on before it could be looked at, there is none.
      return [`is stuck ${where}`, ...(stack === '' ? [] : [stack])].join('\n')
    }
    // The first of a row, and the end of the row; in between nothing is new, and `status` counts them.
    case 'checkpoint.abandoned':
      return inARow === 1 ? `${code}: ${pipeline}: ${reason}` : null
    case 'journal.recovered':
      return `${code}: what comes in is written again`
    case 'store.answers':
      return `${code}: again, after ${line.ms} ms`
    case 'chain.appended':
      return `${code}: workers come and go again, after ${line.ms} ms`
    case 'checkpoint.recovered':
      return `${code}: ${pipeline}: epoch ${line.epoch} is complete, after ${after} that were abandoned`
  }
  const told = [pipeline, message ?? reason].filter((part) => part !== undefined)
  const said = [error ?? code, ...told].join(': ')
  const advice = [remedy, code === 'pipeline.failed' ? AFTERWARDS : undefined].filter((part) => part !== undefined)
  return [said, ...advice].join('\n  ')
}
