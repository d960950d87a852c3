/** Pipeline files on the command line: the file, and `--param name=value`. */
import { fail } from '../base/errors.ts'
import type { Graph, Parameters } from '../model/graph.ts'
import { buildGraph, type LoadedPipeline, loadPipeline } from '../worker/pipelines/load.ts'

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

export async function loadGraph(
  file: string,
  parameters: Parameters = {},
): Promise<LoadedPipeline & { readonly graph: Graph }> {
  const loaded = await loadPipeline(file)
  return { ...loaded, graph: buildGraph(loaded.pipeline, parameters) }
}
