/** The chain, manifests and packs. */
import type { SimMutant } from './mutant.ts'

export const checkpointMutants: readonly SimMutant[] = [
  {
    name: 'commit-before-the-record',
    file: 'src/worker/execution/epochs/participating.ts',
    text: 'return this.events.saved(effect.epoch, this.withoutLost(effect.snapshot))',
    replacement:
      '{ this.events.commit(effect.epoch); return this.events.saved(effect.epoch, this.withoutLost(effect.snapshot)) }',
  },
  {
    name: 'own-record-taken-as-lost',
    file: 'src/checkpoint/chain-writer.ts',
    text: 'if (!isSame(record, attempt.stamp)) return this.lose(',
    replacement: 'if (!isSame(record, attempt.stamp) || record.n >= 2) return this.lose(',
  },
  {
    name: 'folder-not-synced',
    file: 'src/checkpoint/file-store.ts',
    text: 'this.disk.syncDirectory(this.at(folder), (error) => {',
    replacement: 'this.disk.list(this.at(folder), (error) => {',
  },
  {
    name: 'pack-not-synced',
    file: 'src/checkpoint/file-store.ts',
    text: 'this.file.sync((error) => {',
    replacement: 'this.file.size((error) => {',
  },
  {
    name: 'needed-pack-removed',
    file: 'src/checkpoint/removal.ts',
    text: 'for (const pack of packs) named.add(pack)',
    replacement: 'for (const pack of packs.slice(-1)) named.add(pack)',
  },
  {
    name: 'needed-pack-left-out',
    file: 'src/checkpoint/rotation.ts',
    text: 'return packSerial > serial - rotation',
    replacement: 'return packSerial > serial - rotation + 1',
  },
  {
    name: 'stuck-worker-stays',
    file: 'src/checkpoint/file-store.ts',
    text: 'if (first) this.lost(',
    replacement: 'if (first && folder === null) this.lost(',
  },
  {
    name: 'generation-not-checked',
    file: 'src/checkpoint/fold.ts',
    text: 'if (record.generation !== cluster.generation) return null',
    replacement: '',
    unseen: 'whoever wrote for the generation before is dead, and its disk with it',
  },
  {
    name: 'path-without-generation',
    file: 'src/checkpoint/layout.ts',
    text: 'export function manifest(run: Run, generation: number, epoch: number): string {',
    replacement: 'export function manifest(run: Run, _: number, epoch: number): string {\n  const generation = 0',
    unseen: 'a manifest that is there is never overwritten, so the epoch is abandoned and the next one stands',
  },
  {
    name: 'manifest-overwritten',
    file: 'src/checkpoint/write-once.ts',
    text: 'store.createExclusive(path, bytes, (outcome, error) => {',
    replacement:
      "((then: any) => store.put(path, bytes, (e) => then(e === null ? 'created' : 'unknown', e)))((outcome: any, error: any) => {",
  },
  {
    name: 'letters-not-read-again',
    file: 'src/worker/letters/dead-letters.ts',
    text: 'examine(seams, path, look, (examined) => {',
    replacement: 'look((examined) => {',
    bend: 'failing-reads',
  },
  {
    name: 'lost-pack-named-again',
    swarm: 'clusters',
    bend: 'ruins',
    file: 'src/checkpoint/manifest.ts',
    text: 'const lost = lostToAll([...snapshots.values()])',
    replacement: 'const lost = lostToAll([])',
  },
  {
    name: 'what-is-left-not-in-full',
    swarm: 'clusters',
    bend: 'ruins',
    file: 'src/state/keyed-store.ts',
    text: 'const groups = new Set([...full, ...this.incomplete])',
    replacement: 'const groups = new Set(full)',
  },
]
