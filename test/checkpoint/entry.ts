/** The entry of a pipeline that was submitted by record 1 and has no epoch yet. */
import type { PipelineEntry } from '../../src/checkpoint/cluster.ts'

export const newEntry: PipelineEntry = {
  ...{
    run: 1,
    hash: 'h',
    parameters: null,
    submitted: 1,
    drained: false,
    drop: [],
    anew: [],
    places: [],
    leaving: [],
    from: null,
  },
  ...{ epochs: [], base: null, highest: 0, floor: 0 },
}
