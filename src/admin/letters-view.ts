/** Dead letters as the control API and the commands show them. The field names are a public format. */
import { fail } from '../base/errors.ts'
import { contentOf, type DeadLetter } from '../worker/letters/dead-letter.ts'
import { plain } from './plain.ts'

/** A letter in a list, without what its step was given. */
export interface ListedLetter extends Omit<DeadLetter, 'given' | 'error'> {
  /** The message of its error. */
  readonly error: string
}

export interface LetterPage {
  readonly pipeline: string
  /** Of all letters, those that are not in the page too. */
  readonly count: number
  readonly letters: readonly ListedLetter[]
  /** These are the letters of all workers, and any of them answers the same: the pipeline is drained. */
  readonly ofAll?: true
}

export interface LetterView extends DeadLetter {
  /** What its step was given, for people; the key where the step is keyed. */
  readonly content: { readonly key?: unknown; readonly value: unknown }
}

/** Some of `count` letters. */
export function pageOfLetters(pipeline: string, count: number, letters: readonly DeadLetter[]): LetterPage {
  return { pipeline, count, letters: letters.map(({ given, error, ...rest }) => ({ ...rest, error: error.message })) }
}

/** Letter `id` with what its step was given; throws `E_NO_LETTER` where there is none. */
export function viewLetter(pipeline: string, id: string, letter: DeadLetter | null | undefined): LetterView {
  if (letter == null) throw fail('E_NO_LETTER', { pipeline, id })
  const { key, value } = contentOf(letter.given)
  return { ...letter, content: { key: plain(key), value: plain(value) } }
}
