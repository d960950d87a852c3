/**
 * Shares out the work of a cluster anew: measures what each key group costs, plans what is to move, and has it done.
 *
 * R1. What is shown is what is done: the coordinator comes to the same plan of the same load, in the same generation,
 *     or refuses (`cluster/balance-plan.ts`).
 * R2. It is done by the one way on which owners change (PROTOCOLS 11), wholly or not at all; a change that is under way
 *     is not disturbed.
 */
import { fail } from '../base/errors.ts'
import type { OwnLoad } from '../worker/pipelines/key-group-load.ts'
import { pause, readOn } from '../worker/settle.ts'
import type { BalancePlan, Change } from '../worker/worker.ts'
import { type AcrossSeams, ask } from './asking.ts'

export interface RebalanceQuestion {
  /** Key groups that may move at most. */
  readonly moves: number
  /** For how long to measure now; `null`: what has been measured since owners last changed counts. */
  readonly measureMs: number | null
}

/** Key groups on their way from one worker to another. A public format. */
export interface PlannedMove {
  readonly from: string
  readonly to: string
  readonly keyGroups: readonly number[]
  /** Milliseconds a second that their steps are busy. */
  readonly load: number
  readonly keys: number
  /** About how much state that is. */
  readonly bytes: number
}

/** A public format. Loads are milliseconds a second. */
export interface RebalanceView extends Omit<BalancePlan, 'moves'> {
  readonly generation: number
  readonly measuredMs: number
  /** Key groups that may move, and those that do. */
  readonly budget: number
  readonly moved: number
  readonly moves: readonly PlannedMove[]
}

interface Planned {
  readonly view: RebalanceView
  readonly load: Float64Array
}

/** How often it is looked whether the owners have changed, in milliseconds. */
const LOOK_MS = 20
/** A change takes no longer, whatever happens to it: the table of changes gives up before, in each of its phases. */
const CHANGE_MS = 120_000

/** What a rebalance would do now. Rejects with `E_MEMBER_SILENT`. */
export async function planRebalance(seams: AcrossSeams, question: RebalanceQuestion): Promise<Planned> {
  const { worker } = seams.pipelines
  const { moves: budget, measureMs } = question
  const { generation, owners } = worker.cluster
  const before = measureMs === null ? null : await loadAcross(seams, generation)
  if (measureMs !== null) await pause(seams.clock, measureMs)
  const now = await loadAcross(seams, generation)
  const load = new Float64Array(owners.length)
  const sizes = new Map<number, { readonly keys: number; readonly bytes: number }>()
  for (const [name, own] of now) {
    const earlier = before?.get(name)
    const known = new Map(earlier?.groups.map(({ keyGroup, busyMs }) => [keyGroup, busyMs]))
    const seconds = Math.max(1, own.elapsedMs - (earlier?.elapsedMs ?? 0)) / 1000
    for (const { keyGroup, busyMs, keys, bytes } of own.groups) {
      load[keyGroup] = Math.max(0, busyMs - (known.get(keyGroup) ?? 0)) / seconds
      sizes.set(keyGroup, { keys, bytes })
    }
  }
  const plan = worker.planByLoad(load, budget)
  const ways = Map.groupBy(plan.moves, ({ from, to }) => JSON.stringify([from, to]))
  const moves = Array.from(ways.values(), (way): PlannedMove => {
    const sum = (of: (keyGroup: number) => number): number => way.reduce((all, { keyGroup }) => all + of(keyGroup), 0)
    return {
      ...{ from: way[0]!.from, to: way[0]!.to, keyGroups: way.map(({ keyGroup }) => keyGroup) },
      load: sum((keyGroup) => load[keyGroup]!),
      keys: sum((keyGroup) => sizes.get(keyGroup)?.keys ?? 0),
      bytes: Math.round(sum((keyGroup) => sizes.get(keyGroup)?.bytes ?? 0)),
    }
  })
  const measured = measureMs ?? Math.max(0, ...Array.from(now.values(), ({ elapsedMs }) => elapsedMs))
  const view = { ...plan, generation, measuredMs: Math.round(measured), budget, moved: plan.moves.length, moves }
  return { view, load }
}

/** Plans, and has it done; resolves when the owners are those of the plan. Rejects with `E_REBALANCE`. */
export async function applyRebalance(seams: AcrossSeams, question: RebalanceQuestion): Promise<RebalanceView> {
  const { pipelines, clock } = seams
  const { worker } = pipelines
  const { view, load } = await planRebalance(seams, question)
  if (view.moved === 0) return view
  if (worker.cluster.generation !== view.generation) {
    throw fail('E_REBALANCE', { reason: 'owners have changed while the load was measured' })
  }
  let refusal: string | null = null
  const forget = worker.rebalance(load, view.budget, (answer, reason) => {
    refusal = answer === 'accepted' ? null : reason
  })
  const end = clock.monotonic() + CHANGE_MS
  try {
    while (worker.cluster.generation === view.generation) {
      // Who has accepted it says so too when the next generation has begun, which may not have been read here.
      if (refusal !== null) await readOn(worker, clock, seams.limits.storeTimeoutMs)
      if (refusal !== null && worker.cluster.generation === view.generation) {
        throw fail('E_REBALANCE', { reason: refusal })
      }
      if (clock.monotonic() > end) throw fail('E_REBALANCE', { reason: `it was not over within ${CHANGE_MS} ms` })
      await pause(clock, LOOK_MS)
    }
  } finally {
    forget()
  }
  const { owners, members } = worker.cluster
  const moved = view.moves.every(({ to, keyGroups }) =>
    keyGroups.every((group) => members[owners[group]!]?.worker === to),
  )
  if (!moved) throw fail('E_REBALANCE', { reason: 'the cluster has come into another generation before it' })
  return view
}

/** How far the change of owners has come that is under way, as the coordinator says. */
export async function changeAcross(seams: AcrossSeams): Promise<Change | null> {
  const { worker } = seams.pipelines
  const { coordinator } = worker.cluster
  if (coordinator === worker.name) return worker.status.change
  return (await ask(seams, coordinator, '/v1/cluster/change?own=true', seams.limits.queryMs)) as Change | null
}

/** What all members have measured in `generation`. */
async function loadAcross(seams: AcrossSeams, generation: number): Promise<ReadonlyMap<string, OwnLoad>> {
  const { pipelines, limits } = seams
  const { worker } = pipelines
  const { queryMs: ms } = limits
  const asked = worker.cluster.members.map(async ({ worker: name }) => {
    const own = name === worker.name
    const load = own ? worker.load : ((await ask(seams, name, '/v1/cluster/load', ms)) as OwnLoad | null)
    if (load === null) throw fail('E_MEMBER_SILENT', { worker: name, ms, generation })
    if (load.generation !== generation) {
      throw fail('E_REBALANCE', { reason: `${name} is in generation ${load.generation}, not in ${generation}` })
    }
    return [name, load] as const
  })
  return new Map(await Promise.all(asked))
}
