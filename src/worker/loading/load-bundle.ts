/**
 * Bundles: a pipeline file with everything that it imports as one text, which is what workers keep and run.
 *
 * B1. The text depends on the files' contents and on how they lie to one another, never on the folder that they are in,
 *     the folder that the program was started in, or the folder that a package was found in.
 * B2. The text's SHA-256 is the pipeline's identity.
 * B3. `potoroo` itself is not in it: it is the running program's.
 */
import { createHash } from 'node:crypto'
import { realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type BuildFailure, type BuildOptions, type BuildResult, buildSync, type Message, type Metafile } from 'esbuild'
import { fail } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'

export interface Bundle {
  /** The pipeline file, without links. */
  readonly path: string
  /** A module that imports nothing but `potoroo` and Node's own modules. */
  readonly text: string
  /** Its source map, with the sources in it; their paths are relative to the pipeline file. */
  readonly map: string
  /** SHA-256 of `text` in hexadecimal. */
  readonly hash: string
}

/**
 * What `require` is inside packages in CommonJS: it reaches Node's own modules only. The others it does not find, as
 * Node does not, since many a package tries one that is not always installed and does without.
 */
const REQUIRE =
  'const require = (name) => { const found = process.getBuiltinModule(name); if (found !== undefined) return found; ' +
  "throw Object.assign(new Error('Cannot find module ' + name), { code: 'MODULE_NOT_FOUND' }) };"

/** Makes the bundle of `file`. Takes some tens of milliseconds, during which nothing else runs. */
export function bundlePipeline(file: string, limits: Pick<Limits, 'bundleBytes'>): Bundle {
  const path = findFile(file)
  const folder = dirname(path)
  const options = {
    entryPoints: [path],
    absWorkingDir: folder,
    outfile: join(folder, 'bundle.js'),
    write: false,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: ['potoroo', 'potoroo/*'],
    sourcemap: 'external',
    sourcesContent: true,
    metafile: true,
    // A tsconfig.json in some folder above must not change what the file means (B1).
    tsconfigRaw: {},
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  } as const satisfies BuildOptions
  const usesRequire = (result: BuildResult) =>
    Object.values(result.metafile!.inputs).some((input) => input.format === 'cjs')
  try {
    let result: BuildResult = buildSync(options)
    refuseRequired(result.metafile!, folder)
    if (usesRequire(result)) result = buildSync({ ...options, banner: { js: REQUIRE } })
    const output = (ending: string) => result.outputFiles!.find((made) => made.path.endsWith(ending))!.text
    const text = unplace(output('.js'), Object.keys(result.metafile!.inputs))
    const bytes = Buffer.byteLength(text)
    if (bytes > limits.bundleBytes) throw fail('E_PIPELINE_TOO_LARGE', { path, bytes, limit: limits.bundleBytes })
    return { path, text, map: output('.map'), hash: hashText(text) }
  } catch (error) {
    throw isBuildFailure(error) ? explainFailure(error, folder) : error
  }
}

/** The identity of a bundle's text (B2). */
export function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** `potoroo` is imported (B3). */
function refuseRequired({ inputs }: Metafile, folder: string): void {
  for (const [path, { imports }] of Object.entries(inputs)) {
    const required = imports.find(({ kind, path: name }) => kind === 'require-call' && /^potoroo(\/|$)/.test(name))
    if (required === undefined) continue
    const reason = `write import … from '${required.path}'`
    throw fail('E_PIPELINE_IMPORT', { where: join(folder, path), import: `require('${required.path}')`, reason })
  }
}

/** The real path of the pipeline file, so that a link to it is the same pipeline. */
function findFile(file: string): string {
  try {
    const path = realpathSync(file)
    if (statSync(path).isFile()) return path
  } catch (error) {
    throw fail('E_PIPELINE_FILE', { path: file, reason: '' }, error)
  }
  throw fail('E_PIPELINE_FILE', { path: file, reason: ': it is no file' })
}

/**
 * Takes from the text where packages were found: esbuild names each module's path in a comment before it and as the
 * key of its CommonJS wrapper. What stays is the path inside `node_modules`. Lines stay lines, so the map still fits.
 */
function unplace(text: string, inputs: readonly string[]): string {
  let placed = `\n${text}`
  for (const path of inputs) {
    const inside = path.lastIndexOf('node_modules/')
    if (inside <= 0) continue
    const name = path.slice(inside)
    placed = placed
      .replaceAll(`\n// ${path}\n`, `\n// ${name}\n`)
      .replaceAll(`  ${JSON.stringify(path)}(`, `  ${JSON.stringify(name)}(`)
  }
  return placed.slice(1)
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors)
}

/** The first of esbuild's messages as an error of ours; the others are counted. */
function explainFailure(failure: BuildFailure, folder: string): Error {
  const message = failure.errors[0]
  if (message === undefined) return failure
  const where = placeOf(message, folder)
  const missing = /^Could not resolve "(.*)"/.exec(message.text)?.[1]
  if (missing !== undefined) {
    return fail('E_PIPELINE_IMPORT', { where, import: `"${missing}"`, reason: whyMissing(missing) }, failure)
  }
  const others = failure.errors.length - 1
  const more = others === 0 ? '' : ` (and ${others} more)`
  return fail('E_PIPELINE_SYNTAX', { where, reason: message.text, more }, failure)
}

function whyMissing(specifier: string): string {
  return /^[./]/.test(specifier) ? 'there is no such file' : 'no such package is installed'
}

/** `path:line:column`, as editors and terminals understand it. */
function placeOf({ location }: Message, folder: string): string {
  if (location === null) return folder
  return `${join(folder, location.file)}:${location.line}:${location.column + 1}`
}
