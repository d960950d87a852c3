/** What is over, and stays on some disk. */
import type { SimMutant } from './mutant.ts'

export const leftoverMutants: readonly SimMutant[] = [
  {
    name: 'what-is-kept-for-others-stays',
    file: 'src/worker/execution/execution.ts',
    text: 'if (rows === null || this.sources.keepsForOthers)',
    replacement: 'if (rows === null)',
  },
  {
    name: 'journal-of-a-cluster-not-trimmed',
    file: 'src/ingest/door.ts',
    text: 'if (this.sealed?.looksAtOwn === true) return',
    replacement: 'if (this.sealed !== null) return',
  },
  {
    name: 'runs-swept-by-who-takes-them-out',
    file: 'src/worker/seat/floors.ts',
    text: 'if (isAnother || this.runsEnded)',
    replacement: 'if (isAnother && this.runsEnded && era < 0)',
  },
  {
    name: 'packs-below-the-floor-stay',
    file: 'src/checkpoint/removal.ts',
    text: ', ...below(packFolder(run), listing.packs)]',
    replacement: ']',
  },
  {
    name: 'chain-not-swept',
    file: 'src/worker/seat/floors.ts',
    text: 'if (isAnother) sweepChain',
    replacement: 'if (isAnother && era < 0) sweepChain',
  },
  {
    name: 'letters-below-the-floor-stay',
    file: 'src/worker/letters/dead-letters.ts',
    text: 'for (const { path } of gone) this.seams.store.remove(path, () => {})\n  }\n\n  // ── The list',
    replacement: '  }\n\n  // ── The list',
  },
  {
    name: 'what-was-begun-stays',
    file: 'src/checkpoint/file-store.ts',
    text: 'forEach(names, 1, remove, done)',
    replacement: 'forEach(names.slice(names.length), 1, remove, done)',
  },
].map((one): SimMutant => ({ ...one, swarm: 'clusters', bend: 'tidy' }))
