/** Runs a program with a fault planted in it. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Mutant {
  /** What is wrong with it. */
  readonly name: string
  /** Below `src/`, without a leading slash. */
  readonly file: string
  /** Stands in the file exactly once. */
  readonly text: string
  readonly replacement: string
}

export interface Outcome {
  readonly status: number | null
  readonly output: string
}

/** Runs `program` (a path beside the calling test) with `mutant` in place, or as it is. */
export function runMutant(mutant: Mutant | null, program: string, args: readonly string[]): Outcome {
  const hook = fileURLToPath(new URL('./hook.ts', import.meta.url))
  const env = { ...process.env, POTOROO_MUTANT: JSON.stringify(mutant) }
  const options = mutant === null ? [] : ['--import', hook]
  const ran = spawnSync(process.execPath, ['--no-warnings', ...options, program, ...args], { env, encoding: 'utf8' })
  return { status: ran.status, output: ran.stdout + ran.stderr }
}
