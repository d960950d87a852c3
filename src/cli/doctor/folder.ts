/** The data folders of workers and the store of a cluster: whose they are, what they hold, whether they can be used. */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { readControlFile } from '../../admin/control-file.ts'
import { fail, PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import { showDuration } from '../../base/time.ts'
import { decodeIdentity } from '../../checkpoint/identity.ts'
import { CHAIN, CLUSTER, chainNumberOf, PIPELINES, unescapeName } from '../../checkpoint/layout.ts'
import { decodeRecord } from '../../checkpoint/record.ts'
import { isAlive } from '../control-client.ts'
import { type Finding, faulty, good, notice, wrong } from './finding.ts'
import { examineTokens, examineTokenVariables } from './tokens.ts'
import { examineVolume } from './volume.ts'

const OTHERS = 0o077
/** Within it a time in the future is a rounding. */
const AHEAD_MS = 5000

/** A data folder, which may not be there yet. */
export async function examineData(data: string, limits: Limits): Promise<readonly Finding[]> {
  const check = 'data folder'
  if (!existsSync(data)) return couldBeMade(check, data)
  const refused = notWritable(data)
  if (refused !== null)
    return [
      wrong(
        check,
        `${data} cannot be written: ${refused}`,
        'give it to the user that runs the worker, or name another one with --data',
      ),
    ]
  const { mode } = statSync(data)
  const open =
    (mode & OTHERS) === 0
      ? []
      : [notice(check, `${data} can be entered by others (mode ${(mode & 0o777).toString(8)})`, `chmod 700 ${data}`)]
  return [
    await user(check, data),
    ...open,
    ...examineStoreContent(check, join(data, 'store')),
    ...examineTokens(data),
    ...examineVolume(check, data, limits, false),
  ]
}

/** The store that the workers of a cluster share. */
export function examineStore(store: string, limits: Limits): readonly Finding[] {
  const check = 'store'
  if (!existsSync(store)) {
    const remedy = `mount the volume that it lies on; for a new cluster make it: mkdir -p ${store}`
    return [wrong(check, `there is no folder ${store}`, remedy)]
  }
  const refused = notWritable(store)
  if (refused !== null)
    return [wrong(check, `${store} cannot be written: ${refused}`, "give every worker's user the right to write there")]
  return [...examineStoreContent(check, store), ...examineVolume(check, store, limits, true)]
}

/** What is wrong with the folders of a worker that starts, and does not keep it from starting. */
export function startWarnings(data: string, store: string = join(data, 'store')): readonly PotorooError[] {
  const found = [...examineTokens(data), ...examineTokenVariables(), ...newest('store', join(store, CHAIN))]
  return [...found.flatMap(({ error }) => error ?? []), ...readOnly(store)]
}

/** Who joins others has nothing but its beat to write there for long, and would wait in silence until it is seen. */
function readOnly(store: string): readonly PotorooError[] {
  const reason = existsSync(store) ? notWritable(store) : null
  return reason === null ? [] : [fail('E_STORE', { operation: 'write', path: store, reason })]
}

function couldBeMade(check: string, folder: string): readonly Finding[] {
  let above = resolve(folder)
  while (!existsSync(above)) above = dirname(above)
  const refused = notWritable(above)
  if (refused === null) return [good(check, `${folder} is not there yet, and can be made`)]
  return [
    wrong(
      check,
      `${folder} is not there, and cannot be made: ${refused}`,
      `make it for the user that runs the worker, or name another one`,
    ),
  ]
}

/** Why nothing can be made in `folder`, `null` where something can: asked of the file system, as rights are not all. */
function notWritable(folder: string): string | null {
  const probe = join(folder, `.doctor-${process.pid}`)
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    mkdirSync(probe, { mode: 0o700 })
    rmdirSync(probe)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

async function user(check: string, data: string): Promise<Finding> {
  const control = readControlFile(data)
  if (control === null) return good(check, `${data} is used by nobody`)
  if (await isAlive(control.address))
    return good(check, `${data} is used by worker ${control.worker}, process ${control.pid}`)
  if (!existsSync(`/proc/${control.pid}`)) return good(check, `${data} is used by nobody; its last worker was killed`)
  return notice(
    check,
    `worker ${control.worker} of ${data}, process ${control.pid}, does not answer`,
    'see its log; a step may block it',
  )
}

/** What lies in a store: its format, its pipelines, and whether it comes from a later time. */
function examineStoreContent(check: string, store: string): readonly Finding[] {
  const file = join(store, CLUSTER)
  if (!existsSync(file)) return []
  const bytes = readHere(file)
  const identity = bytes instanceof PotorooError ? bytes : decodeIdentity(file, bytes)
  if (identity instanceof PotorooError) return [wrong(check, identity.message, identity.remedy)]
  const { name, keyGroups } = identity
  const pipelines = namesIn(join(store, PIPELINES)).map(unescapeName)
  const holds = pipelines.length === 0 ? 'no pipeline' : `the state of ${pipelines.join(', ')}`
  const whose = name === '' ? '' : `cluster "${name}", `
  return [
    good(check, `${store} holds ${holds} (${whose}${keyGroups} key groups)`),
    ...newest(check, join(store, CHAIN)),
  ]
}

/** The chain's newest record: of a format that is known, and not of tomorrow. */
function newest(check: string, chain: string): readonly Finding[] {
  const last = namesIn(chain).findLast((name) => chainNumberOf(name) !== null)
  if (last === undefined) return []
  const path = join(chain, last)
  const bytes = readHere(path)
  const record = bytes instanceof PotorooError ? bytes : decodeRecord(path, Number(last), bytes)
  if (record instanceof PotorooError) return [wrong(check, record.message, record.remedy)]
  const ahead = (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) - Date.now()
  if (ahead < AHEAD_MS) return []
  const error = fail('E_CLOCK_BACK', { path: chain, ahead: showDuration(Math.round(ahead)) })
  return [faulty(check, error, 'notice')]
}

function readHere(path: string): Buffer | PotorooError {
  try {
    return readFileSync(path)
  } catch (error) {
    return fail('E_FILE', { operation: 'read', path, reason: (error as Error).message }, error)
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}
