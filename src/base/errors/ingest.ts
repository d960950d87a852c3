/** Errors of the door: the journal and producers' streams. */

import type { ErrorRows } from './row.ts'

export const ingestErrors = {
  E_JOURNAL: {
    kind: 'operational',
    what: 'the journal cannot be written: {path}: {reason}',
    remedy:
      'check the disk and its free space; the sources wait, and continue by themselves once it can be written again',
  },
  E_JOURNAL_DAMAGED: {
    kind: 'operational',
    what: 'the journal {path} is damaged from byte {from} to {to}{lost}',
    remedy: 'check the disk; producers send again what they still have, anything else is lost',
  },
  E_JOURNAL_HOLE: {
    kind: 'operational',
    what: 'the journal lacks records {first} to {last} of {producer} for source {source}',
    remedy: 'nothing to do as long as its producer can send them again; see `potoroo streams list PIPELINE`',
  },
  E_JOURNAL_FULL: {
    kind: 'operational',
    what: 'source {source} keeps {bytes} bytes of journal, its share is {limit}',
    remedy: 'see why its checkpoints do not complete (`potoroo status`), or raise the limit journalBytes',
  },
  E_ACKED_VERSION: {
    kind: 'protocol',
    what: 'version {version} of the acknowledged protocol is not spoken here, only {oldest} to {newest}',
    remedy: 'bring the client library and the worker to the same release',
  },
  E_ACKED_PROTOCOL: {
    kind: 'protocol',
    what: 'the client broke the acknowledged protocol: {reason}',
    remedy: 'compare the client with docs/acked-protocol.md',
  },
  E_ACKED_SILENT: {
    kind: 'protocol',
    what: 'the client said nothing for {ms} ms',
    remedy: 'check the network between the client and the worker; the client reconnects by itself',
  },
  E_SOURCE_WAITS: {
    kind: 'operational',
    what: 'source {source} could not welcome producer "{producer}" within {ms} ms: {reason}',
    remedy: 'nothing, for the client comes again by itself; `potoroo status` shows what the source waits for',
  },
  E_ACKED_REPLACED: {
    kind: 'protocol',
    what: 'another connection brings the stream of producer "{producer}"',
    remedy: 'nothing, if the client has reconnected; otherwise give each client its own producer name and outbox',
  },
  E_TOKEN: {
    kind: 'user',
    what: 'the token of producer "{producer}" is not the one of source {source}',
    remedy: 'give the client the token that the source was started with',
  },
  E_SOURCE_UNKNOWN: {
    kind: 'user',
    what: 'no source "{source}" is served here, but "{known}"',
    remedy: 'give the name of the source that listens on this port, or the port of the one that was meant',
  },
  E_STREAM_UNKNOWN: {
    kind: 'user',
    what: 'the stream of producer "{producer}" is not known here, and begins at record {oldest} instead of 1',
    remedy:
      'it was forgotten after a long silence, or belongs to another cluster: start a new incarnation of the producer',
  },
  E_STREAM_EXPIRED: {
    kind: 'user',
    what: 'the stream of producer "{producer}" is not known here, and its first record was sent {age} ms ago',
    remedy:
      'it may have been counted before the stream expired (limits.producerTtlMs): see what counts, send the rest again from a new outbox',
  },
  E_STREAM_FORKED: {
    kind: 'user',
    what: 'record {record} of producer "{producer}" was brought by another copy of this outbox, or before it lost its end',
    remedy:
      'move this outbox away and begin with an empty one; what it had that was not stable your program sends again',
  },
  E_STREAM_PARKED: {
    kind: 'operational',
    what: 'records {first} to {last} of producer "{producer}" are missing: the producer no longer has them, and no worker here has (the last one that had the stream is {home})',
    remedy:
      'if a worker is absent, start it again under its name and with its data folder: its journal has them; otherwise accept the loss with `potoroo streams abandon`',
  },
  E_STREAM_NOT_PARKED: {
    kind: 'user',
    what: 'no stream of producer "{producer}" for source {source} waits here for records that are missing',
    remedy:
      '`potoroo streams list PIPELINE` shows which do; a stream waits from the moment when its producer has asked for it',
  },
  E_STREAM_ELSEWHERE: {
    kind: 'operational',
    what: 'worker {home} has the stream of producer "{producer}", and its address is not known here yet',
    remedy: 'nothing: the client tries again, and the stream moves to where its producer is',
  },
  E_JOURNAL_SEALED: {
    kind: 'operational',
    what: 'the journal of this incarnation is sealed: the cluster went on without this worker',
    remedy: 'nothing: the worker starts over and joins again; producers send again what they were not told is safe',
  },
  E_REQUEST_AGAIN: {
    kind: 'operational',
    what: 'what producer "{producer}" has sent goes on elsewhere, and whether this request counts is not known',
    remedy: 'send it again: with an Idempotency-Key it counts once',
  },
  E_PRODUCERS_FULL: {
    kind: 'operational',
    what: 'source {source} remembers {limit} producers and takes no new one',
    remedy:
      'the new one waits until another is forgotten; keep outboxes on disk, because every start without one is a new producer, or raise the limit producers, or lower producerTtlMs',
  },
} as const satisfies ErrorRows
