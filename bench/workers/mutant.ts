/** Faults that are planted to see that a proof finds them. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

export interface Mutant {
  readonly name: string
  /** Below `src/`. */
  readonly file: string
  /** Stands in the file exactly once. */
  readonly text: string
  readonly replacement: string
}

/** The arguments with which Node runs a program that has `mutant` in it. */
export function importing(mutant: Mutant | null): readonly string[] {
  if (mutant === null) return []
  const hook = new URL('./mutant-hook.ts', import.meta.url)
  hook.searchParams.set('mutant', JSON.stringify(mutant))
  return ['--import', hook.href]
}

/** Throws where the text to replace does not stand in its file exactly once. */
export function check({ name, file, text }: Mutant): void {
  const source = readFileSync(resolve(import.meta.dirname, '../../src', file), 'utf8')
  if (source.split(text).length !== 2) throw new Error(`mutant "${name}": src/${file} does not have its text once`)
}
