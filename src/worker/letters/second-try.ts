/** Dead letters on their way back to the step that they failed in. */
import { hashKey } from '../../base/hash.ts'
import type { Batch } from '../../dataflow/batch.ts'
import type { Runtime } from '../../dataflow/runtime.ts'
import type { Plan, TaskPlan } from '../../model/plan.ts'
import type { SplitTable } from '../execution/sources/split-table.ts'
import { contentOf, type DeadLetter } from './dead-letter.ts'

/** A run of letters that go to one place. */
interface Portion {
  readonly task: TaskPlan
  readonly into: 'input' | 'chain'
  readonly letters: readonly DeadLetter[]
}

/**
 * Where `letter` goes in `plan`, or `null` where it cannot: its step is gone, or has keys now and had none, or it holds
 * no record.
 */
function placeOf(letter: DeadLetter, plan: Plan): Omit<Portion, 'letters'> | null {
  const task = plan.tasks.find(({ step }) => step === letter.task)
  if (task === undefined || !letter.again) return null
  if (task.kind === 'keyed' && contentOf(letter.given).key === undefined) return null
  const own = letter.step === letter.task
  return { task, into: own && task.kind !== 'source' ? 'input' : 'chain' }
}

/**
 * Gives the first of `letters` back to the step that they failed in: as many as go to one place. Answers how many of
 * them are settled: `taken`, which have gone, and others that cannot be tried again; none when the place has no room
 * now.
 */
export function tryAgain(
  letters: readonly DeadLetter[],
  plan: Plan,
  runtime: Runtime,
  splits: SplitTable,
): { readonly settled: number; readonly taken: readonly DeadLetter[] } {
  const first = letters[0]
  const place = first === undefined ? null : placeOf(first, plan)
  if (place === null) return { settled: Math.min(1, letters.length), taken: [] }
  const end = letters.findIndex((letter) => {
    const other = placeOf(letter, plan)
    return other?.task !== place.task || other.into !== place.into
  })
  const portion: Portion = { ...place, letters: end < 0 ? letters : letters.slice(0, end) }
  const taken: DeadLetter[] = []
  const room = runtime.tryAgain(place.task.id, place.into, (batch) => fill(batch, portion, splits, taken))
  return room ? { settled: portion.letters.length, taken } : { settled: 0, taken: [] }
}

function fill(batch: Batch, { task, letters }: Portion, splits: SplitTable, taken: DeadLetter[]): void {
  for (const letter of letters) {
    const found = recordOf(letter, task)
    if (found === null) continue
    taken.push(letter)
    const { key } = contentOf(letter.given)
    const i = batch.length
    if (i === batch.capacity) batch.grow()
    batch.values[i] = found.value
    if (key !== undefined) {
      batch.keys[i] = key
      batch.hashes[i] = hashKey(key)
    }
    batch.times[i] = letter.timeMs
    batch.splits[i] = splits.numberOf(letter.split)
    batch.positions[i] = letter.position
    batch.ordinals[i] = letter.ordinal
    batch.length = i + 1
  }
}

/**
 * What a letter stands for: behind a step with state all that one call returned; `null` for bytes that still cannot be
 * decoded. Where the step answered once and answers several times by now, its answer is a list of one.
 */
function recordOf(letter: DeadLetter, task: TaskPlan): { readonly value: unknown } | null {
  const { value } = contentOf(letter.given)
  const own = letter.step === letter.task
  if (task.kind === 'keyed' && task.keyed.kind === 'flatMapWithState' && !own && !Array.isArray(value)) {
    return { value: [value] }
  }
  if (task.kind !== 'source' || !own) return { value }
  const bytes = value as Buffer
  try {
    return { value: task.source.decoder.decode(bytes, 0, bytes.length) }
  } catch {
    return null
  }
}
