/** Files with tokens: whoever can read the admin's runs code as the worker. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../base/errors.ts'
import { type Finding, faulty, good, notice, wrong } from './finding.ts'

const VARIABLES = ['POTOROO_TOKEN_FILE', 'POTOROO_SOURCE_TOKEN_FILE', 'POTOROO_CLUSTER_TOKEN_FILE']
const OTHERS = 0o077

/** The tokens of a data folder that has some. */
export function examineTokens(data: string): readonly Finding[] {
  const files = ['admin.token', 'read.token', 'cluster.token'].map((name) => join(data, name))
  const found = files.flatMap((file) => examineFile(file, null))
  return found.length > 0 && found.every(({ verdict }) => verdict === 'good')
    ? [good('tokens', `those in ${data} are readable by their owner alone`)]
    : found.filter(({ verdict }) => verdict !== 'good')
}

/** The token files that the environment names. */
export function examineTokenVariables(environment: NodeJS.ProcessEnv = process.env): readonly Finding[] {
  return VARIABLES.flatMap((name) => {
    const file = environment[name]
    return file === undefined ? [] : examineFile(file, name)
  })
}

/** `variable`: which names the file, so that it has to be there. */
function examineFile(file: string, variable: string | null): readonly Finding[] {
  const subject = variable === null ? file : `${variable}=${file}`
  try {
    const { mode } = statSync(file)
    const token = readFileSync(file, 'utf8').trim()
    if (token === '')
      return [wrong('tokens', `${subject} is empty`, `write a token into it: \`openssl rand -hex 32 > ${file}\``)]
    if ((mode & OTHERS) === 0) return [good('tokens', `${subject} is readable by its owner alone`)]
    return [faulty('tokens', fail('E_TOKEN_OPEN', { subject, file, mode: (mode & 0o777).toString(8) }))]
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (variable === null && code === 'ENOENT') return []
    if (code === 'ENOENT')
      return [wrong('tokens', `${subject}: there is no such file`, 'make it, or unset the variable')]
    const remedy = 'run this as the user that runs the worker, or give that user the file'
    return [
      variable === null
        ? notice('tokens', `${subject}: ${message}`, remedy)
        : wrong('tokens', `${subject}: ${message}`, remedy),
    ]
  }
}
