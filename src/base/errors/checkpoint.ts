/** Errors of the checkpoint store and what is restored from it. */

import type { ErrorRows } from './row.ts'

export const checkpointErrors = {
  E_STORE: {
    kind: 'operational',
    what: 'the checkpoint store failed at {operation} of {path}: {reason}',
    remedy: 'check that the store can be reached and has free space; the worker continues by itself once it answers',
  },
  E_STORE_TIMEOUT: {
    kind: 'operational',
    what: 'nothing could be decided in the checkpoint store for {ms} ms: {reason}',
    remedy: 'check that the store can be reached and has free space, then start the worker again',
  },
  E_STORE_DAMAGED: {
    kind: 'operational',
    what: 'the checkpoint store holds a damaged object {path}: {reason}',
    remedy:
      'restore that file from a copy of the store, or find out what is wrong with the disk before you start again',
  },
  E_STORE_VERSION: {
    kind: 'operational',
    what: '{path} has format version {version}, and this program reads up to {known}',
    remedy: 'start the version of potoroo that wrote it, or a newer one',
  },
  E_STORE_TAKEN: {
    kind: 'operational',
    what: 'the checkpoint store already holds another object under the name {path}',
    remedy: 'choose another name',
  },
  E_STORE_NAME: {
    kind: 'user',
    what: 'no file of the checkpoint store can have the name "{name}"',
    remedy: 'choose a name of 1 to {limit} bytes, where every byte that is not a-z, 0-9, "_" or "-" counts as three',
  },
  E_RESTORE: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" cannot go back to epoch {epoch}: {damage}',
    remedy: '{remedy}',
  },
} as const satisfies ErrorRows
