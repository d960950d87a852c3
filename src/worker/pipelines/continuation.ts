/**
 * Whether a program can go on with what its pipeline has: asked before anything is stopped for it, so that what runs
 * goes on where it cannot. Who brings it up asks again (`execution/restore/way-up.ts`), of what it has really read.
 *
 * T1. What the steps leave of a program that has no checkpoint of its own yet is not known before it makes one, and it
 *     makes one before another takes its place: in a cluster that is only with the next generation, so also one that is
 *     still on its way up does. So one is made, where that comes about in time, before anybody asks.
 * T2. The chain is read to its end before: others may have submitted something, and that an epoch is complete is heard
 *     before its record is read.
 * T3. Behind a savepoint there is no older one to go back to: a damaged one is refused where no loss is accepted, and
 *     where its manifest is.
 */
import { fail, PotorooError } from '../../base/errors.ts'
import { periodic } from '../../checkpoint/barrier.ts'
import { droppedSteps, lastEpoch } from '../../checkpoint/cluster.ts'
import type { Examined } from '../../checkpoint/damage.ts'
import { decodeManifest, type Manifest } from '../../checkpoint/manifest.ts'
import type { PackChunk } from '../../checkpoint/pack-format.ts'
import { openPack } from '../../checkpoint/pack-reader.ts'
import type { Store } from '../../checkpoint/store.ts'
import type { Clock } from '../../env/clock.ts'
import type { Plan } from '../../model/plan.ts'
import { fitBase } from '../execution/restore/base-fit.ts'
import { answered, readOn, settle } from '../settle.ts'
import type { Worker } from '../worker.ts'
import { isUp } from './endings.ts'

/** What a program is to begin with. */
export interface Beginning {
  /** The manifest of a savepoint, or `null`. */
  readonly from: string | null
  /** What there is of the pipeline is to be forgotten. */
  readonly fresh: boolean
  /** Steps whose state is not to be taken over. */
  readonly drop: readonly string[]
}

/** Who is asked. */
export interface Asked {
  readonly worker: Worker
  readonly clock: Clock
  /** How long it may wait for a checkpoint (T1), and for what others have written into the chain (T2). */
  readonly timeoutMs: number
  /** Resolves once `condition` holds; looked at after every change of the residents. */
  until(condition: () => boolean): Promise<void>
  /** The program has failed on another member, and comes to no checkpoint any more. */
  readonly again?: boolean
}

/**
 * Throws what `fitBase` throws where the state that `plan` would begin with does not fit it, or the key groups that
 * there are. Answers with what it warns of in `beginning`.
 */
export async function requireContinuation(
  asked: Asked,
  plan: Plan,
  beginning: Beginning,
): Promise<readonly PotorooError[]> {
  const { worker, clock, timeoutMs } = asked
  const { pipeline: name } = plan
  const { from, fresh } = beginning
  if (!fresh) await ownCheckpoint(asked, name)
  await readOn(worker, clock, timeoutMs)
  const entry = fresh ? null : (worker.cluster.pipelines.get(name) ?? null)
  const path = from ?? (entry === null ? null : (lastEpoch(entry)?.manifest ?? entry.from))
  if (path === null) return []
  const store = worker.storage
  const examined = decodeManifest(path, await settle<Buffer | null>((done) => store.read(path, done)))
  if (from !== null) await requireWhole(worker, examined)
  // What becomes of a damaged one is for the recovery to say: it may go back to an older one.
  if (examined.kind !== 'intact') return []
  const drop = new Set([...beginning.drop, ...(entry === null ? [] : droppedSteps(entry))])
  // What runs now comes to rest before: nothing is held any more then.
  const resident = worker.residents.all.get(name)
  const rests = from === null && resident !== undefined && isUp(resident)
  const held = rests ? new Set<string>() : await stepsThatHeld(store, examined.value)
  const warnings: PotorooError[] = []
  fitBase(plan, examined.value, worker.keyGroups, held, drop, (warning) => warnings.push(warning))
  return warnings
}

/**
 * Resolves once what runs has a checkpoint of its own, or has not come to one in time, or comes to none, since it has
 * failed on a member: then it leaves nothing. Throws where it ends meanwhile (T1). Where another generation begins it
 * is asked there once more.
 */
async function ownCheckpoint(asked: Asked, pipeline: string): Promise<void> {
  const { worker, clock, timeoutMs, until, again = false } = asked
  if (again) return
  const endMs = clock.monotonic() + timeoutMs
  const within = <T>(act: (done: (answer: T) => void) => void) =>
    answered(clock, Math.max(0, endMs - clock.monotonic()), act)
  const isStarting = (): boolean => worker.residents.late.get(pipeline) === 'starting'
  for (;;) {
    if (isStarting()) {
      const ended = await within<unknown>((done) => void until(() => !isStarting()).then(() => done(null), done))
      if (ended instanceof PotorooError) throw ended
    }
    const entry = worker.cluster.pipelines.get(pipeline)
    const resident = worker.residents.all.get(pipeline)
    const last = entry === undefined ? null : lastEpoch(entry)
    if (isStarting() || resident === undefined || !isUp(resident)) return
    if ((last?.epoch ?? 0) > (resident.base?.epoch ?? 0)) return
    const { execution } = resident
    const reason = await within<string | null>((done) => execution.request(periodic, done))
    if (typeof reason !== 'string') return
    if (isStarting()) continue
    const stands = worker.residents.all.get(pipeline)?.execution === execution && execution.isOpen && isUp(resident)
    if (!stands) throw fail('E_CHECKPOINT', { pipeline, reason })
    return
  }
}

/** T3. */
async function requireWhole({ storage, acceptsLoss }: Worker, savepoint: Examined<Manifest>): Promise<void> {
  const { packs } = intact(savepoint)
  if (acceptsLoss) return
  for (const pack of packs) {
    intact(await new Promise<Examined<unknown>>((resolve) => openPack(storage, pack, resolve)))
  }
}

function intact<T>(examined: Examined<T>): T {
  if (examined.kind === 'intact') return examined.value
  if (examined.kind === 'failed') throw examined.error
  const { path, reason } = examined.damage
  throw fail('E_STORE_DAMAGED', { path, reason })
}

/**
 * The steps whose tasks had taken records at the barrier of `manifest` and not sent them on, as far as its packs can be
 * read.
 */
async function stepsThatHeld(store: Store, { packs, epoch }: Manifest): Promise<ReadonlySet<string>> {
  const steps = new Set<string>()
  for (const pack of packs) {
    // What was held stands in the packs of its own epoch.
    if (pack.epoch !== epoch) continue
    const examined = await new Promise<Examined<readonly PackChunk[]>>((resolve) => openPack(store, pack, resolve))
    if (examined.kind !== 'intact') continue
    for (const { step, kind } of examined.value) if (kind === 'rows') steps.add(step)
  }
  return steps
}
