/** Errors of the command line, and its conversation with a worker. */

import type { ErrorRows } from './row.ts'

export const cliErrors = {
  E_USAGE: {
    kind: 'user',
    what: '{reason}',
    remedy: '`potoroo help {command}` says how it is used',
  },
  E_STRAY: {
    // Not of kind `user`: what is started again goes on until the same callback fails once more.
    kind: 'operational',
    what: 'what a pipeline has left behind failed where nobody waits for it{at}: {reason}',
    remedy:
      'await it or catch it, in an asyncMap, and submit the pipeline again: an error in a timer, a callback or a promise, such as one in a field of a record, belongs to no record, so the pipeline fails; `run`, and a worker that cannot tell whose error it is, end, and go on from the last checkpoint when they are started again',
  },
  E_EXIT: {
    kind: 'operational',
    what: 'a pipeline has ended the process by process.exit, with status {status}{at}',
    remedy:
      'throw in its place: the record becomes a dead letter, and the worker goes on; what came after the last checkpoint is done again when it is started again',
  },
  E_CONFIG: {
    kind: 'user',
    what: '{where}: {reason}',
    remedy: 'correct it; docs/reference.md lists every setting',
  },
  E_FILE: {
    kind: 'operational',
    what: 'cannot {operation} {path}: {reason}',
    remedy: 'check the path, the rights to it, and the room on its disk',
  },
  E_RECEIVER_LISTEN: {
    kind: 'operational',
    what: 'cannot listen on {address}: {reason}',
    remedy: 'stop the program that listens there, or choose another address',
  },
  E_PEER: {
    kind: 'operational',
    what: 'cannot {operation} {address}: {reason}',
    remedy: 'check the address, and that the program at the other end is running',
  },
  E_NO_WORKER: {
    kind: 'operational',
    what: 'no worker is running in {data}',
    remedy: 'start one with `potoroo run FILE` or `potoroo worker`, or name its folder with --data',
  },
  E_WORKER_SILENT: {
    kind: 'operational',
    what: 'a worker is there and has not answered for {seconds} s: {workers}',
    remedy: 'ask again: a step may block it, or its machine is busy; `kill -CONT` where its process was stopped',
  },
  E_OTHER_WORKERS: {
    kind: 'user',
    what: 'no worker {worker} is running here: there is {known}',
    remedy:
      '`potoroo status` shows the workers of a cluster; on another machine run the command there, or use --control',
  },
  E_WHICH_WORKER: {
    kind: 'user',
    what: 'several workers are running here: {folders}',
    remedy: 'name the folder of one with --data',
  },
  E_CONTROL: {
    kind: 'operational',
    what: 'the worker at {address} does not answer: {reason}',
    remedy: 'check that it is running; a worker that is busy answers late',
  },
  E_CONTROL_DENIED: {
    kind: 'user',
    what: 'the worker refuses: {reason}',
    remedy:
      'give the token of its data folder, where control.json names the file: --token-file or POTOROO_TOKEN_FILE takes a file, POTOROO_TOKEN the token itself',
  },
  E_CONTROL_FOREIGN: {
    kind: 'user',
    what: 'the worker refuses: {reason}',
    remedy:
      'call it 127.0.0.1, localhost or as control.host has it, and from a program: no page of a browser may use it',
  },
  E_CONTROL_REQUEST: {
    kind: 'user',
    what: 'the worker does not understand the request: {reason}',
    remedy: 'bring the command and the worker to the same version of potoroo',
  },
} as const satisfies ErrorRows
