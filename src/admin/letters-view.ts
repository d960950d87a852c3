/** Dead letters as the control API and the commands show them. */
import { fail } from '../base/errors.ts'
import { contentOf, type DeadLetter } from '../worker/letters/dead-letter.ts'
import { plain } from './plain.ts'

/** Some of `count` letters, without what their steps were given. */
export function pageOfLetters(pipeline: string, count: number, letters: readonly DeadLetter[]) {
  return { pipeline, count, letters: letters.map(({ given, error, ...rest }) => ({ ...rest, error: error.message })) }
}

/** Letter `id` with what its step was given; throws `E_NO_LETTER` where there is none. */
export function viewLetter(pipeline: string, id: string, letter: DeadLetter | null | undefined) {
  if (letter == null) throw fail('E_NO_LETTER', { pipeline, id })
  return { ...letter, content: plain(contentOf(letter.given)) }
}
