/** Errors of describing a pipeline, and cutting bytes into records by its decoders. */

import type { ErrorRows } from './row.ts'

export const modelErrors = {
  E_SETTING: {
    kind: 'user',
    what: 'a setting is wrong: {reason}',
    remedy: 'correct the setting in the pipeline file',
  },
  E_STEP_ABSENT: {
    kind: 'user',
    what: 'there is no such step here: {reason}',
    remedy:
      'correct the pipeline file; docs/pipeline-api.md has the steps of each kind of stream, docs/recipes.md joins and windows made of them',
  },
  E_RECORD_TOO_LONG: {
    kind: 'protocol',
    what: 'a record of {bytes} bytes is over the limit of {limit} (recordBytes)',
    remedy: 'check that the source has the framing of its senders, or raise the limit recordBytes',
  },
  E_FRAMING: {
    kind: 'protocol',
    what: 'no record can begin at byte {offset}: {reason}',
    remedy: 'check that the source has the framing of its senders',
  },
  E_DECODE: {
    kind: 'user',
    what: 'the record is no {kind}: {reason}',
    remedy: 'check that the decoder fits what the senders send',
  },
  E_PIPELINE: {
    kind: 'user',
    what: 'pipeline "{pipeline}" cannot run ({count}):\n{faults}',
    remedy: 'correct the steps named above; `potoroo check FILE` checks again',
  },
  E_PLAN_TOO_LARGE: {
    kind: 'user',
    what: 'pipeline "{pipeline}" becomes more than {limit} fused steps: each merge copies what follows it into its inputs',
    remedy: 'merge fewer streams one after another, or put a keyBy with its stateful step between the merges',
  },
  E_PARAMETER: {
    kind: 'user',
    what: 'pipeline "{pipeline}": {reason}',
    remedy: 'give parameters as --param name=value; `potoroo explain FILE` lists them with their defaults',
  },
  E_BUILD_OVER: {
    kind: 'user',
    what: 'step "{step}" was added after the pipeline\'s function had returned',
    remedy: 'add all steps inside the function given to pipeline(), without async, timers or callbacks',
  },
} as const satisfies ErrorRows
