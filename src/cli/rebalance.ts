/** `potoroo rebalance --plan | --apply`: shares out the work of a cluster anew, by what each key group costs. */
import { Command } from 'commander'
import type { RebalanceView } from '../admin/rebalance.ts'
import { fail } from '../base/errors.ts'
import type { Change } from '../worker/worker.ts'
import { addControlOptions, type ControlClient, type ControlFlags, findWorker } from './control-client.ts'
import { positive, wholeNumber } from './numbers.ts'
import { counted, print, printJson, say, showBytes, table } from './terminal.ts'

interface Options extends ControlFlags {
  readonly plan?: true
  readonly apply?: true
  readonly moves: string
  readonly measure?: string
}

/** What the coordinator does in each phase of a change; `null`: nothing to tell. */
const phases = {
  idle: null,
  stopped: 'the next generation begins',
  gathering: 'waits for others who may ask',
  copying: 'the new owners read what they get',
  freshening: 'makes a checkpoint',
  holding: 'everything stops behind a barrier',
  handing: 'the new owners read the rest',
  committing: 'writes down the new owners',
} as const satisfies Record<Change['phase'], string | null>

/** How often progress is looked for, in milliseconds. */
const LOOK_MS = 100
/** Key groups of a move that are shown. */
const GROUPS = 8

export function rebalanceCommand(): Command {
  const command = new Command('rebalance')
    .description('share out the work anew: move key groups from busy workers to idle ones, by what was measured')
    .option('--plan', 'show what would move, and what it would do')
    .option('--apply', 'do it, while everything runs')
    .option('--moves <key groups>', 'move so many at most', '32')
    .option('--measure <seconds>', 'measure for so long now (default: since owners last changed)')
  return addControlOptions(command).action(async (options: Options) => {
    if ((options.plan === undefined) === (options.apply === undefined)) {
      throw fail('E_USAGE', { reason: 'say --plan to see what would move, or --apply to do it' })
    }
    const moves = wholeNumber('--moves', options.moves, 65_536)
    const measureMs = options.measure === undefined ? null : Math.round(positive('--measure', options.measure) * 1000)
    const worker = await findWorker(options)
    const view = options.apply
      ? await apply(worker, { moves, measureMs }, options.json === true)
      : await worker.get<RebalanceView>(
          `/v1/cluster/rebalance?moves=${moves}${measureMs === null ? '' : `&measureMs=${measureMs}`}`,
        )
    if (options.json) printJson(view)
    else print(planText(view, options.apply === true))
  })
}

/** Has it done, and says how far it is. */
async function apply(worker: ControlClient, body: object, quiet: boolean): Promise<RebalanceView> {
  let over = false
  const done = worker.post<RebalanceView>('/v1/cluster/rebalance', body).finally(() => {
    over = true
  })
  let told = ''
  const tell = async (): Promise<void> => {
    // A worker that does not answer is told of by what it was asked to do.
    const change = await worker.get<Change | null>('/v1/cluster/change').catch(() => null)
    const doing = change === null ? null : phases[change.phase]
    if (doing === null || over) return
    const waits = change!.waits.length === 0 ? '' : `; waits for ${change!.waits.join(', ')}`
    const text = `${doing}${waits}`
    if (text !== told) say(text)
    told = text
  }
  while (!over) {
    if (!quiet) await tell()
    await Promise.race([done.catch(() => {}), new Promise((resolve) => setTimeout(resolve, LOOK_MS))])
  }
  return done
}

function planText(view: RebalanceView, done: boolean): string {
  const { workers, moves, moved, budget, before, after, least, measuredMs } = view
  const rows = workers.map(({ worker, load, keyGroups, loadAfter, keyGroupsAfter }) => [
    ...[worker, share(load), keyGroups],
    ...[share(loadAfter), keyGroupsAfter],
  ])
  const ways = moves.map(({ from, to, keyGroups, load, keys, bytes }) => [
    ...[from, to, keyGroups.length, share(load), keys, showBytes(bytes)],
    `${keyGroups.slice(0, GROUPS).join(', ')}${keyGroups.length > GROUPS ? ', … (all with --json)' : ''}`,
  ])
  const head = `measured for ${(measuredMs / 1000).toFixed(1)} s; loads are parts of a processor`
  const busiest = `the busiest worker ${done ? 'had' : 'has'} ${times(before)} of the mean, and ${done ? 'has' : 'would have'} ${times(after)}`
  const floor = after - least > 0.01 || least <= 1 ? '' : '; one key group alone has that much'
  return [
    head,
    table(['WORKER', 'LOAD', 'KEY GROUPS', 'LOAD THEN', 'KEY GROUPS THEN'], rows, 'no workers'),
    ...(moved === 0
      ? [`nothing to move${floor}`]
      : [
          table(['FROM', 'TO', 'NUMBER', 'LOAD', 'KEYS', 'BYTES', 'KEY GROUPS'], ways, ''),
          `${counted(moved, 'key group')} of at most ${budget} ${done ? 'moved' : 'would move'}; ${busiest}${floor}`,
        ]),
  ].join('\n')
}

/** Milliseconds a second as a part of a processor. */
function share(load: number): string {
  return `${(load / 10).toFixed(1)} %`
}

function times(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}
