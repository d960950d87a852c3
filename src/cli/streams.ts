/**
 * `potoroo streams list | abandon`: the producers that the sources of a pipeline remember, and the end of waiting for
 * what only an absent worker's journal has.
 *
 * Who waits is known where it has asked, so every worker that can be reached is asked.
 */
import { Command } from 'commander'
import type { StreamPage, StreamView } from '../admin/streams.ts'
import { inShell } from '../base/shell.ts'
import type { Parked } from '../ingest/producers.ts'
import { addControlOptions, type ControlClient, type ControlFlags, findWorkers, part } from './control-client.ts'
import { askAll, askOneOf } from './each-worker.ts'
import { counted, print, printJson, table } from './terminal.ts'

const path = (pipeline: string): string => `/v1/pipelines/${part(pipeline)}/streams`

export function streamsCommand(): Command {
  const command = new Command('streams').description(
    'list the producers that sources remember, or stop waiting for one',
  )
  const list = new Command('list')
    .description('list the producers that the sources of a pipeline remember; `streams PIPELINE` does the same')
    .argument('<pipeline>', 'its name')
    .action(listStreams)
  const abandon = new Command('abandon')
    .description('let a producer go on without the records that it has let go of and no worker here has: they are lost')
    .argument('<pipeline>', 'its name')
    .argument('<source>', 'the step')
    .argument('<producer>', 'its name')
    .action(abandonStream)
  command.addCommand(addControlOptions(list), { isDefault: true })
  command.addCommand(addControlOptions(abandon))
  return command
}

async function listStreams(pipeline: string, flags: ControlFlags): Promise<void> {
  const workers = await findWorkers(flags, { pipeline })
  const views = await askAll(workers, (worker) => allStreams(worker, pipeline))
  const streams = merged(views)
  if (flags.json) return printJson(streams)
  const rows = streams.map((one) => [
    one.source,
    one.producer,
    one.incarnation,
    one.acked ? 'acked' : 'plain',
    one.position,
    one.home,
    one.timeMs === 0 ? '' : new Date(one.timeMs).toISOString(),
  ])
  print(table(['SOURCE', 'PRODUCER', 'INCARNATION', 'KIND', 'POSITION', 'HOME', 'LAST RECORD'], rows, 'no streams'))
  for (const { source, producer, parked } of streams) {
    if (parked === null) continue
    const { first, last, home } = parked
    const had = home === '' ? '' : ` (the last that had the stream is ${home})`
    print(
      `\n${producer} waits: records ${first} to ${last} are missing: it has let go of them, and no worker here has them${had}`,
    )
    print('  where a worker is absent, start it again, for its journal has them; otherwise accept the loss:')
    print(`  potoroo streams abandon ${[pipeline, source, producer].map(inShell).join(' ')}`)
  }
}

/** Those of one worker, which answers so many at a time and no more. */
export async function allStreams(worker: Pick<ControlClient, 'get'>, pipeline: string): Promise<readonly StreamView[]> {
  const streams: StreamView[] = []
  for (;;) {
    const page = await worker.get<StreamPage>(`${path(pipeline)}?from=${streams.length}`)
    streams.push(...page.streams)
    if (streams.length >= page.count || page.streams.length === 0) return streams
  }
}

/** One row for each stream: of the worker that has taken it furthest, with what any says it waits for. */
function merged(views: readonly (readonly StreamView[])[]): readonly StreamView[] {
  const best = new Map<string, StreamView>()
  for (const one of views.flat()) {
    const key = JSON.stringify([one.source, one.producer, one.incarnation])
    const known = best.get(key)
    const further = known === undefined || one.position > known.position ? one : known
    best.set(key, { ...further, parked: one.parked ?? known?.parked ?? null })
  }
  return [...best.values()]
}

async function abandonStream(pipeline: string, source: string, producer: string, flags: ControlFlags): Promise<void> {
  // Where the stream does not wait it is said so.
  const lost = await askOneOf(await findWorkers(flags, { pipeline }), 'E_STREAM_NOT_PARKED', (worker) =>
    worker.post<readonly Parked[]>(`${path(pipeline)}/abandon`, { source, producer }),
  )
  if (flags.json) return printJson(lost)
  for (const { first, last } of lost) {
    print(
      `${producer} goes on behind record ${last}: ${counted(last - first + 1, 'record')} (${first} to ${last}) of it are lost`,
    )
  }
}
