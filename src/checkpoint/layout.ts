/**
 * Where everything lies in the store: the only place that formats a path.
 *
 *     cluster                                            what was fixed when the cluster was made
 *     chain/<n>                                          the chain (PROTOCOLS 1)
 *     pipelines/<pipeline>/<run>/manifests/<epoch>-<generation>
 *     pipelines/<pipeline>/<run>/packs/<epoch>-<generation>-<run>-<incarnation>-<worker>
 *     pipelines/<pipeline>/<run>/letters/<epoch>-<generation>-<worker>     dead letters
 *     pipelines/<pipeline>/savepoints/<name>/manifest    and what it names: packs and dead letters, under the same names
 *     bundles/<hash>                                     a pipeline's program
 *     sealed/<worker>/<incarnation>                      the seal on a journal (PROTOCOLS 2, S8)
 *     beat/<worker>                                      a hint: who hears whom (PROTOCOLS 4)
 *     tmp/<worker>.<incarnation>.<nonce>                 the `file:` driver's own
 *
 * W1. Names that users give are escaped, so that two names never share a path, also where upper and lower case are one.
 * W2. Numbers have leading zeros: byte order is numeric order.
 */
import { fail } from '../base/errors.ts'
import { inFileName, OWN_NAME_BYTES } from '../base/file-name.ts'

export const CLUSTER = 'cluster'
export const CHAIN = 'chain'
export const PIPELINES = 'pipelines'
export const BEATS = 'beat'
export const TEMPORARY = 'tmp'

/** `name` in the letters of a path (W1). Throws `E_STORE_NAME` where that is too long for a file, or nothing. */
export function escapeName(name: string): string {
  const escaped = inFileName(name)
  if (escaped.length > OWN_NAME_BYTES || escaped.length === 0)
    throw fail('E_STORE_NAME', { name, limit: OWN_NAME_BYTES })
  return escaped
}

/** The name that `escapeName` made into `escaped`. */
export function unescapeName(escaped: string): string {
  return escaped.replace(/%u([0-9a-f]{4})|(?:%[0-9a-f]{2})+/g, (bytes, half: string | undefined) => {
    if (half !== undefined) return String.fromCharCode(Number.parseInt(half, 16))
    return Buffer.from(bytes.replaceAll('%', ''), 'hex').toString('utf8')
  })
}

/**
 * Whether `escapeName` makes `escaped` of some name: what else lies in a folder of such names is somebody's, and not
 * ours.
 */
export function isEscapedName(escaped: string): boolean {
  const { length } = escaped
  return length > 0 && length <= OWN_NAME_BYTES && inFileName(unescapeName(escaped)) === escaped
}

/** The folder of `path`, `''` for a name at the root. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

export function chainRecord(n: number): string {
  return `${CHAIN}/${padded(n)}`
}

/** Which pipeline: its name, and the number of the record that submitted it. */
export interface Run {
  readonly pipeline: string
  readonly run: number
}

function runFolder({ pipeline, run }: Run): string {
  return `${PIPELINES}/${escapeName(pipeline)}/${padded(run)}`
}

export function manifestFolder(run: Run): string {
  return `${runFolder(run)}/manifests`
}

export function manifest(run: Run, generation: number, epoch: number): string {
  return `${manifestFolder(run)}/${padded(epoch)}-${padded(generation)}`
}

export function packFolder(run: Run): string {
  return `${runFolder(run)}/packs`
}

export function letterFolder(run: Run): string {
  return `${runFolder(run)}/letters`
}

export function letterFile(run: Run, epoch: number, generation: number, worker: string): string {
  return `${letterFolder(run)}/${padded(epoch)}-${padded(generation)}-${escapeName(worker)}`
}

/** The folders of a run, each behind those in it. */
export function foldersOf(run: Run): readonly string[] {
  return [manifestFolder(run), packFolder(run), letterFolder(run), runFolder(run)]
}

/** Who has written a file of dead letters with this name, and in which generation; `null` for a name that is none. */
export function letterWriterOf(name: string): { readonly worker: string; readonly generation: number } | null {
  const [, generation, worker] = /^\d+-(\d+)-(.+)$/.exec(name) ?? []
  return worker === undefined ? null : { worker: unescapeName(worker), generation: Number(generation) }
}

/** Which pack of a pipeline. */
export interface PackName {
  readonly epoch: number
  readonly generation: number
  readonly worker: string
  readonly incarnation: string
}

/**
 * A name that no other run gives, either: a run that began with a savepoint has packs of both, and so has its own
 * savepoint.
 */
export function pack(run: Run, name: PackName): string {
  const { epoch, generation, incarnation, worker } = name
  const numbers = `${padded(epoch)}-${padded(generation)}-${padded(run.run)}`
  return `${packFolder(run)}/${numbers}-${incarnation}-${escapeName(worker)}`
}

/** The epoch in the name of a manifest, a pack or a file of dead letters, `null` for a name that is none of them. */
export function epochOf(name: string): number | null {
  const digits = /^(\d{10,})-\d{10,}(-|$)/.exec(name)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** The number in the name of a chain record or of a run's folder, `null` for a name that is none. */
export function chainNumberOf(name: string): number | null {
  return /^\d{10,}$/.test(name) ? Number(name) : null
}

export function savepointFolder(pipeline: string, savepoint: string): string {
  return `${PIPELINES}/${escapeName(pipeline)}/savepoints/${escapeName(savepoint)}`
}

/** The object that makes a savepoint: it stands where everything else of it is in its place. */
export function savepointManifest(pipeline: string, savepoint: string): string {
  return `${savepointFolder(pipeline, savepoint)}/manifest`
}

/** Where a savepoint keeps the pack, or the file of dead letters, at `path`. */
export function savepointObject(pipeline: string, savepoint: string, path: string): string {
  return `${savepointFolder(pipeline, savepoint)}/${path.slice(path.lastIndexOf('/') + 1)}`
}

export function bundle(hash: string): string {
  return `bundles/${hash}`
}

export function seal(worker: string, incarnation: string): string {
  return `sealed/${escapeName(worker)}/${incarnation}`
}

export function beat(worker: string): string {
  return `${BEATS}/${escapeName(worker)}`
}

export function temporary(worker: string, incarnation: string, nonce: string): string {
  return `${TEMPORARY}/${temporaryPrefix(worker, incarnation)}${nonce}`
}

/** How the temporary files of a worker, or of one incarnation of it, begin. */
export function temporaryPrefix(worker: string, incarnation?: string): string {
  return incarnation === undefined ? `${escapeName(worker)}.` : `${escapeName(worker)}.${incarnation}.`
}

function padded(n: number): string {
  return String(n).padStart(10, '0')
}
