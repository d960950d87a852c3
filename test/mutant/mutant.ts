/** Runs a program with a fault planted in it. */
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What is changed in a file. */
export interface Change {
  /** From the root of the project on. */
  readonly file: string
  /** Stands in the file exactly once. */
  readonly text: string
  readonly replacement: string
}

export interface Mutant extends Change {
  /** What is wrong with it. */
  readonly name: string
  /** Another file that takes part in it: each of two rules holds alone. */
  readonly besides?: Change
}

export interface Outcome {
  readonly status: number | null
  readonly output: string
}

/** What a program says in which a fault names what is not there: that one is found by everything. */
const BROKEN = /SyntaxError|[\w$]+ is not defined|is not a function/

/** Runs `program` (a path beside the calling test) with `mutant` in place, which has to be one that can run. */
export function runMutant(mutant: Mutant, program: string, args: readonly string[]): Outcome {
  const { options, env } = hooked(mutant, program, args)
  const ran = spawnSync(process.execPath, options, { env, encoding: 'utf8' })
  const output = ran.stdout + ran.stderr
  if (BROKEN.test(output)) throw new Error(`"${mutant.name}" breaks the program and is no fault of it:\n${output}`)
  return { status: ran.status, output }
}

/** The same beside other work. */
export function startMutant(mutant: Mutant | null, program: string, args: readonly string[]): Promise<Outcome> {
  const { options, env } = hooked(mutant, program, args)
  const child = spawn(process.execPath, options, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      output += text
    })
  }
  return new Promise((done, fell) => {
    child.on('error', fell)
    child.on('close', (status) => done({ status, output }))
  })
}

/** The same before somebody's eyes: what it says is shown as it comes. */
export function showMutant(mutant: Mutant, program: string, args: readonly string[]): Promise<number> {
  const { options, env } = hooked(mutant, program, args)
  const child = spawn(process.execPath, options, { env, stdio: 'inherit' })
  return new Promise((done, fell) => {
    child.on('error', fell)
    child.on('close', (status) => done(status ?? 1))
  })
}

function hooked(mutant: Mutant | null, program: string, args: readonly string[]) {
  const hook = fileURLToPath(new URL('./hook.ts', import.meta.url))
  const env = { ...process.env, POTOROO_MUTANT: JSON.stringify(mutant) }
  const options = ['--no-warnings', ...(mutant === null ? [] : ['--import', hook]), program, ...args]
  return { options, env }
}
