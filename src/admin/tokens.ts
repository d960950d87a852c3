/**
 * The tokens of the control API: one that may do everything, one that may only look. Made at the first start, each in a
 * file that only its owner can read, and kept over restarts.
 *
 * K1. A token is compared in constant time, and with both, whichever fits: an answer's time says nothing.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fail } from '../base/errors.ts'
import { isSendable, sameSecret } from '../base/secret.ts'

/** What a token allows. Submitting runs code, so it needs `admin`. */
export type Right = 'read' | 'admin'

const TOKEN_BYTES = 32
const OWNER_ONLY = 0o600

export interface Tokens {
  /** Files of the tokens, by right. */
  readonly files: Readonly<Record<Right, string>>
  /** What the holder of `given` may do, `null` for a stranger. */
  rightOf(given: string): Right | null
}

/** The tokens in the data folder `data`, made where they are absent. Throws `E_FILE`. */
export function openTokens(data: string): Tokens {
  const files = { admin: `${data}/admin.token`, read: `${data}/read.token` }
  const admin = openToken(files.admin)
  const read = openToken(files.read)
  return {
    files,
    rightOf(given) {
      const isAdmin = sameSecret(given, admin)
      const isRead = sameSecret(given, read)
      return isAdmin ? 'admin' : isRead ? 'read' : null
    },
  }
}

/**
 * Writes a token to `file` where there is none: a new one, or `token`. Whole or not at all, since a disk that fills, or
 * a power that fails, would leave an empty one, by which nobody starts. Throws `E_FILE`.
 */
export function makeToken(file: string, token = randomBytes(TOKEN_BYTES).toString('base64url')): void {
  if (existsSync(file)) return
  const draft = `${file}.new`
  try {
    writeFileSync(draft, `${token}\n`, { mode: OWNER_ONLY, flush: true })
    renameSync(draft, file)
  } catch (error) {
    throw fail('E_FILE', { operation: 'write', path: file, reason: (error as Error).message }, error)
  }
}

function openToken(file: string): string {
  makeToken(file)
  try {
    const token = readFileSync(file, 'utf8').trim()
    if (token.length >= TOKEN_BYTES && isSendable(token)) return token
  } catch (error) {
    throw fail('E_FILE', { operation: 'open', path: file, reason: (error as Error).message }, error)
  }
  const reason = `a token has ${TOKEN_BYTES} characters or more, without spaces, that a header can carry`
  throw fail('E_FILE', { operation: 'use', path: file, reason })
}
