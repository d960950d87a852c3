/**
 * What a cluster at rest may have on its disks: what lies below the floor goes (PROTOCOLS 12, 13), wherever it came
 * from, and nothing is left of processes that are dead. Somebody looks until it is so, once all that was made is
 * covered.
 *
 * G1. Of a pipeline there is one run, and below its floor nothing but what manifests from there on name: no manifest,
 *     no pack, no file of dead letters.
 * G2. Of the chain there are two eras, and of those before them the first records.
 * G3. A journal whose records all lie below the floor is the segment that is being written, wherever their streams have
 *     been since. What another process of its worker's name has left there, whose records others have read by its seal,
 *     goes when that worker is started the next time.
 * G4. Of what was to get a name in the store and did not there is nothing, but of who does not come back, and where a
 *     disk has failed or the store's volume was gone: what cannot be removed then is swept by the next start.
 */
import { type Cluster, lastEpoch, type PipelineEntry } from '../../../src/checkpoint/cluster.ts'
import {
  chainNumberOf,
  epochOf,
  letterFolder,
  manifestFolder,
  PIPELINES,
  packFolder,
  TEMPORARY,
  temporaryPrefix,
  unescapeName,
} from '../../../src/checkpoint/layout.ts'
import { decodeManifest, letterFilesOf } from '../../../src/checkpoint/manifest.ts'
import { readHeader } from '../../../src/ingest/format.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'
import { DATA } from '../../../src/sim/station.ts'
import { Refused, type Volume } from '../../../src/sim/volume.ts'
import { STORE } from './chain-watch.ts'
import type { ClusterConfig } from './config.ts'

interface Seams {
  readonly volume: Volume
  readonly stations: readonly MemberStation[]
  readonly pipeline: string
}

export class Leftovers {
  private readonly config: ClusterConfig
  private readonly seams: Seams
  /** The last epoch when somebody began to look; the floor has to pass it. */
  private last: number | null = null
  /** What lay below it once it had, and does so still. */
  private left: readonly string[] | null = null

  constructor(config: ClusterConfig, seams: Seams) {
    this.config = config
    this.seams = seams
  }

  /** Whether the floor has passed all that was made, and nothing is left of what lay below it then. */
  get areGone(): boolean {
    this.last ??= lastEpoch(this.entry)?.epoch ?? 0
    if (this.entry.floor <= this.last) return false
    const found = new Set(this.found)
    this.left = this.left?.filter((path) => found.has(path)) ?? [...found]
    return this.left.length === 0
  }

  /** What is left and should not be, for a cluster in which it does not go. */
  get standing(): readonly string[] {
    if (this.last === null) return []
    return this.left ?? [`the floor is ${this.entry.floor}, and not above ${this.last}`]
  }

  /** What the chain says, as far as somebody who stays has read it. */
  private get cluster(): Cluster {
    const read = this.seams.stations.flatMap(({ worker, left }) => (left ? [] : (worker?.cluster ?? [])))
    return read.toSorted((a, b) => b.next - a.next)[0]!
  }

  private get entry(): PipelineEntry {
    return this.cluster.pipelines.get(this.seams.pipeline)!
  }

  private get found(): readonly string[] {
    return [...this.ofRuns(), ...this.ofChain(), ...this.ofJournals(), ...this.ofDead()]
  }

  /** G1. */
  private ofRuns(): string[] {
    const { cluster } = this
    return this.list(PIPELINES).flatMap((name) => {
      const entry = cluster.pipelines.get(unescapeName(name))
      return this.list(`${PIPELINES}/${name}`).flatMap((numbered) => {
        const run = chainNumberOf(numbered)
        if (run === null) return []
        const folders = [manifestFolder, packFolder, letterFolder].map((at) =>
          at({ pipeline: unescapeName(name), run }),
        )
        const paths = folders.flatMap((folder) => this.list(folder).map((file) => `${folder}/${file}`))
        if (entry?.run !== run) return paths.map((path) => `${path}, of a run that is over (G1)`)
        return this.belowFloor(entry, paths)
      })
    })
  }

  private belowFloor({ epochs, floor }: PipelineEntry, paths: readonly string[]): string[] {
    const below = paths.filter((path) => (epochOf(path.slice(path.lastIndexOf('/') + 1)) ?? floor) < floor)
    if (below.length === 0) return []
    const named = new Set<string>()
    for (const { manifest } of epochs) {
      const examined = decodeManifest(manifest, this.read(manifest))
      if (examined.kind !== 'intact') return [`${manifest} is ${examined.kind} (G1)`]
      for (const { path } of examined.value.packs) named.add(path)
      for (const file of examined.value.sinks.flatMap(letterFilesOf)) named.add(file)
    }
    return below.filter((path) => !named.has(path)).map((path) => `${path}, below the floor (G1)`)
  }

  /** G2. */
  private ofChain(): string[] {
    const { chainEra } = this.config.limits
    const numbers = this.list('chain').flatMap((name) => chainNumberOf(name) ?? [])
    const first = (Math.floor(this.cluster.next / chainEra) - 2) * chainEra
    const old = numbers.filter((n) => n < first && n % chainEra !== 0)
    return old.map((n) => `record ${n} of an era that is over (G2)`)
  }

  /** G3. */
  private ofJournals(): string[] {
    const { volume, stations } = this.seams
    return stations.flatMap(({ name, left, machine }) => {
      if (left || this.config.deeds.namesakeMs > 0) return []
      const shared = this.config.sharedJournals
      const [at, folder] = shared ? [volume, `/journals/${name}`] : [machine.volume, `${DATA}/journal`]
      const segments = listed(at, folder).slice(0, -1)
      const written = segments.filter((segment) => !isBegun(segment, contentOf(at, `${folder}/${segment}`)))
      return written.map((segment) => `${name}: ${segment} (G3)`)
    })
  }

  /** G4. */
  private ofDead(): string[] {
    if (this.config.harsh || this.config.deeds.vanishMs > 0) return []
    const here = this.seams.stations.filter(({ left }) => !left)
    const files = this.list(TEMPORARY).filter((file) => here.some(({ name }) => file.startsWith(temporaryPrefix(name))))
    return files.map((file) => `${TEMPORARY}/${file} (G4)`)
  }

  private list(path: string): readonly string[] {
    return listed(this.seams.volume, `${STORE}/${path}`)
  }

  private read(path: string): Buffer | null {
    return contentOf(this.seams.volume, `${STORE}/${path}`)
  }
}

/** Whether a segment has nothing but the entry that it begins with, or not even that: nobody heard that it was made. */
function isBegun(name: string, content: Buffer | null): boolean {
  if (content === null) return false
  if (content.length === 0) return true
  const header = readHeader(content, 0, content.length, Number(name.slice(0, name.indexOf('-'))))
  return typeof header !== 'string' && header.kind === 'opening' && header.bytes === content.length
}

function contentOf(volume: Volume, path: string): Buffer | null {
  const inode = volume.open(path, 'read')
  return 'sync' in inode ? inode.read(0, inode.size) : null
}

function listed(volume: Volume, path: string): readonly string[] {
  const names = volume.list(path)
  return names instanceof Refused ? [] : names
}
