/**
 * The worker's settings: flags over environment over a file over defaults.
 *
 * G1. Every key is known, in every place: an unknown one is refused with the name that was probably meant.
 * G2. Secrets are in no flag, because flags are seen by every user of the machine.
 *
 * `control.port` in the file is `POTOROO_CONTROL_PORT` in the environment and `--control-port` on the command line.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as v from 'valibot'
import { firstOf, integer, object, oneOf, someText, trueOrFalse } from '../admin/shape.ts'
import { fail } from '../base/errors.ts'
import { defaultLimits, type Limits, makeLimits } from '../base/limits.ts'
import { nearest } from '../base/nearest.ts'

/** Read when no `--config` says otherwise and it is there. */
const CONFIG_FILE = 'potoroo.yaml'

const NAME = 'is not a name of letters, digits, dots and dashes, 100 of them at most'
const name = v.pipe(v.string(NAME), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, NAME))
const count = integer(1)

const sections = {
  control: object({
    host: v.optional(someText, '127.0.0.1'),
    port: v.optional(integer(0, 65_535), 0),
  }),
  log: object({
    level: v.optional(oneOf(['debug', 'info', 'warn', 'error', 'silent'])),
    format: v.optional(oneOf(['auto', 'json', 'pretty']), 'auto'),
  }),
  limits: object(Object.fromEntries(Object.keys(defaultLimits).map((name) => [name, v.optional(count)]))),
}

const schema = object({
  worker: v.optional(someText, 'w1'),
  data: v.optional(someText),
  cluster: v.optional(name, 'potoroo'),
  store: v.optional(someText),
  journals: v.optional(someText),
  listen: v.optional(someText, '127.0.0.1:0'),
  reach: v.optional(someText),
  expected: v.optional(count, 1),
  sharePorts: v.optional(trueOrFalse, false),
  control: v.optional(sections.control, {}),
  log: v.optional(sections.log, {}),
  limits: v.optional(sections.limits, {}),
})

export interface Settings extends Omit<v.InferOutput<typeof schema>, 'limits'> {
  readonly limits: Limits
  /** Where each setting that was given came from, by its path. */
  readonly given: ReadonlyMap<string, string>
}

/** What a command line says: values by path, such as `control.port`. */
export type Given = Readonly<Record<string, string | number | undefined>>

interface Place {
  /** Where a value came from: `--control-port`, `POTOROO_CONTROL_PORT`, `potoroo.yaml`. */
  readonly where: string
  readonly value: unknown
}

/** Paths of all settings: `worker`, `control.port`, `limits.keyGroups` … */
export const settingPaths: readonly string[] = Object.keys(schema.entries).flatMap((name) => {
  const section = Object.hasOwn(sections, name) ? sections[name as keyof typeof sections] : null
  return section === null ? [name] : Object.keys(section.entries).map((key) => `${name}.${key}`)
})

/** The settings by `flags`, `environment` and the file `config`. Throws `E_CONFIG`. */
export function readSettings(
  flags: Given,
  environment: Readonly<Record<string, string | undefined>>,
  config: string | undefined,
): Settings {
  const places = new Map<string, Place>()
  readConfigFile(config ?? environment.POTOROO_CONFIG, places)
  readEnvironment(environment, places)
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue
    const where = path.startsWith('limits.') ? '--limit' : `--${kebab(path)}`
    places.set(known(path, where), { where, value })
  }
  const parsed = v.safeParse(schema, nested(places))
  if (!parsed.success) {
    const [path, fault] = firstOf(parsed.issues)
    const { where, value } = places.get(path)!
    throw fail('E_CONFIG', { where, reason: `${path} ${fault}: ${JSON.stringify(value)}` })
  }
  try {
    const given = new Map(Array.from(places, ([path, { where }]) => [path, where]))
    return { ...parsed.output, limits: makeLimits(parsed.output.limits as Partial<Limits>), given }
  } catch (error) {
    throw fail('E_CONFIG', { where: 'limits', reason: (error as Error).message }, error)
  }
}

/** The limits of a worker with the settings found here, for commands that are none. */
export function limitsHere(): Limits {
  return readSettings({}, process.env, undefined).limits
}

