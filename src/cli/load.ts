/** Pipeline files on the command line: the file, and `--param name=value`. */
import { fail } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Graph, Parameters } from '../model/graph.ts'
import { buildGraph, type LoadedPipeline, loadPipeline } from '../worker/loading/load.ts'
import { limitsHere } from './settings.ts'

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
): Promise<LoadedPipeline & { readonly graph: Graph }> {
  const loaded = await loadPipeline(file, limits)
  return { ...loaded, graph: buildGraph(loaded.pipeline, parameters, limits) }
}
