/** `potoroo list`: what runs, on all workers of the cluster that can be reached. */
import { Command } from 'commander'
import type { ClusterView } from '../admin/cluster-view.ts'
import type { PipelineSummary } from '../admin/view.ts'
import { PotorooError } from '../base/errors.ts'
import { compareNames } from '../base/names.ts'
import { addControlOptions, type ControlClient, type ControlFlags, findWorkers } from './control-client.ts'
import { missingParts } from './missing-parts.ts'
import { joined, pipelineTable } from './status-text.ts'
import { print, printJson } from './terminal.ts'

/** What one worker says. */
export interface Told {
  readonly cluster: ClusterView
  readonly pipelines: readonly PipelineSummary[]
}

/** A pipeline is in the first of these phases that it is in on any worker. */
const PHASES: readonly PipelineSummary['phase'][] = ['failed', 'starting', 'draining', 'running', 'ended', 'drained']

export function listCommand(): Command {
  const command = new Command('list').description('list the pipelines of the worker, or of all workers of its cluster')
  return addControlOptions(command).action(async (flags: ControlFlags) => {
    const told = await askWorkers(await findWorkers(flags))
    const all = acrossWorkers(told.map(({ pipelines }) => pipelines))
    if (flags.json) printJson(all)
    else print(joined([pipelineTable(all), ...missingParts(told.map(({ cluster }) => cluster))]))
  })
}

/** What those say that answer. Rejects where none does, or one refuses. */
async function askWorkers(workers: readonly ControlClient[]): Promise<readonly Told[]> {
  let silent: unknown = null
  const asked = workers.map(async (worker): Promise<readonly Told[]> => {
    try {
      const cluster = worker.get<ClusterView>('/v1/cluster')
      return [{ pipelines: await worker.get<PipelineSummary[]>('/v1/pipelines'), cluster: await cluster }]
    } catch (error) {
      // It has ended since it was found.
      if (!(error instanceof PotorooError && error.code === 'E_NO_WORKER')) throw error
      silent = error
      return []
    }
  })
  const told = (await Promise.all(asked)).flat()
  if (told.length === 0) throw silent
  return told
}

/** A row for each pipeline, with the keys and records of all workers, and with the phase of whoever is worst off. */
export function acrossWorkers(lists: readonly (readonly PipelineSummary[])[]): readonly PipelineSummary[] {
  const rows = [...Map.groupBy(lists.flat(), ({ pipeline }) => pipeline).values()].map(together)
  return rows.toSorted((a, b) => compareNames(a.pipeline, b.pipeline))
}

function together(parts: readonly PipelineSummary[]): PipelineSummary {
  const sum = (count: (part: PipelineSummary) => number) => parts.reduce((total, part) => total + count(part), 0)
  const rank = ({ phase }: PipelineSummary) => PHASES.indexOf(phase)
  const worst = parts.reduce((a, b) => (rank(b) < rank(a) ? b : a))
  return {
    ...worst,
    held: parts.find(({ held }) => held !== null)?.held ?? null,
    epoch: Math.max(...parts.map(({ epoch }) => epoch)),
    keys: sum(({ keys }) => keys),
    recordsIn: sum(({ recordsIn }) => recordsIn),
    deadLetters: sum(({ deadLetters }) => deadLetters),
    failures: sum(({ failures }) => failures),
  }
}
