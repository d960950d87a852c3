/** A pipeline in miniature that writes real packs and manifests into a store on the simulated disk. */
import type { EpochEntry, PipelineEntry } from '../../src/checkpoint/cluster.ts'
import type { FileStore } from '../../src/checkpoint/file-store.ts'
import * as layout from '../../src/checkpoint/layout.ts'
import {
  encodeManifest,
  type Manifest,
  type ManifestFrame,
  makeManifest,
  serialAfter,
} from '../../src/checkpoint/manifest.ts'
import { NamedPacks } from '../../src/checkpoint/named-packs.ts'
import type { PackHandle } from '../../src/checkpoint/pack-format.ts'
import { PackWriter } from '../../src/checkpoint/pack-writer.ts'
import { isFull } from '../../src/checkpoint/rotation.ts'
import { type Decided, Survey } from '../../src/checkpoint/survey.ts'
import { writeOnce } from '../../src/checkpoint/write-once.ts'
import { newEntry } from './entry.ts'
import { Sim } from './fixture.ts'

export const ROTATION = 3
export const KEY_GROUPS = 6
export const run: layout.Run = { pipeline: 'p', run: 1 }
const frame: ManifestFrame = {
  ...{ ...run, hash: 'h', generation: 1, keyGroups: KEY_GROUPS, rotation: ROTATION },
  steps: [{ step: 'count', kind: 'keyed', schema: 1 }],
  connectors: new Map(),
}

/** A pipeline that writes real packs and manifests. */
export class Pipeline extends Sim {
  readonly store: FileStore = this.open()
  readonly named = new NamedPacks()
  manifests: Manifest[] = []
  floor = 0

  epoch(epoch: number, complete = true): void {
    const base = this.manifests.at(-1) ?? null
    const path = layout.pack(run, { epoch, generation: 1, worker: 'w', incarnation: 'i' })
    const writer = new PackWriter(this, path, () => {})
    for (let keyGroup = 0; keyGroup < KEY_GROUPS; keyGroup++) {
      const kind = isFull(keyGroup, serialAfter(base), ROTATION) ? 'full' : 'delta'
      writer.add('count', keyGroup, kind, Buffer.from(`${keyGroup} at ${epoch}`))
    }
    writer.add('lines', 0, 'rows', Buffer.from(`rows at ${epoch}`))
    const pack = this.value<PackHandle | null>((done) => writer.finish(done))
    const snapshot = { pack, sources: [], sinks: [], counts: { keys: 0, records: 0 } }
    const manifest = makeManifest(frame, base, epoch, 0, new Map([['w', snapshot]]))
    this.end((done) => writeOnce(this, layout.manifest(run, 1, epoch), encodeManifest(manifest), 3, done))
    if (complete) this.manifests.push(manifest)
  }

  entry(): PipelineEntry {
    const epochs = this.manifests
      .filter(({ epoch }) => epoch >= this.floor)
      .map(({ epoch }): EpochEntry => ({ epoch, generation: 1, manifest: layout.manifest(run, 1, epoch) }))
    const highest = this.manifests.at(-1)?.epoch ?? 0
    return { ...newEntry, epochs, highest, floor: this.floor }
  }

  survey(entry: PipelineEntry): Survey {
    return new Survey(this, { pipeline: 'p', entry, acceptLoss: false })
  }

  decide(survey: Survey): Decided {
    return this.value<Decided | null>((done) => survey.decide(done))!
  }

  names(folder: string): number[] {
    return this.value<readonly string[]>((done) => this.store.list(folder, done)).map((name) => layout.epochOf(name)!)
  }
}
