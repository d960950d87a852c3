/** Tokens come from files or the environment, never from flags, which every user of the machine can see. */
import { readFileSync } from 'node:fs'
import { fail } from '../base/errors.ts'

/** The token in `file`, in the file of POTOROO_TOKEN_FILE, or in POTOROO_TOKEN; `null` where there is none. */
export function readToken(file: string | undefined = process.env.POTOROO_TOKEN_FILE): string | null {
  if (file === undefined) return process.env.POTOROO_TOKEN ?? null
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw fail('E_FILE', { operation: 'read', path: file, reason: (error as Error).message }, error)
  }
}

/** What workers of one cluster show each other: from POTOROO_CLUSTER_TOKEN_FILE or POTOROO_CLUSTER_TOKEN. */
export function readClusterToken(): string | null {
  const { POTOROO_CLUSTER_TOKEN_FILE: file, POTOROO_CLUSTER_TOKEN: token } = process.env
  return file === undefined ? (token ?? null) : readToken(file)
}

/** What producers of acked sources have to show: from POTOROO_SOURCE_TOKEN_FILE or POTOROO_SOURCE_TOKEN; else nothing. */
export function readSourceToken(): string | null {
  const { POTOROO_SOURCE_TOKEN_FILE: file, POTOROO_SOURCE_TOKEN: token } = process.env
  return file === undefined ? (token ?? null) : readToken(file)
}
