/**
 * Whether a program can go on with what its pipeline has: asked before anything is stopped for it, so that what runs goes on
 * where it cannot. Who brings it up asks again (`execution/way-up.ts`), of what it has really read.
 */
import { droppedSteps, lastEpoch, type PipelineEntry } from '../../checkpoint/cluster.ts'
import type { Examined } from '../../checkpoint/damage.ts'
import { decodeManifest, type Manifest } from '../../checkpoint/manifest.ts'
import type { PackChunk } from '../../checkpoint/pack-format.ts'
import { openPack } from '../../checkpoint/pack-reader.ts'
import type { Store } from '../../checkpoint/store.ts'
import type { Plan } from '../../model/plan.ts'
import { fitBase } from '../execution/base-fit.ts'
import { settle } from '../settle.ts'

/** What a program is to begin with. */
export interface Beginning {
  /** The manifest of a savepoint, or `null`. */
  readonly from: string | null
  /** What the chain says of the pipeline; `null` where there is none, or where it is to be forgotten. */
  readonly entry: PipelineEntry | null
  /** Steps whose state is not to be taken over. */
  readonly drop: readonly string[]
  /** What runs now comes to rest before: nothing is held any more then. */
  readonly rests: boolean
}

/** Throws what `fitBase` throws where the state that `plan` would begin with does not fit it, or the `keyGroups` that there are. */
export async function requireContinuation(
  store: Store,
  plan: Plan,
  keyGroups: number,
  beginning: Beginning,
): Promise<void> {
  const { from, entry } = beginning
  const path = from ?? (entry === null ? null : (lastEpoch(entry)?.manifest ?? entry.from))
  if (path === null) return
  const examined = decodeManifest(path, await settle<Buffer | null>((done) => store.read(path, done)))
  // What becomes of a damaged one is for the recovery to say: it may go back to an older one.
  if (examined.kind !== 'intact') return
  const drop = new Set([...beginning.drop, ...(entry === null ? [] : droppedSteps(entry))])
  const rests = from === null && beginning.rests
  const held = rests ? new Set<string>() : await stepsThatHeld(store, examined.value)
  fitBase(plan, examined.value, keyGroups, held, drop, () => {})
}

/** The steps whose tasks had taken records at the barrier of `manifest` and not sent them on, as far as its packs can be read. */
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
