/**
 * Text for `word-count`: lines of made-up words whose frequencies follow Zipf's law, as those of real texts do: the
 * n-th most frequent word is n times as rare as the first.
 */
import { Random } from './random.ts'

const VOCABULARY = 50_000

const SYLLABLES = 'ba be bi bo bu da de di do du ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no nu'.split(' ')

/** Word number `n`, counted from 0; frequent ones are short. */
export function wordOf(n: number): string {
  let word = ''
  for (let rest = n + 1; rest > 0; rest = Math.floor((rest - 1) / SYLLABLES.length)) {
    word = SYLLABLES[(rest - 1) % SYLLABLES.length] + word
  }
  return word
}

/** Makes lines of 5 to 25 words without an end mark; the same seed makes the same lines. */
export class Lines {
  private readonly random: Random
  private readonly words: readonly string[]
  /** `upTo[n]`: the share of all text that words 0 to n are. */
  private readonly upTo: Float64Array

  constructor(seed: number, vocabulary: number = VOCABULARY) {
    this.random = new Random(seed)
    this.words = Array.from({ length: vocabulary }, (_, n) => wordOf(n))
    this.upTo = new Float64Array(vocabulary)
    let sum = 0
    for (let n = 0; n < vocabulary; n++) this.upTo[n] = sum += 1 / (n + 1)
    for (let n = 0; n < vocabulary; n++) this.upTo[n]! /= sum
  }

  next(): string {
    let line = this.word()
    for (let left = 4 + this.random.below(21); left > 0; left--) line += ` ${this.word()}`
    return line
  }

  /** `count` lines, each with its end. */
  text(count: number): string {
    let text = ''
    for (let i = 0; i < count; i++) text += `${this.next()}\n`
    return text
  }

  private word(): string {
    const at = this.random.fraction()
    let low = 0
    let high = this.upTo.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.upTo[middle]! < at) low = middle + 1
      else high = middle
    }
    return this.words[low]!
  }
}