function readConfigFile(file: string | undefined, places: Map<string, Place>): void {
  if (file === undefined && !existsSync(CONFIG_FILE)) return
  const where = file ?? CONFIG_FILE
  // Read only where there is such a file: most starts have none.
  const { parse, YAMLParseError } = createRequire(import.meta.url)('yaml') as typeof import('yaml')
  let value: unknown
  try {
    value = parse(readFileSync(where, 'utf8')) ?? {}
  } catch (error) {
    const place = error instanceof YAMLParseError ? ` line ${error.linePos?.[0].line}` : ''
    throw fail('E_CONFIG', { where: `${where}${place}`, reason: (error as Error).message.split('\n')[0] }, error)
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw fail('E_CONFIG', { where, reason: 'it is no mapping' })
  for (const [name, part] of Object.entries(value as object)) {
    const inner = settingPaths.filter((path) => path.startsWith(`${name}.`))
    if (inner.length === 0) places.set(known(name, where), { where, value: part })
    // One whose settings are all commented out.
    else if (part === null) continue
    else if (typeof part !== 'object' || Array.isArray(part)) {
      throw fail('E_CONFIG', {
        where,
        reason: `${name} is a mapping, with settings such as ${inner[0]!.slice(name.length + 1)}`,
      })
    } else {
      for (const [key, value] of Object.entries(part)) places.set(known(`${name}.${key}`, where), { where, value })
    }
  }
}

/** Variables that are no settings of a worker. */
const OTHER_VARIABLES = [
  'POTOROO_CONFIG',
  'POTOROO_TOKEN',
  'POTOROO_TOKEN_FILE',
  'POTOROO_SOURCE_TOKEN',
  'POTOROO_SOURCE_TOKEN_FILE',
  'POTOROO_CLUSTER_TOKEN',
  'POTOROO_CLUSTER_TOKEN_FILE',
  'POTOROO_CONTROL',
]

function readEnvironment(environment: Readonly<Record<string, string | undefined>>, places: Map<string, Place>): void {
  const paths = new Map(settingPaths.map((path) => [variableOf(path), path]))
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('POTOROO_') || value === undefined || OTHER_VARIABLES.includes(name)) continue
    const path = paths.get(name)
    if (path === undefined) throw unknown(name, 'the environment', [...paths.keys(), ...OTHER_VARIABLES])
    places.set(path, { where: name, value })
  }
}

/** `control.port` → `POTOROO_CONTROL_PORT`. */
export function variableOf(path: string): string {
  return `POTOROO_${kebab(path).replaceAll('-', '_').toUpperCase()}`
}

/** `control.port` → `control-port`, `limits.keyGroups` → `limits-key-groups`. */
export function kebab(path: string): string {
  return path.replaceAll('.', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function known(path: string, where: string): string {
  if (settingPaths.includes(path)) return path
  const sections = settingPaths.map((one) => one.replace(/\..*/, '')).filter((section) => section !== path)
  throw unknown(path, where, [...settingPaths, ...sections])
}

function unknown(name: string, where: string, names: readonly string[]): Error {
  const meant = nearest(name, names)
  return fail('E_CONFIG', {
    where,
    reason: `there is no setting ${name}${meant === null ? '' : `; did you mean ${meant}?`}`,
  })
}

/** Settings outside of `limits` that are no texts. */
const NUMBERS = ['control.port', 'expected']
const BOOLEANS = ['sharePorts']

/** Values as the schema wants them; texts of numbers become numbers. */
function nested(places: ReadonlyMap<string, Place>): Record<string, unknown> {
  const result: Record<string, Record<string, unknown> | unknown> = {}
  for (const [path, { value }] of places) {
    const [name, key] = path.split('.') as [string, string | undefined]
    const converted = typeof value === 'string' ? convert(path, value) : value
    if (key === undefined) result[name] = converted
    else result[name] = { ...(result[name] as object | undefined), [key]: converted }
  }
  return result
}

function convert(path: string, text: string): unknown {
  if (BOOLEANS.includes(path) && /^(true|false)$/.test(text)) return text === 'true'
  const wantsNumber = path.startsWith('limits.') || NUMBERS.includes(path)
  return wantsNumber && text.trim() !== '' ? Number(text) : text
}
