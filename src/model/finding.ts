/** What the validator says. */

/** One complaint: what is wrong, and what to do about it. */
export interface Finding {
  /** The step's name, or `null` where it is about the whole pipeline. */
  readonly step: string | null
  readonly what: string
  readonly hint: string
}

/** `  count: there are two steps of this name; give one another name` */
export function showFinding({ step, what, hint }: Finding): string {
  return `  ${step === null ? '' : `${step}: `}${what}; ${hint}`
}
