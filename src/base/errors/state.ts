/** Errors of what a step keeps for its keys. */

import type { ErrorRows } from './row.ts'

export const stateErrors = {
  E_KEY_GROUP_FULL: {
    kind: 'operational',
    what: 'key group {keyGroup} of step "{step}" holds {keys} keys, as many as it can',
    remedy: 'spread the keys: check that they differ, give the step a TTL, or make a cluster with more key groups',
  },
  E_STATE_VALUE: {
    kind: 'user',
    what: 'step "{step}" keeps for key {key} a state that cannot be written: state{path} is {got}',
    remedy: 'keep plain data: numbers, strings, bigints, booleans, arrays, objects, Map, Set, Date, typed arrays',
  },
  E_STATE_TOO_LARGE: {
    kind: 'user',
    what: 'step "{step}" keeps for key {key} a state of more than {limit} bytes',
    remedy: 'keep less for each key, or divide the state among several keys',
  },
  E_STATE_NEWER: {
    kind: 'user',
    what: 'step "{step}" has states of schema version {from}, and the pipeline knows versions up to {version}',
    remedy: 'run the pipeline file that wrote them, or a newer one, or drop them with --drop {step}',
  },
  E_STATE_FIELDS: {
    kind: 'user',
    what: 'step "{step}" of pipeline "{pipeline}" goes on with states of another program that lack what its init makes: {fields}, as that of key {key}',
    remedy:
      'where a field was renamed, or the step counts on it, go back to a savepoint from before, raise schema.version, and make states of the new shape in schema.migrate; where the step copes with undefined, nothing is amiss',
  },
  E_STATE_KEY_GROUPS: {
    kind: 'user',
    what: 'the state of pipeline "{pipeline}" lies in {theirs} key groups, and this store has {ours}: no key would be found again',
    remedy:
      'begin with it in a store that was made with {theirs} key groups; no savepoint is taken over into another number',
  },
  E_STATE_NO_MIGRATE: {
    kind: 'user',
    what: 'step "{step}" has states of schema version {from}, and nothing that turns them into version {version}',
    remedy: 'give the step a migrate(state, from) that returns a state of the new version',
  },
  E_STATE_MIGRATE: {
    kind: 'user',
    what: 'the migrate of step "{step}" failed on a state of version {from}, key {key}: {reason}',
    remedy: 'correct migrate and start again; the checkpoint is unchanged',
  },
} as const satisfies ErrorRows
