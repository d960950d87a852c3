/**
 * How commands speak to the worker that runs: its data folder says where it listens and where its tokens are.
 *
 * The folder is the one of `--data`; else one whose worker is alive, of the setting `data` and of those in `.potoroo`
 * of the current folder.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type Command, Option } from 'commander'
import { type ControlFile, readControlFile } from '../admin/control-file.ts'
import type { WorkerView } from '../admin/view.ts'
import { showAddress } from '../base/address.ts'
import { type Details, type ErrorCode, errorTable, fail, PotorooError } from '../base/errors.ts'
import { inShell } from '../base/shell.ts'
import { http } from '../env/real/node-http.ts'
import { addressOf } from './address.ts'
import { Waiting } from './progress.ts'
import { readSettings } from './settings.ts'
import { readToken } from './token.ts'

/** Where `run` and `worker` put their data folders. */
export const FOLDERS = '.potoroo'
const BELOW = `a folder below ${FOLDERS}`

export interface ControlFlags {
  readonly data?: string
  readonly control?: string
  readonly tokenFile?: string
  readonly json?: true
}

/** Adds the options that every command has which speaks to a worker. */
export function addControlOptions(command: Command): Command {
  return command
    .option(
      '--data <folder>',
      'the data folder of the worker (default: the one that runs, in the folder of the settings or below .potoroo)',
    )
    .addOption(new Option('--control <address>', 'the control API of a worker elsewhere').env('POTOROO_CONTROL'))
    .option('--token-file <file>', 'the token, where the data folder is not at hand')
    .option('--json', 'as JSON')
}

/**
 * The data folder that a worker would have here by its settings; `undefined` where they name none. Throws `E_CONFIG`.
 */
export function dataSetting(): string | undefined {
  return readSettings({}, process.env, undefined).data
}

/** How long a worker may take to say that it is there, in milliseconds. */
const ALIVE_MS = 2000

export interface ControlClient {
  readonly address: string
  /** `ms`: how long the answer may take; without it, as long as it takes. */
  get<T>(path: string, ms?: number): Promise<T>
  /** `what`: what there is to wait for, in words for a person; `null` where nothing is said of it. */
  post<T>(path: string, body?: unknown, ms?: number, what?: string | null): Promise<T>
  remove(path: string): Promise<void>
}

/** Which worker is meant, of several. */
export interface Sought {
  /** The one with this name. */
  readonly worker?: string | undefined
  /** The one that runs this pipeline: `run` names a folder after it. */
  readonly pipeline?: string | undefined
}

/** Every worker that can be asked: those of one cluster, or the one of `--control`. Rejects as `findWorker` does. */
export async function findWorkers(flags: ControlFlags, sought: Sought = {}): Promise<readonly ControlClient[]> {
  if (flags.control !== undefined) return [await findWorker(flags)]
  const folders = await findFolders(flags.data, sought)
  return folders.map(({ data, file }) => clientOf(file.address, readToken(flags.tokenFile) ?? tokenIn(file), data))
}

/**
 * Finds the worker. Rejects with `E_NO_WORKER`, `E_WORKER_SILENT`, `E_OTHER_WORKERS`, `E_WHICH_WORKER` or `E_FILE`.
 */
export async function findWorker(flags: ControlFlags, sought: Sought = {}): Promise<ControlClient> {
  if (flags.control !== undefined) {
    const address = showAddress(addressOf(flags.control))
    const token = readToken(flags.tokenFile)
    if (token === null) throw fail('E_CONTROL_DENIED', { reason: 'a token is needed' })
    return clientOf(address, token)
  }
  const [{ data, file }] = await findFolders(flags.data, sought)
  const token = readToken(flags.tokenFile) ?? tokenIn(file)
  return clientOf(file.address, token, data)
}

interface Folder {
  readonly data: string
  readonly file: ControlFile
}

/**
 * The folders of workers that answer: `data` itself or one below it, else the one of the settings or one below
 * `.potoroo`. Of the workers of one cluster, any that is ready will do, and else any.
 */
async function findFolders(data: string | undefined, sought: Sought): Promise<[Folder, ...Folder[]]> {
  const own = data === undefined ? null : readControlFile(data)
  if (own !== null) return [{ data: data!, file: own }]
  const setting = data === undefined ? dataSetting() : undefined
  const below =
    data === undefined
      ? [setting ?? [], subfolders(FOLDERS)].flat().flatMap((path) => [path, ...subfolders(path)])
      : subfolders(data)
  const written = below.flatMap((path) => {
    const file = readControlFile(path)
    return file === null ? [] : [{ data: path, file }]
  })
  const answers = await Promise.all(written.map(({ file }) => healthOf(file.address)))
  // One that has not come in yet, or was cut off, knows less than the others.
  const heard = (['ready', 'alive'] as const).flatMap((health) => written.filter((_, i) => answers[i] === health))
  const all = await withoutStrangers(heard)
  const silent = written.filter((_, i) => answers[i] === 'silent')
  const { worker, pipeline } = sought
  const missed = silent.filter(
    ({ data: folder, file }) => file.worker === worker || (file.store === null && basename(folder) === pipeline),
  )
  if (missed.length > 0) throw silentOf(missed)
  if (all.length === 0 && silent.length > 0) throw silentOf(silent)
  if (all.length === 0) throw fail('E_NO_WORKER', { data: data ?? [setting ?? [], BELOW].flat().join(' or ') })
  const alive = all.filter(({ file }) => worker === undefined || file.worker === worker)
  const [first, ...others] = alive
  if (first === undefined) {
    throw fail('E_OTHER_WORKERS', { worker, known: all.map(({ file }) => file.worker).join(', ') })
  }
  if (others.every(({ file }) => file.store !== null && file.store === first.file.store)) return [first, ...others]
  const meant = alive.find((one) => basename(one.data) === pipeline)
  if (meant === undefined) throw fail('E_WHICH_WORKER', { folders: alive.map((one) => one.data).join(', ') })
  return [meant]
}

