/** Dead letters that are tried again or taken out. */
import type { SimMutant } from './mutant.ts'

export const letterMutants: readonly SimMutant[] = [
  {
    name: 'answers-of-one-call-tried-apart',
    swarm: 'clusters',
    bend: 'second-tries',
    file: 'src/dataflow/keyed-task.ts',
    text: 'this.emit(batch, i, batch.values[i])',
    replacement:
      'for (const one of this.many ? (batch.values[i] as unknown[]) : [batch.values[i]]) this.emit(batch, i, this.many ? [one] : one)',
  },
  {
    name: 'asked-again-behind-the-call',
    swarm: 'clusters',
    bend: 'second-tries',
    seed: 164,
    file: 'src/dataflow/async-task.ts',
    text: 'chain.takeBack(error, call.outcome)',
    replacement: 'chain.takeBack(error, call.value)',
  },
  {
    name: 'tried-again-and-kept',
    swarm: 'clusters',
    bend: 'second-tries',
    file: 'src/worker/letters/letter-desk.ts',
    text: 'letters.remove(idsOf(taken))',
    replacement: 'letters.remove(new Set())',
  },
  {
    name: 'given-back-twice',
    swarm: 'clusters',
    bend: 'second-tries',
    file: 'src/worker/letters/letter-desk.ts',
    text: 'private readonly waiting = new Map<string, DeadLetter>()',
    // The second time it waits beside itself.
    replacement: `private readonly waiting = new (class extends Map<string, DeadLetter> {
      override set(id: string, letter: DeadLetter) { return super.set(this.has(id) ? id + '+' : id, letter) }
      override delete(id: string) { return super.delete(id + '+') || super.delete(id) }
    })()`,
  },
  {
    name: 'tried-again-under-a-barrier',
    swarm: 'clusters',
    bend: 'second-tries',
    file: 'src/worker/letters/letter-desk.ts',
    text: 'if (waiting.size === 0 || !letters.quiet) return',
    replacement: 'if (waiting.size === 0) return',
  },
  {
    name: 'purged-in-memory-only',
    swarm: 'clusters',
    bend: 'second-tries',
    file: 'src/worker/letters/dead-letters.ts',
    text: '      segment.path = null\n',
    replacement: '',
  },
  {
    name: 'full-for-ever',
    swarm: 'clusters',
    bend: 'full-letters',
    file: 'src/worker/letters/letter-desk.ts',
    text: 'full: (reason) => events.crowded(reason)',
    replacement: 'full: (reason) => reason !== null && events.crowded(reason)',
  },
]
