/** Programs that follow one another, with other steps and other sources. */
import type { SimMutant } from './mutant.ts'

export const programMutants: readonly SimMutant[] = [
  ...[
    {
      name: 'drops-forgotten-where-one-is-left',
      file: 'src/checkpoint/fold.ts',
      text: "members.some(({ address }) => address !== '')",
      replacement: 'members.length > 1',
    },
    {
      name: 'dropped-state-comes-back',
      file: 'src/worker/execution/restore/state-return.ts',
      text: 'if (this.drop.has(step)) return',
      replacement: '',
    },
    {
      name: 'gone-step-passed-over',
      file: 'src/worker/execution/restore/base-fit.ts',
      text: "if (task === undefined) throw fail('E_STEP_GONE', { pipeline, step: before.step })",
      replacement: 'if (task === undefined) continue',
    },
    {
      name: 'other-kind-takes-the-state',
      file: 'src/worker/execution/restore/base-fit.ts',
      text: 'if (entry.kind !== before.kind || isOther) {',
      replacement: 'if (entry.kind.length < 0) {',
    },
    {
      name: 'sinks-left-out-of-the-fit',
      file: 'src/worker/execution/restore/base-fit.ts',
      text: 'for (const part of [...sources, ...sinks]) {',
      replacement: 'for (const part of [...sources, ...sinks.slice(sinks.length)]) {',
    },
    {
      name: 'gone-source-passed-over',
      file: 'src/worker/execution/restore/base-fit.ts',
      text: "if (there === undefined) throw fail('E_STEP_GONE', { pipeline, step })",
      replacement: 'if (there === undefined) continue',
    },
    {
      name: 'calls-of-a-gone-step-lost',
      file: 'src/worker/execution/restore/base-fit.ts',
      text: '    if (task?.kind !==',
      replacement: '    if (task !== undefined && task.kind !==',
    },
    {
      name: 'dropped-source-goes-on',
      file: 'src/worker/execution/restore/base-fit.ts',
      text: 'sources: sources.filter(isKept)',
      replacement: 'sources',
    },
    {
      name: 'dropped-sink-goes-on',
      file: 'src/worker/execution/restore/base-fit.ts',
      text: 'sinks: sinks.filter(isKept)',
      replacement: 'sinks',
    },
    {
      name: 'drops-of-programs-before-forgotten',
      file: 'src/checkpoint/fold.ts',
      text: 'return [...before, ...steps',
      replacement: 'return [...before.slice(before.length), ...steps',
    },
    {
      name: 'fits-what-was-saved-before',
      file: 'src/worker/pipelines/continuation.ts',
      text: 'if (!fresh) await ownCheckpoint(asked, name)',
      replacement: '',
    },
    {
      name: 'fits-what-was-read-before',
      file: 'src/worker/pipelines/continuation.ts',
      text: 'await readOn(worker, clock, timeoutMs)',
      replacement: '',
    },
    {
      name: 'old-chunks-of-a-step-that-came-back',
      file: 'src/checkpoint/resolve.ts',
      text: 'const chains = pack.serial < (begins.get(chunk.step) ?? 0) ? undefined : groups.get(chunk.step)',
      replacement: 'const chains = groups.get(chunk.step)',
    },
    {
      name: 'connector-not-noted',
      file: 'src/checkpoint/manifest.ts',
      text: 'return sort === undefined ? {} : { of: sort }',
      replacement: 'return {}',
    },
  ].map((mutant) => ({ ...mutant, swarm: 'clusters' as const, bend: 'other-steps' })),
  // Sources with producers that come and go
  ...[
    {
      name: 'dropped-source-keeps-its-journal',
      file: 'src/checkpoint/fold.ts',
      text: '=> (upTo === null ? [step] : []))\n    const anew',
      replacement: '=> (upTo === null ? [step].slice(1) : []))\n    const anew',
    },
    {
      name: 'dropped-rows-prepared',
      file: 'src/worker/execution/restore/way-up.ts',
      text: 'sources.prepare(keptOf(manifest, seams.drop).sources)',
      replacement: 'sources.prepare(manifest.sources)',
    },
    {
      name: 'unknown-source-for-good',
      file: 'src/protocol/unknown.ts',
      text: "['E_SOURCE_UNKNOWN', ",
      replacement: '[',
    },
    {
      name: 'known-by-a-row-without-records',
      rare: 'a stream that nobody knows has to go from one member to another, none in 42; a test of the doors shows it',
      file: 'src/ingest/stream.ts',
      text: 'return this.admitted > 0 || this.time > 0',
      replacement: 'return this.admitted > 0 || this.hasRow',
    },
  ].map((mutant) => ({ ...mutant, swarm: 'clusters' as const, bend: 'other-sources' })),
  {
    name: 'fits-what-an-earlier-generation-had',
    swarm: 'clusters',
    seed: 91102450,
    file: 'src/worker/pipelines/continuation.ts',
    text: 'if (isStarting()) continue',
    replacement: 'if (isStarting()) return',
  },
  // The same program with other parameters, and others whose states have another form
  {
    name: 'held-by-another-version',
    swarm: 'clusters',
    bend: 'versions',
    file: 'src/worker/execution/restore/way-up.ts',
    text: 'const held = before?.submitted === entry.submitted ? before : null',
    replacement: 'const held = before',
    besides: {
      file: 'src/worker/pipelines/arrivals.ts',
      text: "if (phase === 'failed' || submitted !== entry.submitted) return",
      replacement: "if (phase === 'failed' || submitted > entry.submitted) return",
    },
  },
]
