/** `potoroo streams PIPELINE`: the producers that its sources remember. */
import { Command } from 'commander'
import { addControlOptions, type ControlFlags, findWorker, part } from './control-client.ts'
import { print, printJson, table } from './terminal.ts'

interface StreamView {
  readonly source: string
  readonly producer: string
  readonly incarnation: string
  readonly acked: boolean
  readonly position: number
  readonly home: string
  readonly timeMs: number
}

export function streamsCommand(): Command {
  const command = new Command('streams')
    .description('list the producers that the sources of a pipeline remember')
    .argument('<pipeline>', 'its name')
  return addControlOptions(command).action(async (pipeline: string, flags: ControlFlags) => {
    const streams = await (await findWorker(flags)).get<StreamView[]>(`/v1/pipelines/${part(pipeline)}/streams`)
    if (flags.json) return printJson(streams)
    const rows = streams.map((one) => [
      one.source,
      one.producer,
      one.incarnation,
      one.acked ? 'acked' : 'plain',
      one.position,
      one.timeMs === 0 ? '' : new Date(one.timeMs).toISOString(),
    ])
    print(table(['SOURCE', 'PRODUCER', 'INCARNATION', 'KIND', 'POSITION', 'LAST RECORD'], rows, 'no streams'))
  })
}
