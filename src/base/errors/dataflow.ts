/** Errors of what a user's step did with a record. */

import type { ErrorRows } from './row.ts'

export const dataflowErrors = {
  E_TOO_MANY_OUTPUTS: {
    kind: 'user',
    what: 'one record made more than {limit} outputs in step "{step}"',
    remedy: 'see the dead letter for the record; make the generator end, or raise the limit maxOutputsPerRecord',
  },
  E_NOT_SEVERAL: {
    kind: 'user',
    what: 'a step that may send on any number of records has answered with {got}',
    remedy: 'return an array or a generator; an array without items sends on nothing',
  },
  E_OUTPUT_TOO_LONG: {
    kind: 'user',
    what: 'a record of {bytes} bytes is longer than the {limit} bytes that the receiver of step "{step}" takes',
    remedy: 'make it shorter in encode, or write it elsewhere and send where it is',
  },
  E_LINEAGE_TOO_DEEP: {
    kind: 'user',
    what: 'one record turned into too many records on its way to step "{step}"',
    remedy: 'split the record in fewer steps, or lower the limit maxOutputsPerRecord',
  },
  E_KEY: {
    kind: 'user',
    what: 'keyBy step "{step}" returned {got}, which cannot be a key',
    remedy: 'return a string, a number other than NaN, a bigint or a boolean',
  },
  E_KEY_TOO_LONG: {
    kind: 'user',
    what: 'keyBy step "{step}" returned a key longer than {limit} characters',
    remedy: 'use a shorter key, or raise the limit keyLength',
  },
  E_ASYNC_TIMEOUT: {
    kind: 'user',
    what: 'a call of step "{step}" took longer than {timeout} ms',
    remedy:
      "raise the step's timeoutMs, or see what it waits for; replay the record with `potoroo dead-letters replay`",
  },
  E_STATE_RETURNED: {
    kind: 'user',
    what: 'step "{step}" returned its own state object as a record',
    remedy: 'return a copy, such as { ...state }: the state will change, and the record must not',
  },
  E_STATE_SHARED: {
    kind: 'user',
    what: 'step "{step}" returned a record that shares an object with its state',
    remedy: 'return copies of what the state holds: it will change, and the record must not',
  },
  E_RECORD_CHANGED: {
    kind: 'user',
    what: 'step "{step}" changed the record that it was given',
    remedy:
      'return a changed copy, such as { ...record, seen: true }: other steps have the same object, and a second try would begin with what the first one has changed',
  },
  E_RECORD_KEPT: {
    kind: 'user',
    what: 'step "{step}" changed a record that its state keeps and that other steps have, too',
    remedy:
      'put a copy into the state, such as { ...record } or structuredClone(record): the others have the same object',
  },
  E_AGGREGATE_RETURNED: {
    kind: 'user',
    what: '{fn} of step "{step}" returned another accumulator and left its own as it was: what it returns counts for nothing',
    remedy: 'change the first argument in place, as in sum.total += order.amount',
  },
  E_STATE_OF_TWO: {
    kind: 'user',
    what: 'the states of the keys {key} and {other} in step "{step}" share an object',
    remedy: 'make a new object for every key in init, and put copies of what records hold into a state',
  },
  E_STATE_SPOILED: {
    kind: 'user',
    what: 'step "{step}" threw in a call on a state of more than {limit} bytes, of which no copy had been made: {cause}',
    remedy:
      'nothing is lost: the cluster goes back to its last checkpoints, and from then on this worker copies every state of the step before each call, so that the record becomes a dead letter; look at a record before changing a large state',
  },
  E_STATE_LEFT: {
    kind: 'user',
    what: 'step "{step}" left a state that cannot be written: state{path} is {got}',
    remedy: 'keep plain data, and of what comes from outside only what is needed: no more than 64 levels of it',
  },
  E_STATE_UNSAVED: {
    kind: 'user',
    what: 'a checkpoint was given up: {cause}',
    remedy:
      'nothing is lost: the cluster goes back to its last checkpoints, and from then on this worker looks at the states of the step after each call, so that the record becomes a dead letter',
  },
  E_STATE_TYPE: {
    kind: 'user',
    what: 'step "{step}" made a state that is not an object ({got})',
    remedy: 'return an object from init and give one to ctx.replace',
  },
} as const satisfies ErrorRows
