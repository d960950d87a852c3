/** What people ask for at once, and pipelines that are drained for good. */
import type { SimMutant } from './mutant.ts'

export const askedMutants: readonly SimMutant[] = [
  {
    name: 'drained-and-never-heard',
    file: 'src/worker/pipelines/residents.ts',
    text: "if (record.kind === 'epoch' && record.drained) this.events.changed()",
    replacement: '',
  },
  {
    name: 'drained-before-he-asked',
    file: 'src/worker/execution/epoch-requests.ts',
    text: 'if (drained !== null && same(drained, purpose)) {',
    replacement: 'if (Math.random() < 0) {',
  },
  {
    name: 'joins-no-drain',
    file: 'src/worker/execution/epoch-requests.ts',
    text: "const joined = purpose.kind === 'drain' ?",
    replacement: "const joined = purpose.kind === 'periodic' ?",
  },
  {
    name: 'ended-before-it-was-committed',
    file: 'src/worker/execution/ending.ts',
    text: 'return active.whenCommitted(() => {',
    replacement: 'return queueMicrotask(() => {',
  },
  {
    name: 'submit-waits-for-what-was-drained',
    file: 'src/worker/pipelines/submission.ts',
    text: 'return entry === undefined || entry.drained || !isProgram(program, entry)',
    replacement: 'return entry === undefined || !isProgram(program, entry)',
  },
  {
    name: 'the-one-behind-is-cancelled',
    file: 'src/worker/pipelines/programs.ts',
    text: 'if (run === undefined || pipelines.get(pipeline)?.run !== run) return null',
    replacement:
      'if (run === undefined || pipelines.get(pipeline)?.run !== run) return { kind: "submit", generation, pipeline, hash: null, parameters: null, from: null, drop: [] }',
  },
  {
    name: 'drained-and-brought-up',
    file: 'src/worker/pipelines/residents.ts',
    text: 'if (!entry.drained && this.seams.wants(name)) arrivals.bring(name, entry)',
    replacement: 'if (this.seams.wants(name)) arrivals.bring(name, entry)',
  },
].map((one): SimMutant => ({ ...one, swarm: 'clusters', bend: 'people' }))
