/**
 * Every error that a person can meet: its code, what happened, and what to do about it. Each room has its rows in a
 * file of `errors/`; this one joins them in the order of docs/errors.md, which is generated.
 *
 * E1. A code stands in one room only and is never reused for another meaning.
 * E2. `what` names the thing (file, step, port, key …), `remedy` says what to do next.
 *
 * Kinds: `user` (a pipeline, its input or a command is wrong), `operational` (the machine, the disk, the network or a
 * peer), `protocol` (another program speaks wrongly), `invariant` (a bug in Potoroo).
 */

import { checkpointErrors } from './errors/checkpoint.ts'
import { cliErrors } from './errors/cli.ts'
import { clientErrors } from './errors/client.ts'
import { codecErrors } from './errors/codec.ts'
import { connectorsErrors } from './errors/connectors.ts'
import { dataflowErrors } from './errors/dataflow.ts'
import { envErrors } from './errors/env.ts'
import { ingestErrors } from './errors/ingest.ts'
import { modelErrors } from './errors/model.ts'
import { protocolErrors } from './errors/protocol.ts'
import type { ErrorKind, ErrorRow } from './errors/row.ts'
import { stateErrors } from './errors/state.ts'
import { testingErrors } from './errors/testing.ts'
import { transportErrors } from './errors/transport.ts'
import { workerErrors } from './errors/worker.ts'
import { inShell } from './shell.ts'

export type { ErrorKind }

/** Values that stand in an error's sentences, by name. */
export type Details = Readonly<Record<string, string | number | boolean | undefined>>

export const errorTable = {
  ...envErrors,
  ...modelErrors,
  ...codecErrors,
  ...protocolErrors,
  ...stateErrors,
  ...dataflowErrors,
  ...checkpointErrors,
  ...ingestErrors,
  ...transportErrors,
  ...clientErrors,
  ...connectorsErrors,
  ...workerErrors,
  ...cliErrors,
  ...testingErrors,
} as const

export type ErrorCode = keyof typeof errorTable

/** An error of the table. `message` is the sentence that says what happened, with its details filled in. */
export class PotorooError extends Error {
  override readonly name = 'PotorooError'
  /** Stays the same from version to version; docs/errors.md explains each. */
  readonly code: ErrorCode
  readonly kind: ErrorKind
  /** What to do about it, as a sentence. */
  readonly remedy: string
  /** What the sentences name: the port, the path, the step … */
  readonly details: Details

  constructor(code: ErrorCode, details: Details = {}, cause?: unknown) {
    const row: ErrorRow = errorTable[code]
    super(fill(row.what, details), cause === undefined ? undefined : { cause })
    this.code = code
    this.kind = row.kind
    this.remedy = fill(row.remedy, details)
    this.details = details
  }
}

/** Makes the error `code` of the table: `throw fail('E_PORT_IN_USE', { port, host, by })`. */
export function fail(code: ErrorCode, details: Details = {}, cause?: unknown): PotorooError {
  return new PotorooError(code, details, cause)
}

/** What stands in a command is a word of it; one that is absent leaves no gap. */
function fill(sentence: string, details: Details): string {
  return sentence.replace(/`potoroo [^`]*`|\{(\w+)\}/g, (part, name?: string) =>
    name === undefined ? put(part, details, inShell) : put(part, details),
  )
}

function put(part: string, details: Details, form = (text: string) => text): string {
  const present = part.replace(/ \{(\w+)\}/g, (slot, name: string) => (details[name] === undefined ? '' : slot))
  return present.replace(/\{(\w+)\}/g, (_, name: string) => form(String(details[name] ?? '')))
}
