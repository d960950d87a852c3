/**
 * Programs in the store and in the chain: what runs under which name.
 *
 * G1. A program lies in the store before a record names it: who reads the record finds it.
 * G2. No record makes more pipelines run than a message between workers can name: from then on no two of them could be
 *     linked.
 * G3. No record gives a pipeline a place that another one has, whose it stays when that is drained
 *     (`checkpoint/fold.ts`, G8). Whoever makes the record knows all that stand before it, so of two that are submitted
 *     at once one comes into the chain, whoever is asked.
 */
import { fail } from '../../base/errors.ts'
import type { Json } from '../../base/json.ts'
import type { Cluster, SinkPlace } from '../../checkpoint/cluster.ts'
import { bundle as bundlePath } from '../../checkpoint/layout.ts'
import { type ReadSeams, tryAgain } from '../../checkpoint/patience.ts'
import type { RecordBody } from '../../checkpoint/record.ts'
import type { StoreDone, StoreDoneVoid } from '../../checkpoint/store.ts'
import { writeOnce } from '../../checkpoint/write-once.ts'
import type { Log } from '../../env/log.ts'
import { MOST_PIPELINES } from '../../protocol/messages.ts'
import type { Program as LinkProgram } from '../../transport/handshake.ts'
import { faultOfHeld } from './places.ts'

/** A program, as every worker keeps it: the bundle's text and its source map. */
export interface Program {
  readonly hash: string
  readonly text: string
  readonly map: string
}

export interface ProgramSeams extends ReadSeams {
  readonly log: Log
}

const none = undefined as never

/** Puts a program into the store, or leaves it as it is where it is there already. */
export function storeProgram(seams: ProgramSeams, program: Program, done: StoreDoneVoid): void {
  const { hash, text, map } = program
  const path = bundlePath(hash)
  const bytes = Buffer.from(JSON.stringify({ text, map }))
  writeOnce(seams, path, bytes, seams.limits.storeReads, (error) => {
    if (error?.code === 'E_STORE_TAKEN') mend(seams, path, program, done)
    else done(error)
  })
}

/** What stands at `path` is the same program, with another map perhaps, or it is damaged and put right. */
function mend(seams: ProgramSeams, path: string, program: Program, done: StoreDoneVoid): void {
  const { hash, text } = program
  seams.store.read(path, (error, found) => {
    if (error !== null || (found !== null && decode(hash, found)?.text === text)) return done(error)
    seams.log.warn('bundle.mended', { path })
    // Written over it could be lost with the power, and the record that names it would stand (G1).
    seams.store.remove(path, (failed) => (failed === null ? storeProgram(seams, program, done) : done(failed)))
  })
}

/** The program with this hash; asked for again where the store does not answer. */
export function readProgram(
  seams: ReadSeams,
  hash: string,
  done: StoreDone<Program>,
  left = seams.limits.storeReads,
): void {
  const path = bundlePath(hash)
  seams.store.read(path, (error, bytes) => {
    if (error !== null) {
      const again = (still: number): void => readProgram(seams, hash, done, still)
      return tryAgain(seams, left, again, () => done(error, none))
    }
    if (bytes === null) return done(fail('E_STORE_DAMAGED', { path, reason: 'it is absent' }), none)
    const program = decode(hash, bytes)
    if (program === null) done(fail('E_BUNDLE_DAMAGED', { path }), none)
    else done(null, program)
  })
}

/**
 * A program as the store has it; `null` where `bytes` are none. Its hash is for the loader to check; of the map it says
 * nothing.
 */
function decode(hash: string, bytes: Buffer): Program | null {
  try {
    const { text, map } = JSON.parse(bytes.toString()) as Partial<Program>
    return typeof text === 'string' && typeof map === 'string' && isMap(map) ? { hash, text, map } : null
  } catch {
    return null
  }
}

/** Whether `map` can be a source map; throws where it is no JSON. */
function isMap(map: string): boolean {
  const found: unknown = JSON.parse(map)
  return typeof found === 'object' && found !== null
}

/** How a program is to take its place in the chain. */
export interface Submitted {
  readonly from: string | null
  readonly drop: readonly string[]
  /** Where its sinks write (G3). */
  readonly places: readonly SinkPlace[]
  /** It is to begin anew, for it has failed. */
  readonly again?: boolean
  /** The number of the next record when it was asked for: from there on the same program is what was asked for. */
  readonly since?: number
}

/**
 * The record that puts a program under the name of its pipeline; `null` where the chain has it already, and it is to go
 * on, and where it is to begin with a savepoint and the pipeline is there by now, too many others run (G2), or another
 * one has its place (G3).
 */
export function submitRecord(
  cluster: Cluster,
  pipeline: string,
  hash: string,
  parameters: Json,
  { from, drop, places, again, since = Infinity }: Submitted,
): RecordBody | null {
  const { pipelines, generation } = cluster
  const known = pipelines.get(pipeline)
  if (from !== null && known !== undefined) return null
  const same = known?.hash === hash && JSON.stringify(known.parameters) === JSON.stringify(parameters)
  const goesOn = same && ((!known.drained && !again && drop.length === 0) || known.submitted >= since)
  if (goesOn || !hasRoomFor(cluster, pipeline) || faultOfHeld(cluster, pipeline, places) !== null) return null
  return { kind: 'submit', generation, pipeline, hash, parameters, from, drop, places }
}

/** The record that takes `run` of a pipeline out of the cluster; `null` where it is not there, or not any more. */
export function withdrawRecord(
  { pipelines, generation }: Cluster,
  pipeline: string,
  run: number | undefined,
): RecordBody | null {
  if (run === undefined || pipelines.get(pipeline)?.run !== run) return null
  return { kind: 'submit', generation, pipeline, hash: null, parameters: null, from: null, drop: [], places: [] }
}

/** Whether `pipeline` runs already, or may (G2). */
export function hasRoomFor(cluster: Cluster, pipeline: string): boolean {
  return cluster.pipelines.get(pipeline)?.drained === false || programsOf(cluster).length < MOST_PIPELINES
}

/**
 * What runs, as handshakes compare it: pipelines by the number of their run. Those that were drained stay in the chain.
 */
export function programsOf(cluster: Cluster): readonly LinkProgram[] {
  const running = [...cluster.pipelines.values()].filter(({ drained }) => !drained)
  return running.map(({ run, hash }) => ({ pipeline: run, hash }))
}
