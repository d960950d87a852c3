/** One pipeline on several workers. The faults with which this was seen failing stand in `crew-mutants.test.ts`. */
import { test } from 'vitest'
import { scenarios } from './crew-scenarios.ts'

test.each(Object.entries(scenarios))('%s', (_name, run) => run())
