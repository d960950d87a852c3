import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'

/** Run a scenario again for every fault that is planted in the engine: these try the tests. */
const mutants = 'test/**/{mutants,*-mutants}.test.ts'
const tests = 'test/**/*.test.ts'
/** Start the command line, out of the package as it is built. */
const processes = 'test/process/*.test.ts'

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  test: {
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      { extends: true, test: { name: 'tests', include: [tests], exclude: [mutants, processes] } },
      { extends: true, test: { name: 'processes', include: [processes], globalSetup: 'test/process/built.ts' } },
      // Each runs up to some hundred clusters.
      { extends: true, test: { name: 'mutants', include: [mutants], testTimeout: 1_800_000 } },
    ],
    // These end what hangs and say nothing of speed, so a busy machine does not come near them.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    // Processes that tests start read the sources by the hundred: what one has compiled the next one finds.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'potoroo-compiled') },
    // Tests of processes wait for a part of their time, which others use: of two processors none is idle with three.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    sequence: { sequencer: LongestFirst },
  },
})