/** What to say of workers that are there and do not answer: not that there is none, or somebody starts another one. */
function silentOf(folders: readonly Folder[]): PotorooError {
  const workers = folders.map(({ file }) => `${file.worker} (process ${file.pid}, ${file.address})`).join(', ')
  return fail('E_WORKER_SILENT', { workers, seconds: ALIVE_MS / 1000 })
}

/**
 * Of several folders that name one address, that of the worker which listens there: the others were left by one that
 * was killed, or are those of other machines, where an address such as 0.0.0.0 is another place.
 */
async function withoutStrangers(folders: readonly Folder[]): Promise<readonly Folder[]> {
  const named = [...Map.groupBy(folders, ({ file }) => file.address).values()]
  const strangers = named.map(async (some) => {
    if (some.length === 1) return []
    const own = await Promise.all(some.map(({ file }) => isOf(file)))
    const first = Math.max(0, own.indexOf(true))
    return some.filter((_, i) => i !== first)
  })
  const wrong = (await Promise.all(strangers)).flat()
  return folders.filter((folder) => !wrong.includes(folder))
}

/** Whether it is the worker of `file` that listens at its address. */
async function isOf(file: ControlFile): Promise<boolean> {
  try {
    const { status, text } = await call(file.address, 'GET', '/v1/worker', tokenIn(file), null, ALIVE_MS)
    return status === 200 && (JSON.parse(text) as WorkerView).incarnation === file.incarnation
  } catch {
    return false
  }
}

/** The folders in the one at `path`; none where there is no such folder. */
export function subfolders(path: string): readonly string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${path}/${name}`)
  } catch {
    return []
  }
}

/** Whether a worker answers at `address`. */
export async function isAlive(address: string): Promise<boolean> {
  const health = await healthOf(address)
  return health === 'ready' || health === 'alive'
}

/** `silent`: something is there, and has not answered in time: a step blocks it, or its process is stopped. */
async function healthOf(address: string): Promise<'ready' | 'alive' | 'silent' | 'gone'> {
  try {
    const { status } = await call(address, 'GET', '/readyz', '', null, ALIVE_MS)
    return status === 200 ? 'ready' : status === 503 ? 'alive' : 'gone'
  } catch (error) {
    return (error as Error).name === 'AbortError' ? 'silent' : 'gone'
  }
}

/** The admin's token where this user may read it, else the one for looking. */
function tokenIn(file: ControlFile): string {
  for (const path of [file.adminToken, file.readToken]) {
    try {
      return readFileSync(path, 'utf8').trim()
    } catch {}
  }
  throw fail('E_FILE', { operation: 'read', path: file.adminToken, reason: 'no token there' })
}

function clientOf(address: string, token: string, data?: string): ControlClient {
  const ask = async <T>(method: string, path: string, body: unknown, ms?: number, what?: string | null): Promise<T> => {
    const waiting = what === null ? null : new Waiting(what ?? `waits for the worker at ${address}`)
    const answer = await call(address, method, path, token, body, ms)
      .catch((error: NodeJS.ErrnoException) => {
        if (data !== undefined && error.code === 'ECONNREFUSED') throw fail('E_NO_WORKER', { data }, error)
        throw fail('E_CONTROL', { address, reason: error.message }, error)
      })
      .finally(() => waiting?.end())
    if (answer.status === 200) return JSON.parse(answer.text) as T
    throw errorOf(answer.text, address)
  }
  return {
    address,
    get: (path, ms) => ask('GET', path, null, ms),
    post: (path, body = null, ms = undefined, what = undefined) => ask('POST', path, body, ms, what),
    remove: (path) => ask('DELETE', path, null),
  }
}

function call(
  address: string,
  method: string,
  path: string,
  token: string,
  body: unknown,
  ms?: number,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` }
    if (body !== null) headers['content-type'] = 'application/json'
    const signal = ms === undefined ? undefined : AbortSignal.timeout(ms)
    // In a URL a part of the path that is `..` would be a way up.
    const asked = http.request(`http://${address}`, { path, method, headers, agent: false, signal }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    asked.on('error', reject)
    asked.end(body === null ? undefined : JSON.stringify(body))
  })
}

/** The error that the worker answered, as if it had been thrown here. */
function errorOf(text: string, address: string): Error {
  try {
    const { error } = JSON.parse(text) as { error: { code: string | null; message: string; details: Details } }
    if (error.code !== null && error.code in errorTable) return new PotorooError(error.code as ErrorCode, error.details)
    return fail('E_CONTROL', { address, reason: error.message })
  } catch (cause) {
    return fail('E_CONTROL', { address, reason: 'it does not speak the control API' }, cause)
  }
}

/** What is waited for where a checkpoint may not come about. */
export function forCheckpoint(pipeline: string): string {
  return `waits for a checkpoint; \`potoroo status ${inShell(pipeline)}\` shows what is late`
}

/** A part of a path. */
export const part = encodeURIComponent
