/** Tokens come from files or the environment, never from flags, which every user of the machine can see. */
import { readFileSync } from 'node:fs'
import { fail, PotorooError } from '../base/errors.ts'

/**
 * The token in `file`, in the file of POTOROO_TOKEN_FILE, or in POTOROO_TOKEN; `null` where there is none. Throws
 * `E_FILE`, and `E_CONFIG` for an empty one.
 */
export function readToken(file?: string): string | null {
  return file === undefined ? tokenOf('POTOROO_TOKEN') : tokenIn(file)
}

/** What workers of one cluster show each other: from POTOROO_CLUSTER_TOKEN_FILE or POTOROO_CLUSTER_TOKEN. */
export function readClusterToken(): string | null {
  return tokenOf('POTOROO_CLUSTER_TOKEN')
}

/** Where that stands: the file, or the variable. */
export function clusterTokenPlace(): string {
  return process.env.POTOROO_CLUSTER_TOKEN_FILE ?? 'POTOROO_CLUSTER_TOKEN'
}

/**
 * What producers of acked sources have to show: from POTOROO_SOURCE_TOKEN_FILE or POTOROO_SOURCE_TOKEN; else nothing.
 */
export function readSourceToken(): string | null {
  return tokenOf('POTOROO_SOURCE_TOKEN')
}

function tokenOf(variable: string): string | null {
  const { [variable]: token, [`${variable}_FILE`]: file } = process.env
  if (file !== undefined) return tokenIn(file)
  return token === undefined ? null : some(token, variable)
}

function tokenIn(file: string): string {
  try {
    return some(readFileSync(file, 'utf8').trim(), file)
  } catch (error) {
    if (error instanceof PotorooError) throw error
    throw fail('E_FILE', { operation: 'read', path: file, reason: (error as Error).message }, error)
  }
}

/** An empty one is shown by whoever shows none. */
function some(token: string, where: string): string {
  if (token === '') throw fail('E_CONFIG', { where, reason: 'the token in it is empty' })
  return token
}
