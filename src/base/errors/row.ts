/** What every part of the table of errors consists of. */

export type ErrorKind = 'user' | 'operational' | 'protocol' | 'invariant'

export interface ErrorRow {
  readonly kind: ErrorKind
  /** One sentence; `{name}` is replaced by the detail of that name. */
  readonly what: string
  /** What the reader should do next; may use details too. */
  readonly remedy: string
}

/** Rows by code. */
export type ErrorRows = Readonly<Record<`E_${string}`, ErrorRow>>
