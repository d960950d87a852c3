/** Errors of the libraries that run in the programs of users: the producer and the receiver. */

import type { ErrorRows } from './row.ts'

export const clientErrors = {
  E_CLIENT_OPTIONS: {
    kind: 'user',
    what: 'the client cannot be made: {reason}',
    remedy: 'mend the options given to connect()',
  },
  E_CLIENT_CLOSED: {
    kind: 'user',
    what: 'the client of producer "{producer}" has been closed',
    remedy: 'connect() again; what stands in an outbox on disk is sent then',
  },
  E_CLIENT_REFUSED: {
    kind: 'protocol',
    what: 'the worker refused producer "{producer}": {reason} ({code})',
    remedy: 'see `potoroo error {code}`',
  },
  E_OUTBOX_FULL: {
    kind: 'operational',
    what: 'the outbox of producer "{producer}" is full and {waiting} sends are waiting already',
    remedy: 'await the promise of send() before sending more; or raise maxOutstanding',
  },
  E_OUTBOX: {
    kind: 'operational',
    what: 'the outbox {path} cannot be used: {reason}',
    remedy: 'check the disk and its free space; the records in the outbox stay there',
  },
  E_OUTBOX_OWNER: {
    kind: 'user',
    what: 'the outbox {path} holds what producer "{producer}" has for source "{source}"',
    remedy: 'give each producer a folder of its own; when that one has nothing more to send its folder can be removed',
  },
  E_OUTBOX_LOCKED: {
    kind: 'operational',
    what: 'another process is using the outbox {path}',
    remedy: 'stop that process, or give this one an outbox and a producer name of its own',
  },
  E_OUTBOX_DAMAGED: {
    kind: 'operational',
    what: 'the outbox file {path} is damaged at byte {offset}',
    remedy: 'what follows cannot be sent: move the folder away and begin a new one, which is a new incarnation',
  },
  E_OUTBOX_BEHIND: {
    kind: 'operational',
    what: 'the outbox {path} ends at record {last}, but the worker has record {known} of this incarnation',
    remedy: 'the machine lost power: move the folder away and begin a new one; use outbox.sync to be safe from that',
  },
  E_RECEIVER_OPTIONS: {
    kind: 'user',
    what: 'the receiver cannot be made: {reason}',
    remedy: 'mend the options given to receiveAcked()',
  },
  E_INBOX: {
    kind: 'operational',
    what: 'the inbox {path} cannot be used: {reason}',
    remedy: 'check the disk and its free space; what was acknowledged stays there',
  },
  E_INBOX_LOCKED: {
    kind: 'operational',
    what: 'another process is using the inbox {path}',
    remedy: 'stop that process, or give this one an inbox of its own',
  },
  E_INBOX_DAMAGED: {
    kind: 'operational',
    what: 'the inbox file {path} is damaged at byte {offset}',
    remedy:
      'what follows cannot be handed over: move the folder away and begin a new one, and what comes again is handed over again',
  },
} as const satisfies ErrorRows
