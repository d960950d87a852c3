/**
 * A manifest: what one epoch of one pipeline consists of. Immutable, written once every worker has saved its part; it
 * counts once an epoch record in the chain names it.
 *
 * M1. A manifest names every pack that its epoch needs, also those of earlier epochs: whoever has it can restore.
 * M2. `serial` is one more than its base's, and packs that the rotation no longer needs are left out (`rotation.ts`,
 *     Q2). So are those whose loss was accepted, once every worker has written in full what it owns.
 * M3. What sources and sinks put in is plain JSON of their own; nothing here looks into it.
 * M4. Dead letters lie in files of their own beside the packs. Their part of the sinks says in which, and an epoch
 *     needs these files as it needs its packs.
 */
import type { Json } from '../base/json.ts'
import type { EpochEntry } from './cluster.ts'
import { damagedWhole, type Examined } from './damage.ts'
import { type Format, Sealing, seal, unseal } from './envelope.ts'
import type { Run } from './layout.ts'
import type { PackHandle } from './pack-format.ts'
import { hasTurned, isNeeded } from './rotation.ts'

/** A step that has state, sources and sinks included. */
export interface StepEntry {
  readonly step: string
  readonly kind: string
  /** What the program calls it, where `kind` does not tell; earlier releases did not say it. */
  readonly as?: string
  /** The version of its state's schema. */
  readonly schema: number
  /** The serial of the first epoch that it was part of. */
  readonly since: number
  /** Where not all states have been written since they have that version. */
  readonly older?: OlderSchema
}

/** The oldest version that a state may still have in the packs, and the serial since which none is written with it. */
export interface OlderSchema {
  readonly schema: number
  readonly until: number
}

export interface PackEntry extends PackHandle {
  readonly worker: string
  readonly epoch: number
  readonly serial: number
}

/**
 * The part of the sinks that is a list of the dead letters' files (M4). No step has a name that begins with a space.
 */
export const LETTERS_PART = ' dead letters'

/** What a source or a sink of one worker saves in a manifest (M3). */
export interface PartEntry {
  readonly step: string
  readonly worker: string
  /**
   * To what it means something (`ManifestFrame`); earlier releases did not say it, and the letters' part does not need
   * it.
   */
  readonly of?: string
  readonly snapshot: Json
}

export interface Counts {
  readonly keys: number
  readonly records: number
}

export interface Manifest {
  readonly pipeline: string
  readonly run: number
  /** The program that ran. */
  readonly hash: string
  readonly generation: number
  readonly epoch: number
  /** How many complete epochs there are with this one, void ones left out. */
  readonly serial: number
  /** Shares of the rotation (`rotation.ts`, Q3). */
  readonly rotation: number
  readonly keyGroups: number
  /** The epoch that it follows, `null` for the first. */
  readonly base: number | null
  /** Wall time of its completion, in milliseconds since 1970; for people. */
  readonly timeMs: number
  readonly steps: readonly StepEntry[]
  readonly packs: readonly PackEntry[]
  readonly sources: readonly PartEntry[]
  readonly sinks: readonly PartEntry[]
  readonly counts: Counts
}

/** What one worker has saved of an epoch: the content of its acknowledgement. */
export interface Snapshot {
  /** `null` where nothing has changed. */
  readonly pack: PackHandle | null
  readonly sources: readonly { readonly step: string; readonly snapshot: Json }[]
  readonly sinks: readonly { readonly step: string; readonly snapshot: Json }[]
  readonly counts: Counts
  /** Packs of the base that are lost, and that this worker does without from now on (M2). */
  readonly lostPacks?: readonly string[]
}

const format: Format = { kind: 'manifest', version: 1 }

/** What all epochs of a pipeline have in common within a generation. */
export interface ManifestFrame extends Run {
  readonly hash: string
  readonly generation: number
  readonly keyGroups: number
  /** Shares of the rotation of a pipeline that has no epoch yet (`rotation.ts`, Q3). */
  readonly rotation: number
  /** Steps that have state; `since` and `older` come from the base. */
  readonly steps: readonly Omit<StepEntry, 'since' | 'older'>[]
  /** What the parts of sources and sinks are of, by step: something else under that name could not read them. */
  readonly connectors: ReadonlyMap<string, string>
}

/** The serial of the epoch that follows `base`. */
export function serialAfter(base: Manifest | null): number {
  return (base?.serial ?? 0) + 1
}

