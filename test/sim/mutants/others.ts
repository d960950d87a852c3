/**
 * Pipelines beside the one that a cluster is about, requests that post records, and workers that are ended in peace.
 */
import type { SimMutant } from './mutant.ts'

export const otherMutants: readonly SimMutant[] = [
  ...[
    {
      name: 'asked-of-what-is-never-loaded',
      bend: 'other-pipelines-loaded-late',
      rare: 'somebody has to ask for a checkpoint, where a program runs, of a coordinator that still loads it and cannot',
      file: 'src/worker/pipelines/run-mail.ts',
      text: 'this.early.deliver(run, (from, message) => this.answerFailed(from, run, error, message))',
      replacement: '',
    },
    {
      name: 'drained-before-its-next-program',
      seed: 94_000_038,
      file: 'src/worker/pipelines/residents.ts',
      text: 'if (drained) continue',
      replacement: '',
    },
    {
      name: 'submitted-again-within-a-generation',
      bend: 'other-pipelines-passed-over',
      rare: 'who has passed over the record of a first program has to be without it where others run that one in the same generation',
      file: 'src/worker/pipelines/residents.ts',
      text: '(isFirst && !there)',
      replacement: '!there',
    },
    {
      name: 'segments-of-the-run-before-stay',
      file: 'src/connectors/file/publish.ts',
      text: 'return parts.epoch > sweep.above ||',
      replacement: 'return parts.epoch > sweep.above + 1e9 ||',
    },
    {
      name: 'sums-sent-again',
      file: 'src/dataflow/combiner.ts',
      text: '    this.sending = true\n',
      replacement: '    this.sending = true\n    this.sent = 0\n',
    },
  ].map((one): SimMutant => ({ bend: 'other-pipelines', ...one, swarm: 'clusters' })),
  ...[
    {
      name: 'answered-before-it-is-journaled',
      file: 'src/ingest/requests.ts',
      text: 'if (last <= stream[until]) soon(',
      replacement: 'if (last > 0) soon(',
    },
    {
      name: 'requests-counted-twice',
      file: 'src/ingest/requests.ts',
      text: 'const first = given ?? before + 1',
      replacement: 'const first = before + 1',
    },
  ].map((one): SimMutant => ({ ...one, swarm: 'clusters', bend: 'posters' })),
  {
    name: 'written-behind-the-end',
    swarm: 'clusters',
    bend: 'rests-of-plain-sinks',
    seed: 154,
    file: 'src/connectors/socket/dialling-writer.ts',
    text: '        this.queue.detach()\n        connection.end()',
    replacement: '        connection.end()',
  },
]
