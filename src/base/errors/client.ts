/** Errors of the libraries that run in the programs of users: the producer and the receiver. */

import type { ErrorRows } from './row.ts'

export const clientErrors = {
  E_CLIENT_OPTIONS: {
    kind: 'user',
    what: 'the client cannot be made: {reason}',
    remedy: 'correct the options given to connect()',
  },
  E_CLIENT_RECORD: {
    kind: 'user',
    what: 'a record is text or bytes, and not {got}; none of what was given with it was taken',
    remedy: 'give send() a string, a Uint8Array, or an array of those: JSON.stringify makes text of an object',
  },
  E_CLIENT_LEVEL: {
    kind: 'user',
    what: 'records are acknowledged as journaled and as stable, and not as {got}',
    remedy: "give flush() and token() 'journaled' or 'stable'",
  },
  E_CLIENT_CLOSED: {
    kind: 'user',
    what: 'the client of producer "{producer}" has been closed',
    remedy: 'connect() again; what is in an outbox on disk is sent then',
  },
  E_CLIENT_LEFT: {
    kind: 'user',
    what: 'the client of producer "{producer}" was closed over {records} records that no worker had acknowledged: they are lost',
    remedy: "wait for flush() before close(), or keep records in an outbox on disk: outbox: { path: './{producer}' }",
  },
  E_CLIENT_REFUSED: {
    kind: 'protocol',
    what: 'the worker refused producer "{producer}": {reason} ({code})',
    remedy: 'see `potoroo error {code}`',
  },
  E_OUTBOX_FULL: {
    kind: 'operational',
    what: 'the outbox of producer "{producer}" is full and {waiting} sends are waiting already',
    remedy: 'await the promise of send() before you send more, or raise maxOutstanding',
  },
  E_OUTBOX: {
    kind: 'operational',
    what: 'the outbox {path} cannot be used: {reason}',
    remedy: 'check the disk and its free space; the records in the outbox stay there',
  },
  E_OUTBOX_RECORD: {
    kind: 'operational',
    what: 'record {sequence} in the outbox {path} has {bytes} bytes, and worker {worker} takes {limit} at most',
    remedy:
      'raise the limit recordBytes of the workers and start again: an outbox on disk has kept this record and what follows it; or move the folder away and send the rest in shorter records',
  },
  E_OUTBOX_OWNER: {
    kind: 'user',
    what: 'the outbox {path} holds what producer "{producer}" has for source "{source}"',
    remedy: 'give each producer a folder of its own; once that one has nothing more to send, its folder can be removed',
  },
  E_OUTBOX_LOCKED: {
    kind: 'operational',
    what: 'another process is using the outbox {path}',
    remedy: 'stop that process, or give this one its own outbox and producer name',
  },
  E_OUTBOX_DAMAGED: {
    kind: 'operational',
    what: 'the outbox file {path} is damaged at byte {offset}',
    remedy:
      'nothing of it is sent: move the folder away and begin with an empty one; what it had that was not stable your program sends again',
  },
  E_OUTBOX_BEHIND: {
    kind: 'operational',
    what: 'the outbox {path} ends at record {last}, but the worker has record {known} of this incarnation',
    remedy: 'the machine lost power: move the folder away and start a new one; outbox.sync protects against that',
  },
  E_RECEIVER_OPTIONS: {
    kind: 'user',
    what: 'the receiver cannot be made: {reason}',
    remedy: 'correct the options given to receiveAcked()',
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
      'what follows cannot be handed over: move the folder away and start a new one; what comes again is then handed over again',
  },
} as const satisfies ErrorRows
