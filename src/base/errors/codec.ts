/** Errors of values on their way to bytes and back. */

import type { ErrorRows } from './row.ts'

export const codecErrors = {
  E_VALUE: {
    kind: 'user',
    what: '{place} is {got}, which cannot be sent or kept',
    remedy: 'use plain data: numbers, strings, bigints, booleans, arrays, objects, Map, Set, Date, typed arrays',
  },
  E_PROMISE: {
    kind: 'user',
    what: 'a step has answered with a promise, before it had its result',
    remedy: 'wait in asyncMap, whose result goes on when it is there; other steps answer at once',
  },
  E_NO_SUM: {
    kind: 'user',
    what: 'the function of a reduce has answered with nothing',
    remedy: 'return the sum with the record in it, or the sum as it was; of a record that fails nothing is added',
  },
  E_ENCODED: {
    kind: 'user',
    what: 'step "{step}": encode answered with {got}, which is neither text nor bytes',
    remedy:
      'return a string or a Uint8Array; what has to be waited for is waited for in asyncMap, in front of the sink',
  },
  E_BLOCK_TOO_LONG: {
    kind: 'user',
    what: '{values} values are too large for one block ({limit} bytes, {parts} parts)',
    remedy: 'make the values smaller',
  },
  E_DAMAGED: {
    kind: 'protocol',
    what: 'damaged bytes at offset {offset}: {reason}',
    remedy:
      'send or read them again; if it recurs, check the disk and the memory of the machine, and that both ends are Potoroo',
  },
} as const satisfies ErrorRows
