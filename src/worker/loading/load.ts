/**
 * Loading: a pipeline file, or the text of a bundle that was stored, becomes a pipeline of this process. `run`,
 * `check`, `explain`, `submit` and every worker load in this one way.
 *
 * O1. `potoroo` inside a bundle is the running program, wherever the pipeline file lies.
 * O2. Loading ends: with a pipeline, an error, or after `loadTimeoutMs`, whether the file waits or computes; so does
 *     building.
 * O3. Stack traces show the lines of the user's files.
 */
import { randomBytes } from 'node:crypto'
import { registerHooks, setSourceMapsSupport } from 'node:module'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fail } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import { ownModule } from '../../base/own-files.ts'
import { programUrl } from '../../base/program-url.ts'
import { bundle as bundlePath } from '../../checkpoint/layout.ts'
import type { Graph, Parameters } from '../../model/graph.ts'
import { isPipeline, type Pipeline } from '../../model/pipeline.ts'
import { type Bundle, bundlePipeline, hashText } from './load-bundle.ts'
import { explainMissingExport, explainThrow } from './load-errors.ts'
import { callWithin, loadWithin } from './load-limit.ts'
import { asProgram } from './load-mark.ts'
import { tryLoading } from './load-trial.ts'

export type LoadLimits = Pick<Limits, 'bundleBytes' | 'loadTimeoutMs'>

export interface LoadedPipeline {
  readonly bundle: Bundle
  readonly pipeline: Pipeline
}

/**
 * Bundles and loads the pipeline file at `file`. Rejects with an error of the table that names file and line, and as
 * `first` does, which is called with the bundle before it is loaded.
 */
export async function loadPipeline(
  file: string,
  limits: LoadLimits,
  first?: (bundle: Bundle) => Promise<void>,
): Promise<LoadedPipeline> {
  const bundle = bundlePipeline(file, limits)
  await first?.(bundle)
  const root = pathToFileURL(`${dirname(bundle.path)}/`).href
  return { bundle, pipeline: await importBundle(bundle, root, bundle.path, limits) }
}

/**
 * Loads a bundle that was stored: `text` and `map` as `bundlePipeline` made them, `hash` what the text must have. Stack
 * traces name the user's files without their folder.
 */
export async function loadBundle(
  text: string,
  map: string,
  hash: string,
  limits: Pick<Limits, 'loadTimeoutMs'>,
): Promise<Pipeline> {
  if (hashText(text) !== hash) throw fail('E_BUNDLE_DAMAGED', { path: bundlePath(hash) })
  return importBundle({ text, map, hash }, null, nameOfStored(hash), limits)
}

/** What a stored bundle is called in errors. */
export function nameOfStored(hash: string): string {
  return `the stored pipeline ${hash.slice(0, 12)}`
}

/** Builds the graph of `pipeline` with `parameters`; what the user's function throws is named with file and line. */
export function buildGraph(
  pipeline: Pipeline,
  parameters: Parameters,
  { loadTimeoutMs }: Pick<Limits, 'loadTimeoutMs'>,
): Graph {
  const path = `pipeline "${pipeline.name}"`
  try {
    return callWithin(loadTimeoutMs, path, () => pipeline.build(parameters))
  } catch (error) {
    throw explainThrow(error, path, 'built')
  }
}

type BundleText = Pick<Bundle, 'text' | 'map' | 'hash'>

/** Imports a bundle as a module of its own: nothing is shared with an earlier load of the same text. */
async function importBundle(
  bundle: BundleText,
  root: string | null,
  path: string,
  limits: Pick<Limits, 'loadTimeoutMs'>,
): Promise<Pipeline> {
  const base = programUrl(bundle.hash, randomBytes(4).toString('hex'))
  const url = `${base}bundle.js`
  const source = withMap(bundle, root ?? base)
  const isOurs = (other: string | undefined) => other?.startsWith(url) === true
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (isOurs(specifier)) return { url: specifier, format: 'module', shortCircuit: true }
      const face = isOurs(context.parentURL) ? faceOf(specifier) : null
      return face === null ? next(specifier, context) : { url: face, shortCircuit: true }
    },
    load: (asked, context, next) =>
      isOurs(asked) ? { format: 'module', source, shortCircuit: true } : next(asked, context),
  })
  // O3. Costs nothing until somebody reads a stack.
  setSourceMapsSupport(true, { nodeModules: false, generatedCode: false })
  try {
    const { text, map, hash } = bundle
    const { loadTimeoutMs } = limits
    const beside = () => tryLoading({ text, map, hash, parameters: {}, limits: { loadTimeoutMs } }, path)
    // A module that was interrupted stays as it is: each try has a name of its own.
    let tries = 0
    const load = () => asProgram(hash, () => import(tries++ === 0 ? url : `${url}?${tries}`))
    const module: { readonly default?: unknown } = await loadWithin(loadTimeoutMs, path, load, beside)
    return pipelineOf(module, path)
  } catch (error) {
    throw (await explainMissingExport(error, path, bundle.map, importFace)) ?? explainThrow(error, path, 'loaded')
  } finally {
    hooks.deregister()
  }
}

/** The module of this program that `specifier` means (O1), or `null`. */
function faceOf(specifier: string): string | null {
  if (!/^potoroo(\/|$)/.test(specifier)) return null
  const face = /^potoroo(?:\/(testing|client))?$/.exec(specifier)
  if (face === null) {
    const reason = 'there are potoroo, potoroo/testing and potoroo/client'
    throw fail('E_PIPELINE_IMPORT', { where: 'the pipeline', import: `"${specifier}"`, reason })
  }
  return ownModule(face[1] ?? 'index').href
}

function importFace(specifier: string): Promise<object> | null {
  const face = faceOf(specifier)
  return face === null ? null : import(face)
}

/** The text with its map in it, whose sources are named below `root`. */
function withMap({ text, map }: BundleText, root: string): string {
  const rooted = JSON.stringify({ ...(JSON.parse(map) as object), sourceRoot: root })
  return `${text}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(rooted).toString('base64')}\n`
}

function pipelineOf(module: { readonly default?: unknown }, path: string): Pipeline {
  if (isPipeline(module.default)) return module.default
  const named = Object.entries(module).find(([, value]) => isPipeline(value))?.[0]
  if (named !== undefined) throw fail('E_PIPELINE_EXPORT', { path, reason: `"${named}" is exported by name only` })
  if (module.default === undefined) throw fail('E_PIPELINE_EXPORT', { path, reason: 'it has no default export' })
  const type = typeof module.default
  const kind = module.default === null ? 'null' : `${type === 'object' ? 'an' : 'a'} ${type}`
  throw fail('E_PIPELINE_EXPORT', { path, reason: `its default export is ${kind}, and not what pipeline() returns` })
}
