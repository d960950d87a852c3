/** Pipeline files on the command line: the file, and `--param name=value`. */
import { fail } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Graph, Parameters } from '../model/graph.ts'
import { buildGraph, type LoadedPipeline, loadPipeline } from '../worker/loading/load.ts'
import type { Bundle } from '../worker/loading/load-bundle.ts'
import { tryLoading } from '../worker/loading/load-trial.ts'
import { limitsHere } from './settings.ts'

type LoadedGraph = LoadedPipeline & { readonly graph: Graph }

/** Collects repeated `name=value` options. */
export function collectPairs(pair: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = pair.indexOf('=')
  if (at <= 0) throw fail('E_USAGE', { reason: `"${pair}" is not of the form name=value` })
  return { ...before, [pair.slice(0, at)]: pair.slice(at + 1) }
}

/** Collects a repeated option. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** Loads a pipeline file and builds its graph, within the limits of the worker that is to run it. */
export async function loadGraph(
  file: string,
  parameters: Parameters = {},
  limits: Limits = limitsHere(),
): Promise<LoadedGraph> {
  return built(await loadPipeline(file, limits), parameters, limits)
}

/**
 * As `loadGraph`, where the loop goes on with other things whatever comes of it: what waits is given up, and would
 * compute later with nobody there to interrupt it. So it is tried beside the loop first, and ends with its thread.
 * `onBundle` is called once its files have been read.
 */
export async function loadTriedGraph(
  file: string,
  parameters: Parameters = {},
  limits: Limits,
  onBundle: (bundle: Bundle) => void,
): Promise<LoadedGraph> {
  const { loadTimeoutMs } = limits
  const tried = async (bundle: Bundle): Promise<void> => {
    onBundle(bundle)
    const { text, map, hash, path } = bundle
    await tryLoading({ text, map, hash, parameters, limits: { loadTimeoutMs } }, path)
  }
  return built(await loadPipeline(file, limits, tried), parameters, limits)
}

function built(loaded: LoadedPipeline, parameters: Parameters, limits: Limits): LoadedGraph {
  return { ...loaded, graph: buildGraph(loaded.pipeline, parameters, limits) }
}
