/** What went wrong while a pipeline file was loaded or built, in terms of the user's files. */
import { dirname, join } from 'node:path'
import { fail, PotorooError } from '../../base/errors.ts'
import { nearest } from '../../base/nearest.ts'
import { OWN_FOLDER } from '../../base/own-files.ts'
import { reasonOf } from '../../base/reason.ts'

/** What a stack frame of a pipeline file looks like: a path or a bundle's URL, with line and column. */
const FRAME = /^\s+at (?:.*\()?((?:file:\/\/|potoroo:\/\/\/|\/|[A-Za-z]:[\\/])[^()]*:\d+:\d+)\)?$/

/** Frames of packages are passed over, as those of our own files are. */
const PACKAGES = '/node_modules/'

/** Errors that are told with where they were written. */
const PLACED: readonly string[] = ['E_SETTING', 'E_STEP_ABSENT']

/**
 * Names the place where the user's code threw `error` while the pipeline was being `doing`. Errors of the table stay
 * what they are; one about a setting or a step is told where it was written.
 */
export function explainThrow(error: unknown, path: string, doing: 'loaded' | 'built'): Error {
  const place = placeOf(error)
  if (error instanceof PotorooError) {
    if (!PLACED.includes(error.code) || place === null) return error
    return fail(error.code, { reason: `${error.details.reason} (${place})` }, error)
  }
  const reason = error instanceof Error ? `${error.name}: ${reasonOf(error)}` : reasonOf(error)
  if (error instanceof Error && PLACELESS.test(error.message))
    return fail('E_PIPELINE_PLACE', { where: place ?? path, doing, reason }, error)
  return fail('E_PIPELINE_THREW', { where: place ?? path, doing, reason }, error)
}

/** What Node says of the URL of a bundle, which lies nowhere, and of the names that only CommonJS has. */
const PLACELESS = /^The URL must be of scheme file|must be a file URL object|^__(dir|file)name is not defined/

/** `path:line:column` of the first frame in a file of the user's own, or `null`. */
function placeOf(error: unknown): string | null {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return null
  for (const line of error.stack.split('\n')) {
    const place = FRAME.exec(line)?.[1]
    if (place === undefined || place.includes(PACKAGES)) continue
    if (!place.startsWith(OWN_FOLDER.href) && !place.startsWith(OWN_FOLDER.pathname)) return place
  }
  return null
}

/** For a name that `module` does not export: an error that guesses which one was meant. `null` for other errors. */
export async function explainMissingExport(
  error: unknown,
  path: string,
  map: string,
  importModule: (specifier: string) => Promise<object> | null,
): Promise<Error | null> {
  const found =
    error instanceof SyntaxError && /module '(.+)' does not provide an export named '(.+)'/.exec(error.message)
  if (!found) return null
  const [, module, name] = found as unknown as [string, string, string]
  const exported = await importModule(module)
  const meant = exported === null ? null : nearest(name, Object.keys(exported))
  const reason = `it exports no such name${meant === null ? '' : `; did you mean ${meant}?`}`
  return fail(
    'E_PIPELINE_IMPORT',
    { where: findImport(map, name, path) ?? path, import: `${name} from "${module}"`, reason },
    error,
  )
}

/** What is read of a source map, which no hash vouches for. */
interface SourceMapText {
  readonly sources?: readonly string[]
  readonly sourcesContent?: readonly (string | null)[]
}

/** Where a source of the map first has the word `name`; the bundle's own lines say nothing to the user. */
function findImport(map: string, name: string, path: string): string | null {
  const { sources = [], sourcesContent = [] } = JSON.parse(map) as SourceMapText
  const word = new RegExp(`(?<![\\w$])${name.replace(/\W/g, '\\$&')}(?![\\w$])`)
  for (const [i, content] of sourcesContent.entries()) {
    const lines = content?.split('\n') ?? []
    const line = lines.findIndex((text) => word.test(text))
    if (line >= 0) return `${join(dirname(path), sources[i] ?? '')}:${line + 1}`
  }
  return null
}
