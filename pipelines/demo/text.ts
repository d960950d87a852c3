/** Lines to count: words of a real text, drawn again and again as often as words of real texts come (Zipf, 1935). */
import { readFileSync } from 'node:fs'
import { Prng } from '../../src/base/prng.ts'

const LICENSE = new URL('../../LICENSE', import.meta.url)
const WORDS_PER_LINE = 8
/** Names that make the vocabulary as large as that of a shelf of books. */
const NAMES = 20_000

/** `count` lines, the same for the same `seed`. */
export function makeLines(count: number, seed: number): string[] {
  const words = readFileSync(LICENSE, 'utf8').match(/[\p{L}']+/gu) ?? []
  const vocabulary = [...new Set(words)]
  for (let n = 0; n < NAMES; n++) vocabulary.push(`name${n}`)
  const random = new Prng(seed)
  const lines: string[] = []
  for (let i = 0; i < count; i++) {
    const line: string[] = []
    for (let k = 0; k < WORDS_PER_LINE; k++) line.push(vocabulary[draw(random, vocabulary.length)]!)
    lines.push(line.join(' '))
  }
  return lines
}

/** A rank below `n`; rank r comes about as often as 1 / (r + 1). */
function draw(random: Prng, n: number): number {
  return Math.min(n - 1, Math.floor(n ** random.fraction()) - 1)
}
