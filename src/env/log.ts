/** What the worker tells an operator. Codes are stable; fields carry no secrets and no record contents. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>

export interface Log {
  debug(code: string, fields?: LogFields): void
  info(code: string, fields?: LogFields): void
  warn(code: string, fields?: LogFields): void
  error(code: string, fields?: LogFields): void
}
