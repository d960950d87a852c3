/** Commands about a cluster as a whole: who owns what, and who leaves. */
import { Command } from 'commander'
import type { ClusterView, KeyGroupRun, KeyPlace, LeaveAnswer, MemberView, Mode } from '../admin/cluster-view.ts'
import { compareNames } from '../base/names.ts'
import { inShell } from '../base/shell.ts'
import { addControlOptions, type ControlFlags, findWorker, part } from './control-client.ts'
import { joined } from './status-text.ts'
import { counted, print, printJson, table } from './terminal.ts'

/** Runs of key groups that are shown of each worker. */
const RUNS = 8

export function keyGroupsCommand(): Command {
  const command = new Command('key-groups').description('show which worker owns which key groups')
  return addControlOptions(command).action(async (flags: ControlFlags) => {
    const runs = await (await findWorker(flags)).get<KeyGroupRun[]>('/v1/cluster/key-groups')
    if (flags.json) return printJson(runs)
    const rows = [...new Set(runs.map(({ worker }) => worker))]
      .toSorted(compareNames)
      .map((worker) => showOwner(worker, runs))
    print(table(['WORKER', 'NUMBER', 'KEY GROUPS'], rows, 'nobody owns anything yet'))
  })
}

/** A worker's line: how many it owns, and the first of them. */
function showOwner(worker: string, runs: readonly KeyGroupRun[]): [worker: string, owned: number, which: string] {
  const own = runs.filter((run) => run.worker === worker)
  const shown = own.slice(0, RUNS).map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`))
  const owned = own.reduce((sum, { from, to }) => sum + to - from + 1, 0)
  return [worker, owned, `${shown.join(', ')}${own.length > RUNS ? ', … (all with --json)' : ''}`]
}

export function whereCommand(): Command {
  const command = new Command('where')
    .description('show which worker owns a key; a text like a number may be either')
    .argument('<key>', 'a key')
  return addControlOptions(command).action(async (key: string, flags: ControlFlags) => {
    const places = await (await findWorker(flags)).get<KeyPlace[]>(`/v1/cluster/keys/${part(key)}`)
    if (flags.json) return printJson(places)
    const rows = places.map(({ key, type, keyGroup, worker }) => [key, type, keyGroup, worker])
    print(table(['KEY', 'TYPE', 'GROUP', 'WORKER'], rows, 'nobody owns anything yet'))
  })
}

export function leaveCommand(): Command {
  const command = new Command('leave')
    .description('let a worker hand over all that it owns and leave its cluster; it ends with status 0')
    .argument('<worker>', 'its name')
  return addControlOptions(command).action(async (name: string, flags: ControlFlags) => {
    const worker = await findWorker(flags, { worker: name })
    const { waitsFor } = await worker.post<LeaveAnswer>('/v1/cluster/leave', { worker: name })
    if (flags.json) return printJson({ leaving: name, waitsFor })
    const { workers, mode } = await worker.get<ClusterView>('/v1/cluster')
    const members = workers.filter(({ member }) => member)
    if (members.length === 1 && members[0]!.worker === name && mode !== 'starting')
      print(`${name} is the only member: it works on, and leaves once another one has joined; to end it, stop it`)
    else
      print(
        joined([
          `${name} hands over what it owns and leaves; \`potoroo status\` shows how far it is`,
          ...staysText(name, mode, waitsFor),
        ]),
      )
  })
}

/**
 * Why a worker does not leave yet, where pipelines that do not run there are the reason: all of them where it is no
 * member.
 */
function staysText(worker: string, mode: Mode, waitsFor: readonly string[]): readonly string[] {
  const joins = mode === 'starting'
  return waitsFor.map((pipeline) => {
    const until = joins ? 'joins once more before it leaves' : `stays until ${pipeline} runs again`
    const why = `its journal has records of ${pipeline} that are in no checkpoint, and nobody else has them`
    const again = joins ? '' : '`potoroo submit FILE` starts it again, '
    return `${worker} ${until}: ${why}\n  ${again}\`potoroo cancel ${inShell(pipeline)}\` gives it up, with its state`
  })
}

/** What `status` says of the cluster, above what it says of the worker. */
export function clusterText(view: ClusterView): string {
  const { worker, mode, waitsFor, generation, coordinator, workers, keyGroups, store } = view
  const members = workers.filter(({ member }) => member)
  const rows = workers.map(({ worker, member, keyGroups, heard, linked, stuck }) => [
    worker,
    stuck !== null ? 'stuck' : !heard ? 'not heard' : !linked ? 'not linked' : member ? 'member' : 'not in it yet',
    keyGroups,
  ])
  const term = `generation ${generation} of ${counted(members.length, 'worker')}, ${coordinator} decides`
  return joined([
    `cluster ${mode}, ${generation === 0 ? 'before its first generation' : term}`,
    table(
      ['WORKER', 'STATE', keyGroups === 0 ? 'KEY GROUPS' : `OF ${keyGroups} KEY GROUPS`],
      rows,
      'no other worker is heard yet',
    ),
    ...(store === null ? [] : [storeText(worker, store)]),
    ...staysText(worker, mode, waitsFor),
    ...workers.flatMap(({ worker, stuck }) => (stuck === null ? [] : [stuckText(worker, stuck)])),
  ])
}

/** While that lasts no checkpoint completes, and nobody comes or goes. */
function storeText(worker: string, { ms, reason }: NonNullable<ClusterView['store']>): string {
  return `${worker} has waited for the store for ${Math.round(ms / 1000)} s: ${reason}`
}

function stuckText(worker: string, { ms, step, pipeline, key, stack }: NonNullable<MemberView['stuck']>): string {
  const where = step === null ? 'outside of any step' : `in step "${step}" of ${pipeline}`
  const which = key === null ? '' : `, key ${key}`
  return `${worker} has been stuck for ${Math.round(ms / 1000)} s ${where}${which}\n${stack}`
}
