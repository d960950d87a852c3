/**
 * Judges what a step has of producers whose source comes and goes with programs (`twigs.ts`): of each incarnation of a
 * producer, while the source is there, records 1, 2, 3 … without a gap, each once, and in the end all that were made. A
 * source that has begun anew knows nothing of before: who had records in an epoch is refused then, and whose first
 * record can be sent again may send all of them again.
 *
 * A1. Of a stretch it has a run of what each incarnation has sent, from the first record on where it was there when the
 *     source began, and to the last one where the source is there now. Who had nothing to send since that began anew
 *     has not come back to it.
 * A2. It has nothing of producers of other sources.
 * A3. Who was told that its stream is not known had nothing in the source that is there now.
 * A4. What was said to be in an epoch is there, or was there when the source began anew.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Part } from '../programs.ts'
import type { Complain, Visit } from './evidence.ts'

/** An incarnation of a producer. */
export interface CalledLife {
  readonly name: string
  readonly source: string
  readonly made: number
  readonly stable: number
  /** It was told that its stream is not known, and believed it. */
  readonly gone: boolean
}

/** A time in which a step had one source in front of it, which did not begin anew. */
export interface Stretch {
  readonly source: Part
  /** The step was there when the source began. */
  readonly whole: boolean
  /** It is there now. */
  readonly last: boolean
  /** What the step has of it. */
  readonly visits: readonly Visit[]
}

/** `before`: what there was before `step` began. */
export function judgeCalled(
  step: string,
  stretches: readonly Stretch[],
  lives: readonly CalledLife[],
  before: ReadonlySet<string>,
  complain: Complain,
): void {
  const called = stretches.filter(({ source }) => source.kind === 'acked')
  const own = lives.filter((life) => called.some(({ source }) => source.step === life.source))
  for (const { source, visits } of called) {
    const names = new Set(own.flatMap((life) => (life.source === source.step ? [life.name] : [])))
    const foreign = visits.find(({ cause }) => !names.has(lifeOf(cause)))
    if (foreign !== undefined) complain(`${step}: ${foreign.cause} came by ${source.step} (A2)`)
  }
  for (const life of own) {
    const { name, made, stable, gone, source } = life
    let most = 0
    let wasThere = before.has(source)
    for (const stretch of called) {
      if (stretch.source.step !== source) continue
      const numbers = numbersOf(stretch.visits, name)
      most = Math.max(most, numbers.at(-1) ?? 0)
      const first = stretch.whole ? 1 : (numbers[0] ?? made + 1)
      const stayed = wasThere && numbers.length === 0 && stable === made
      const last = stretch.last && !gone && !stayed ? made : first + numbers.length - 1
      wasThere = true
      checkRun(`${step}: of ${name}`, numbers, first, last, complain)
      if (stretch.last && gone && numbers.length > 0)
        complain(`${step}: ${name} was told that it is not known, and ${ranges(numbers)} is there (A3)`)
    }
    if (most < stable && !before.has(source))
      complain(`${step}: ${stable} of ${name} is stable, and ${most} there (A4)`)
  }
}

function lifeOf(cause: string): string {
  return cause.slice(0, cause.indexOf('#'))
}

function numbersOf(visits: readonly Visit[], life: string): number[] {
  const own = visits.filter(({ cause }) => lifeOf(cause) === life)
  return own.map(({ cause }) => Number(cause.slice(life.length + 1))).sort((a, b) => a - b)
}

/** Whether `numbers` are those from `first` to `last` (Z2, A1). */
export function checkRun(
  what: string,
  numbers: readonly number[],
  first: number,
  last: number,
  complain: Complain,
): void {
  const right = Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n)
  if (!isDeepStrictEqual(numbers, right))
    complain(`${what} there is ${ranges(numbers)} and not ${ranges(right)} (Z2, A1)`)
}

/** `1 3 5`: where runs begin and end. */
function ranges(numbers: readonly number[]): string {
  const parts = numbers.filter((n, i) => i === 0 || n !== numbers[i - 1]! + 1 || n !== numbers[i + 1]! - 1)
  return parts.length === 0 ? 'nothing' : parts.join(' ')
}
