/** What members of a cluster say to one another, and take over. */
import type { SimMutant } from './mutant.ts'

export const memberMutants: readonly SimMutant[] = [
  {
    name: 'seen-by-others-not-heard',
    swarm: 'clusters',
    bend: 'store-put-back',
    file: 'src/worker/seat/seat.ts',
    text: 'Math.max(own.seen, this.outlook.seen)',
    replacement: 'Math.max(own.seen, 0 * this.outlook.seen)',
  },
  {
    name: 'letters-of-who-is-gone',
    swarm: 'clusters',
    file: 'src/worker/execution/restore/takers.ts',
    text: 'return index >= 0 ? index : chosenBy(worker, generation)',
    replacement: 'return index >= 0 ? index : -1',
  },
  {
    name: 'no-credit-returned',
    swarm: 'clusters',
    file: 'src/worker/execution/far-input.ts',
    text: 'this.inlet.taken(credit)',
    replacement: '',
  },
  {
    name: 'stream-given-by-an-earlier-epoch',
    swarm: 'clusters',
    bend: 'streams-that-stray',
    file: 'src/ingest/homes.ts',
    text: '|| sessions !== stream.sessions + 1) return',
    replacement: '|| sessions > stream.sessions + 1) return',
  },
  {
    name: 'seal-ignored',
    swarm: 'clusters',
    bend: 'gone-on-without',
    file: 'src/ingest/vouch.ts',
    text: 'this.seals.isSealed((error, sealed) => {',
    replacement: 'this.seals.isSealed((error, found) => {\n      const sealed = found && error !== null',
  },
  {
    name: 'splits-read-by-everyone',
    swarm: 'clusters',
    file: 'src/worker/execution/sources/replayable-sources.ts',
    text: '[...found].filter((name) => readerOf(name) === generation.self)',
    replacement: '[...found]',
  },
]
