/** A pipeline whose records and states have holes, and objects without prototype, and what it says of each. */
import { generatorSource, nullSink, pipeline } from '../../src/index.ts'
import { ABORT, KILL, PAUSE, runPipeline, seconds, testSource } from '../../src/testing.ts'

const KEYS = 5
const RECORDS = 200
/** The record of which the step throws, when it has changed the state. */
const THROWS = 77

interface Numbered {
  readonly n: number
  readonly hours: readonly number[]
  readonly words: Readonly<Record<string, number>>
}

interface Day {
  readonly hours: number[]
  readonly seen: Record<string, number>
}

export interface Said {
  readonly n: number
  /** How many of the record's three hours are there. */
  readonly record: number
  /** How many of the state's are. */
  readonly state: number
  /** What a word counts that nobody has counted, in the record and in the state. */
  readonly uncounted: readonly [unknown, unknown]
}

/** A list of which only the hour `n % 3` is there. */
function hoursOf(n: number): number[] {
  const hours: number[] = []
  hours[n % 3] = n
  hours.length = 3
  return hours
}

const present = (hours: readonly number[]): number => hours.reduce((count) => count + 1, 0)

const exact = pipeline('exact', (p) => {
  p.source('numbers', generatorSource<number>({ value: (n) => n }))
    .map(
      'numbered',
      (n): Numbered => ({ n, hours: hoursOf(n), words: Object.assign(Object.create(null), { counted: n }) }),
    )
    .keyBy('by', ({ n }) => n % KEYS)
    .mapWithState('day', {
      init: (): Day => ({ hours: new Array<number>(24), seen: Object.create(null) }),
      step: (day, { n, hours, words }): Said => {
        day.hours[(n * 7) % 24] = n
        day.seen[n] = 1
        if (n === THROWS) throw new Error('this one')
        const uncounted = [words.constructor, day.seen.constructor] as const
        return { n, record: present(hours), state: present(day.hours), uncounted }
      },
    })
    .sink('said', nullSink())
})

/** What is said of all records but one, of which some are done again behind a kill of the last worker. */
export async function sayAll(workers: number): Promise<readonly Said[]> {
  const numbers = Array.from({ length: RECORDS }, (_, n) => n)
  const kill = workers > 1 ? KILL(workers) : ABORT
  const half = RECORDS / 2
  const inputs = { numbers: testSource([...numbers.slice(0, half), PAUSE(seconds(2)), kill, ...numbers.slice(half)]) }
  const { outputs, deadLetters } = await runPipeline<{ said: Said }>(exact, { inputs, workers })
  const failed = deadLetters.map(({ error }) => error)
  if (failed.length !== 1 || !failed[0]!.includes('this one')) throw new Error(failed.join('; '))
  return outputs.said!.toSorted((a, b) => a.n - b.n)
}

/** The same, reckoned without any worker. */
export function expected(): readonly Said[] {
  const filled = new Map<number, Set<number>>()
  return Array.from({ length: RECORDS }, (_, n) => n)
    .filter((n) => n !== THROWS)
    .map((n) => {
      const hours = filled.get(n % KEYS) ?? new Set()
      filled.set(n % KEYS, hours.add((n * 7) % 24))
      return { n, record: 1, state: hours.size, uncounted: [undefined, undefined] }
    })
}
