/**
 * What a test puts into a source: values, raw bytes, and marks between them that say what happens there.
 *
 * T1. Raw bytes go through the source's own framing, all of one source as one stream, and record by record through its
 *     decoder; where its peers speak in messages, each piece is one. Values enter as if a decoder had made them.
 * T2. A record's position is its place in the script, so that the same script gives the same records at the same
 *     positions in every life.
 */
import { fail } from '../base/errors.ts'
import type { Milliseconds } from '../base/time.ts'
import { Assembler } from '../connectors/assembler.ts'
import type { Framing } from '../model/connector.ts'
import { WHOLE_MESSAGES } from '../model/framing.ts'

/** What happens to one worker of several; they are numbered from 1. */
export type WorkerHappening =
  | { readonly kind: 'kill'; readonly worker: number }
  | { readonly kind: 'cut'; readonly worker: number }
  | { readonly kind: 'heal'; readonly worker: number }
  | { readonly kind: 'leave'; readonly worker: number }
  | { readonly kind: 'join' }

type Happening =
  | WorkerHappening
  | { readonly kind: 'abort' }
  | { readonly kind: 'end' }
  | { readonly kind: 'pause'; readonly ms: Milliseconds }
  | { readonly kind: 'after'; readonly step: string }

/** Something that happens between two records. */
export class Mark {
  readonly what: Happening

  constructor(what: Happening) {
    this.what = what
  }
}

/**
 * Once everything in front of the mark has been processed, the worker is killed, as by `kill -9`, and comes back; of
 * several workers all are killed at once. What is in no checkpoint is processed again.
 */
export const ABORT = new Mark({ kind: 'abort' })

/** The input ends: the pipeline makes a last checkpoint and ends in order. A new run goes on behind the mark. */
export const END = new Mark({ kind: 'end' })

/** No record comes for `ms` of simulated time: checkpoints are made, times to live run out, aggregates come due. */
export function PAUSE(ms: Milliseconds): Mark {
  if (!Number.isFinite(ms) || ms < 0) throw fail('E_TEST_INPUT', { reason: `PAUSE(${ms}): not a duration` })
  return new Mark({ kind: 'pause', ms })
}

/** No record comes until the source `step` has ended and all its records have been processed. */
export function AFTER(step: string): Mark {
  return new Mark({ kind: 'after', step })
}

/** Worker `worker`, counted from 1, is killed as soon as the source reaches this mark, and comes back. */
export function KILL(worker: number): Mark {
  return new Mark({ kind: 'kill', worker: checked('KILL', worker) })
}

/** The network of worker `worker` is cut from all others, in both directions; it still reaches the checkpoint store. */
export function CUT(worker: number): Mark {
  return new Mark({ kind: 'cut', worker: checked('CUT', worker) })
}

/** Undoes `CUT`. */
export function HEAL(worker: number): Mark {
  return new Mark({ kind: 'heal', worker: checked('HEAL', worker) })
}

/** Another worker joins. Its number is the next one. */
export const JOIN = new Mark({ kind: 'join' })

/** Worker `worker` leaves in order: it hands over what it owns to the others. */
export function LEAVE(worker: number): Mark {
  return new Mark({ kind: 'leave', worker: checked('LEAVE', worker) })
}

function checked(name: string, worker: number): number {
  if (Number.isInteger(worker) && worker >= 1) return worker
  throw fail('E_TEST_INPUT', { reason: `${name}(${worker}): workers are counted from 1` })
}

/** Bytes as they come from outside. */
export class Raw {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
}

/**
 * Text or bytes as they come from outside, with their frames: any number of records, or part of one. For a source
 * whose records are messages it is one message.
 */
export function raw(data: string | Uint8Array): Raw {
  return new Raw(Buffer.from(data as string))
}

/** Whether something in `items` happens to one worker of several. */
export function happensToWorkers(items: readonly unknown[]): boolean {
  return items.some((item) => item instanceof Mark && ('worker' in item.what || item.what.kind === 'join'))
}

/** What `marks` pause for, in milliseconds. */
export function pausesOf(marks: readonly Mark[]): number {
  return marks.reduce((sum, { what }) => sum + (what.kind === 'pause' ? what.ms : 0), 0)
}

/** The input of a source: see `testSource`. */
export interface TestSource<T> {
  readonly items: readonly (T | Raw | Mark)[]
}

/** A source that hands over `items` in order: values as its decoder would make them, `raw` bytes, and marks. */
export function testSource<T>(items: Iterable<T | Raw | Mark>): TestSource<T> {
  return { items: [...items] }
}

/** A record's bytes without their frame, which are still to be decoded. */
export class Encoded {
  readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }
}

/** A script as it is read: what has no other class is a value. */
export type Script = readonly (Encoded | Mark | unknown)[]

/**
 * Cuts the raw bytes of the source `step` into records (T1). A record that spans two pieces stands where its last byte
 * does. Throws what the framing throws, and `E_TEST_INPUT` where the bytes end inside a record.
 */
export function writeScript(step: string, items: Iterable<unknown>, framing: Framing, recordBytes: number): Script {
  const script: unknown[] = []
  const assembler = new Assembler(framing, recordBytes, (bytes, { starts, ends, count }) => {
    for (let i = 0; i < count; i++) script.push(new Encoded(Buffer.from(bytes.subarray(starts[i]!, ends[i]!))))
  })
  for (const item of items) {
    if (!(item instanceof Raw)) script.push(item)
    else if (framing.kind === WHOLE_MESSAGES) script.push(new Encoded(item.bytes))
    else assembler.push(item.bytes)
  }
  const { pending } = assembler
  if (assembler.finish()) return script
  throw fail('E_TEST_INPUT', {
    reason: `the input of "${step}" ends inside a record, of which it has ${pending} bytes`,
  })
}
