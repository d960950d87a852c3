/** What `doctor` finds: each check answers findings, good ones too, so that it shows what it has looked at. */
import type { PotorooError } from '../../base/errors.ts'

/** `good`: as it should be; `notice`: works, and a person should know; `wrong`: something will fail. */
export type Verdict = 'good' | 'notice' | 'wrong'

export interface Finding {
  readonly verdict: Verdict
  /** What was looked at: a public name. */
  readonly check: string
  readonly what: string
  /** What to do; empty where it is good. */
  readonly remedy: string
  /** As a worker would say it. */
  readonly error?: PotorooError
}

/** What is an error where a worker meets it. */
export function faulty(check: string, error: PotorooError, verdict: Verdict = 'wrong'): Finding {
  return { verdict, check, what: error.message, remedy: error.remedy, error }
}

export function good(check: string, what: string): Finding {
  return { verdict: 'good', check, what, remedy: '' }
}

export function notice(check: string, what: string, remedy: string): Finding {
  return { verdict: 'notice', check, what, remedy }
}

export function wrong(check: string, what: string, remedy: string): Finding {
  return { verdict: 'wrong', check, what, remedy }
}
