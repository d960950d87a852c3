/**
 * Judges a worker that refuses to go back by itself: whether it had to, by what the weather has done to its disk.
 *
 * R1. It may refuse only where both ways are barred: the last epoch was damaged, now or for a generation before, and so is
 *     the journal behind the one before it.
 * R2. Everything that it names as damaged is damaged: the object of the store, and the journal between the bytes that it
 *     names.
 */
import type { PotorooError } from '../../src/base/errors.ts'
import { DATA } from '../../src/sim/station.ts'
import type { Volume } from '../../src/sim/volume.ts'

const JOURNAL = /^the journal (\S+) is damaged from byte (\d+) to (\d+)/
/** What follows of a damage that is named beside it. */
const LACKS = /^the journal lacks records /
const OBJECT = /^(pipelines\/[^\s,:]+)/

/**
 * What is wrong with the refusal `error` of the worker that has `volume`; `null` where it was justified. `damaged`: the
 * weather has damaged an epoch that was the last one.
 */
export function objectionToRefusal(error: PotorooError, volume: Volume, damaged: boolean): string | null {
  if (error.code !== 'E_RESTORE') return 'it is no refusal'
  const clauses = String(error.details.damage).split('; ')
  let journals = 0
  for (const clause of clauses) {
    const journal = JOURNAL.exec(clause)
    const object = OBJECT.exec(clause)
    if (journal !== null) {
      const [, path, from, to] = journal as unknown as [string, string, string, string]
      if (!volume.isWounded(path, Number(from), Number(to))) return `the weather has done nothing there: ${clause}`
      journals++
    } else if (object !== null) {
      if (!volume.isWounded(`${DATA}/store/${object[1]}`)) return `the weather has done nothing there: ${clause}`
    } else if (!LACKS.test(clause)) {
      return `it names nothing that could be damaged: ${clause}`
    }
  }
  if (!damaged) return 'the last epoch is whole'
  return journals === 0 ? 'the journal behind the epoch before is whole' : null
}
