/** Errors of the machine: its disk, its clock, its ports, and who may read a file. */

import type { ErrorRows } from './row.ts'

export const envErrors = {
  E_TOKEN_OPEN: {
    kind: 'operational',
    what: '{subject} can be read by others (mode {mode})',
    remedy: 'chmod 600 {file}, and make a new token if somebody may have read it',
  },
  E_CLOCK_BACK: {
    kind: 'operational',
    what: 'the clock was set back: the newest record of {path} was written {ahead} from now',
    remedy: 'synchronise the clock with a time server; state is safe, but times to live run out later by that much',
  },
  E_DISK: {
    kind: 'operational',
    what: 'the disk failed at {operation} of {path}: {reason}',
    remedy:
      'check the rights to the folder, the disk and its free space (`potoroo doctor`), then start the worker again',
  },
  E_DATA_LOCKED: {
    kind: 'operational',
    what: 'a worker, or `up`, is using the data folder {path}',
    remedy: '`potoroo status` finds it: stop that one, or give this one a folder of its own with --data',
  },
  E_PORT_IN_USE: {
    kind: 'operational',
    what: 'port {port} on {host} is in use{by}{so}',
    remedy: 'stop the program that listens there, or choose another port',
  },
} as const satisfies ErrorRows