/** The manifest of `epoch`, which follows `base`, from what each worker has saved (M1, M2). */
export function makeManifest(
  frame: ManifestFrame,
  base: Manifest | null,
  epoch: number,
  timeMs: number,
  snapshots: ReadonlyMap<string, Snapshot>,
): Manifest {
  const { pipeline, run, hash, generation, keyGroups } = frame
  const serial = serialAfter(base)
  const rotation = base?.rotation ?? frame.rotation
  const before = new Map(base?.steps.map((step) => [step.step, step]))
  const lost = lostToAll([...snapshots.values()])
  const packs = base?.packs.filter(({ serial: of, path }) => isNeeded(of, serial, rotation) && !lost.has(path)) ?? []
  const sources: PartEntry[] = []
  const sinks: PartEntry[] = []
  const of = (step: string): Pick<PartEntry, 'of'> => {
    const sort = frame.connectors.get(step)
    return sort === undefined ? {} : { of: sort }
  }
  let keys = 0
  let records = 0
  for (const [worker, snapshot] of snapshots) {
    if (snapshot.pack !== null) packs.push({ ...snapshot.pack, worker, epoch, serial })
    for (const part of snapshot.sources) sources.push({ ...part, worker, ...of(part.step) })
    for (const part of snapshot.sinks) sinks.push({ ...part, worker, ...of(part.step) })
    keys += snapshot.counts.keys
    records += snapshot.counts.records
  }
  return {
    ...{ pipeline, run, hash, generation, epoch, serial, rotation, keyGroups, base: base?.epoch ?? null, timeMs },
    steps: frame.steps.map((step) => stepAfter(before.get(step.step), step, serial, rotation)),
    packs,
    sources,
    sinks,
    counts: { keys, records },
  }
}

/** Packs that nobody needs any more of those who saved `snapshots` (M2). */
function lostToAll(snapshots: readonly Snapshot[]): ReadonlySet<string> {
  const named = snapshots.flatMap(({ lostPacks = [] }) => lostPacks)
  return new Set(named.filter((path) => snapshots.every(({ lostPacks }) => lostPacks?.includes(path))))
}

/** The entry of `step` in the epoch of `serial`, which follows one with the entry `before`. */
function stepAfter(
  before: StepEntry | undefined,
  step: ManifestFrame['steps'][number],
  serial: number,
  rotation: number,
): StepEntry {
  if (before === undefined) return { ...step, since: serial }
  const { since, schema } = before
  const older = before.older === undefined || hasTurned(before.older.until, serial, rotation) ? null : before.older
  if (schema !== step.schema) return { ...step, since, older: { schema: older?.schema ?? schema, until: serial } }
  return older === null ? { ...step, since } : { ...step, since, older }
}

/** `manifest` on its way to what `encodeManifest` makes of it. */
export function sealManifest(manifest: Manifest): Sealing {
  return new Sealing(format, textsOf(manifest))
}

/** Rows, or places, that are written down at a time. */
const AT_ONCE = 128

/** The JSON of `manifest`, in parts: what a source has saved names every producer, or every file. */
function* textsOf(manifest: Manifest): Generator<string, void> {
  let mark = '{'
  for (const [name, value] of Object.entries(manifest)) {
    yield `${mark}${JSON.stringify(name)}:`
    if (name === 'sources') yield* sourcesOf(value as Manifest['sources'])
    else yield JSON.stringify(value)
    mark = ','
  }
  yield '}'
}

function* sourcesOf(sources: Manifest['sources']): Generator<string, void> {
  let mark = '['
  for (const { snapshot, ...part } of sources) {
    yield `${mark}${JSON.stringify(part).slice(0, -1)},"snapshot":`
    yield* snapshotOf(snapshot)
    yield '}'
    mark = ','
  }
  yield mark === '[' ? '[]' : ']'
}

function* snapshotOf(snapshot: Json): Generator<string, void> {
  if (typeof snapshot !== 'object' || snapshot === null) return yield JSON.stringify(snapshot)
  const [begin, end] = Array.isArray(snapshot) ? '[]' : '{}'
  const all: readonly unknown[] = Array.isArray(snapshot) ? snapshot : Object.entries(snapshot)
  yield begin!
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const some = all.slice(at, at + AT_ONCE)
    const text = JSON.stringify(Array.isArray(snapshot) ? some : Object.fromEntries(some as [string, Json][]))
    yield `${at === 0 ? '' : ','}${text.slice(1, -1)}`
  }
  yield end!
}

export function encodeManifest(manifest: Manifest): Buffer {
  return seal(format, manifest)
}

/** The manifest at `path`, which `bytes` are, `null` where nothing stood there. */
export function decodeManifest(path: string, bytes: Buffer | null): Examined<Manifest> {
  if (bytes === null) return damagedWhole(path, 'it is absent')
  const unsealed = unseal<Manifest>(format, path, bytes)
  if (unsealed.kind === 'newer') return { kind: 'failed', error: unsealed.error }
  if (unsealed.kind === 'damaged') return damagedWhole(path, unsealed.reason)
  return { kind: 'intact', value: unsealed.value }
}

/** The files of dead letters that `part` names (M4): none where it is another's part. */
export function letterFilesOf({ step, snapshot }: PartEntry): readonly string[] {
  return step === LETTERS_PART && Array.isArray(snapshot) ? (snapshot as readonly string[]) : []
}

/** Whether `manifest` is the one that `entry` means, and not another's bytes at its path. */
export function isManifestOf(manifest: Manifest, pipeline: string, entry: EpochEntry): boolean {
  const { epoch, generation } = manifest
  return manifest.pipeline === pipeline && epoch === entry.epoch && generation === entry.generation
}
