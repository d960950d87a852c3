/**
 * How commands speak to the worker that runs: its data folder says where it listens and where its tokens are.
 *
 * The folder is the one of `--data`; else, in `.potoroo` of the current folder, the one whose worker is alive.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { type Command, Option } from 'commander'
import { type ControlFile, readControlFile } from '../admin/control-file.ts'
import { type Details, type ErrorCode, errorTable, fail, PotorooError } from '../base/errors.ts'
import { readToken } from './token.ts'

/** Where `run` and `worker` put their data folders. */
export const FOLDERS = '.potoroo'

export interface ControlFlags {
  readonly data?: string
  readonly control?: string
  readonly tokenFile?: string
  readonly json?: true
}

/** Adds the options that every command has which speaks to a worker. */
export function addControlOptions(command: Command): Command {
  return command
    .option('--data <folder>', 'the data folder of the worker (default: the one that runs below .potoroo)')
    .addOption(new Option('--control <address>', 'the control API of a worker elsewhere').env('POTOROO_CONTROL'))
    .option('--token-file <file>', 'the token, where the data folder is not at hand')
    .option('--json', 'as JSON')
}

export interface ControlClient {
  readonly address: string
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  remove(path: string): Promise<void>
}

/** Finds the worker. Rejects with `E_NO_WORKER`, `E_WHICH_WORKER` or `E_FILE`. */
export async function findWorker(flags: ControlFlags): Promise<ControlClient> {
  if (flags.control !== undefined) {
    const token = readToken(flags.tokenFile)
    if (token === null) throw fail('E_CONTROL_DENIED', { reason: 'a token is needed' })
    return clientOf(flags.control, token)
  }
  const { data, file } = flags.data === undefined ? await findFolder() : openFolder(flags.data)
  const token = readToken(flags.tokenFile) ?? tokenIn(file)
  return clientOf(file.address, token, data)
}

interface Folder {
  readonly data: string
  readonly file: ControlFile
}

function openFolder(data: string): Folder {
  const file = readControlFile(data)
  if (file === null) throw fail('E_NO_WORKER', { data })
  return { data, file }
}

/** The folder below `.potoroo` whose worker answers. */
async function findFolder(): Promise<Folder> {
  const alive: Folder[] = []
  for (const name of folders()) {
    const data = `${FOLDERS}/${name}`
    const file = readControlFile(data)
    if (file !== null && (await isAlive(file.address))) alive.push({ data, file })
  }
  const [only, ...others] = alive
  if (only === undefined) throw fail('E_NO_WORKER', { data: `a folder below ${FOLDERS}` })
  if (others.length > 0) throw fail('E_WHICH_WORKER', { folders: alive.map(({ data }) => data).join(', ') })
  return only
}

function folders(): readonly string[] {
  try {
    return readdirSync(FOLDERS)
  } catch {
    return []
  }
}

async function isAlive(address: string): Promise<boolean> {
  try {
    return (await call(address, 'GET', '/healthz', '', null)).status === 200
  } catch {
    return false
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
  const ask = async <T>(method: string, path: string, body: unknown): Promise<T> => {
    const answer = await call(address, method, path, token, body).catch((error: NodeJS.ErrnoException) => {
      if (data !== undefined && error.code === 'ECONNREFUSED') throw fail('E_NO_WORKER', { data }, error)
      throw fail('E_CONTROL', { address, reason: error.message }, error)
    })
    if (answer.status === 200) return JSON.parse(answer.text) as T
    throw errorOf(answer.text, address)
  }
  return {
    address,
    get: (path) => ask('GET', path, null),
    post: (path, body = null) => ask('POST', path, body),
    remove: (path) => ask('DELETE', path, null),
  }
}

function call(
  address: string,
  method: string,
  path: string,
  token: string,
  body: unknown,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` }
    if (body !== null) headers['content-type'] = 'application/json'
    const asked = request(`http://${address}${path}`, { method, headers, agent: false }, (response) => {
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

/** A part of a path. */
export const part = encodeURIComponent
