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
    text: 'return !stream.isKnown && this.ages()(time) > this.limits.producerTtlMs',
    replacement: 'return false',
  },
  {
    name: 'silent-since-a-clock-was-set',
    swarm: 'clusters',
    bend: 'set-clocks',
    file: 'src/ingest/ages.ts',
    text: 'if (Math.abs(setting - settings.at(-1)!) >= SET_MS) settings.push(setting)',
    replacement: 'if (settings.length === 0) settings.push(setting)',
  },
  {
    name: 'silent-since-an-incarnation-began',
    swarm: 'clusters',
    bend: 'set-clocks',
    file: 'src/worker/doorway.ts',
    text: 'ages: this.ages,',
    replacement: 'ages: new Ages(env.clock),',
  },
  {
    name: 'ahead-by-what-clocks-may-differ',
    swarm: 'clusters',
    bend: 'set-clocks',
    file: 'src/ingest/ages.ts',
    text: 'if (one + passed + apartMs >= time)',
    replacement: 'if (one + passed >= time)',
  },
]
