/** Streams that are silent for long, and are forgotten. */
import type { SimMutant } from './mutant.ts'

export const memoryMutants: readonly SimMutant[] = [
  {
    name: 'forgotten-too-soon',
    swarm: 'clusters',
    bend: 'short-memory',
    file: 'src/ingest/streams.ts',
    text: 'const KEPT_LONGER = 1.125',
    replacement: 'const KEPT_LONGER = 0.5',
  },
  {
    name: 'believed-however-old',
    swarm: 'clusters',
    bend: 'short-memory',
    file: 'src/ingest/streams.ts',
    text: 'const BELIEVED_FOR = 0.875',
    replacement: 'const BELIEVED_FOR = Number.POSITIVE_INFINITY',
  },
  {
    name: 'forgotten-while-journaled',
    swarm: 'clusters',
    bend: 'short-memory',
    file: 'src/ingest/streams.ts',
    text: 'if (isJournaled(stream.key)) continue',
    replacement: '',
  },
  {
    name: 'known-by-what-its-home-forgot',
    swarm: 'clusters',
    bend: 'short-memory',
    file: 'src/ingest/homes.ts',
    text: 'stream.forgotten = true',
    replacement: '',
  },
  {
    name: 'journals-count-for-ever',
    swarm: 'clusters',
    bend: 'short-memory',
    file: 'src/ingest/source.ts',
    text: 'return !stream.isKnown && this.context.ages.look()(time) > this.limits.producerTtlMs',
    replacement: 'return false',
  },
]
