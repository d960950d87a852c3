/**
 * Judges a worker that refuses to go back by itself: whether it had to, by what the weather has done to its disk.
 *
 * R1. It may refuse only where both ways are barred: the last epoch was damaged, now or for a generation before, and so
 *     is the journal behind the one before it. Where each worker has its journal for itself and one is alone, what the
 *     one before lacks may lie in that of another, to which a stream has gone or from which it has come since.
 * R2. Everything that it names as damaged is damaged: the object of the store, and the journal between the bytes that
 *     it names.
 */
import type { PotorooError } from '../../src/base/errors.ts'
import type { Volume } from '../../src/sim/volume.ts'

const JOURNAL = /^the journal (\S+) is damaged from byte (\d+) to (\d+)/
/** What follows of a damage that is named beside it. */
const LACKS = /^the journal lacks records /
/** Beyond a few. */
const MORE = /^and \d+ more like these$/
const OBJECT = /^(pipelines\/[^\s,:]+)/

/** Where a worker has its store, and the volumes that it reads, by where they are mounted. */
export interface Ground {
  readonly store: string
  readonly mounts: readonly { readonly at: string; readonly volume: Volume }[]
  /** Journals of others cannot be read. */
  readonly apart?: boolean
}

/**
 * What is wrong with the refusal `error` of a worker that stands on `ground`; `null` where it was justified. `damaged`:
 * the weather has damaged an epoch that was the last one.
 */
export function objectionToRefusal(error: PotorooError, ground: Ground, damaged: boolean): string | null {
  const isWounded = (path: string, from?: number, to?: number): boolean => {
    const { at, volume } = ground.mounts.find((mount) => path.startsWith(`${mount.at}/`))!
    return volume.isWounded(path.slice(at.length), from, to)
  }
  if (error.code !== 'E_RESTORE') return 'it is no refusal'
  const clauses = String(error.details.damage).split('; ')
  let [journals, lacking] = [0, 0]
  for (const clause of clauses) {
    const journal = JOURNAL.exec(clause)
    const object = OBJECT.exec(clause)
    if (journal !== null) {
      const [, path, from, to] = journal as unknown as [string, string, string, string]
      if (!isWounded(path, Number(from), Number(to))) return `the weather has done nothing there: ${clause}`
      journals++
    } else if (object !== null) {
      if (!isWounded(`${ground.store}/${object[1]}`)) return `the weather has done nothing there: ${clause}`
    } else if (LACKS.test(clause)) {
      lacking++
    } else if (!MORE.test(clause)) {
      return `it names nothing that could be damaged: ${clause}`
    }
  }
  if (!damaged) return 'the last epoch is whole'
  const barred = journals > 0 || (ground.apart === true && lacking > 0)
  return barred ? null : 'the journal behind the epoch before is whole'
}
