/** Errors of connectors: what they meet in the outside world. */

import type { ErrorRows } from './row.ts'

export const connectorsErrors = {
  E_CONNECTOR: {
    kind: 'user',
    what: 'step "{step}": there is no {role} of kind "{connector}"',
    remedy: 'the connectors there are: {known}',
  },
  E_NO_JSON: {
    kind: 'user',
    what: 'a record without an encode is written as JSON, which it cannot be: {reason}',
    remedy:
      'give the sink an `encode`, or send on what JSON has a form for: Object.fromEntries of a Map, [...set] of a Set, a bigint as text, nothing that holds itself',
  },
  E_LISTEN: {
    kind: 'operational',
    what: 'step "{step}" cannot listen on {host}:{port}: {reason}',
    remedy: 'use a host that this machine has and a port that this user may open',
  },
  E_CONNECTION_CLOSED: {
    kind: 'protocol',
    what: 'step "{step}" closed the connection from {peer}: {reason}',
    remedy:
      'compare what the sender writes with the framing of the source; beyond ten, those of a minute are told of together',
  },
  E_INPUT_LEFT: {
    kind: 'protocol',
    what: 'step "{step}" reads no further in standard input: {reason}',
    remedy: 'compare what is written there with the framing of the source; what stood in front of that was taken',
  },
  E_TOO_MANY_CONNECTIONS: {
    kind: 'operational',
    what: 'step "{step}" has {limit} connections and takes no more',
    remedy: 'close some, or raise the limit connections',
  },
  E_SOCKET_PATH: {
    kind: 'user',
    what: 'somebody asks for a WebSocket at {path}, but step "{step}" is at {own}',
    remedy: 'connect to {own} at the same address, or give the step that path',
  },
  E_ORIGIN: {
    kind: 'user',
    what: 'a page of {origin} may not connect to step "{step}"',
    remedy: "if the page is yours, write origins: 'local {origin}' in the step",
  },
  E_NO_PEER: {
    kind: 'operational',
    what: 'step "{step}" reaches nobody at {host}:{port}: {reason}',
    remedy: 'start the program that listens there; until then output waits and the sources slow down',
  },
  E_RECEIVER_REFUSED: {
    kind: 'operational',
    what: 'step "{step}" is refused by the receiver at {host}:{port}: {reason}',
    remedy: 'correct what it names, such as the token; until then output waits and the sources slow down',
  },
  E_HTTP_PATH: {
    kind: 'user',
    what: 'nothing is served at {path}',
    remedy: 'post records to {known}',
  },
  E_HTTP_METHOD: {
    kind: 'user',
    what: 'records cannot come by {method}',
    remedy: 'send them by POST',
  },
  E_HTTP_TOKEN: {
    kind: 'user',
    what: 'the request does not show the token of this source',
    remedy: 'send it with the header Authorization: Bearer TOKEN, where TOKEN is what the worker was started with',
  },
  E_HTTP_TYPE: {
    kind: 'user',
    what: 'a body of {given} is not taken',
    remedy:
      'send one record as application/json, text/plain or application/octet-stream, or one in each line as application/x-ndjson; not compressed',
  },
  E_HTTP_REQUEST: {
    kind: 'user',
    what: 'the request cannot be understood: {reason}',
    remedy: 'compare it with docs/http.md',
  },
  E_HTTP_RECORD: {
    kind: 'user',
    what: 'line {line} of the body is no record: {reason}',
    remedy: 'correct it and send the whole request again: none of it was taken',
  },
  E_HTTP_TOO_LARGE: {
    kind: 'user',
    what: 'the body is over the limit of {limit} bytes',
    remedy: 'send fewer records in one request, or raise the limit httpBodyBytes',
  },
  E_HTTP_SLOW: {
    kind: 'operational',
    what: 'the body did not come within {ms} ms',
    remedy: 'send fewer records in one request; none of it was taken',
  },
  E_HTTP_SEQUENCE: {
    kind: 'user',
    what: 'records before these are missing: the next one is {next}',
    remedy:
      'send the missing records first, with their own sequence in the Idempotency-Key; who has them no more begins a new incarnation: PRODUCER/2:1',
  },
  E_HTTP_KEY_USED: {
    kind: 'user',
    what: 'producer "{producer}" has brought other records under the numbers {first} to {last}',
    remedy:
      'the key has the number of the first record of the request, not of the request: what is new goes on at the next number; a sender that no longer knows what it has sent begins a new incarnation: PRODUCER/2:1',
  },
  E_HTTP_ELSEWHERE: {
    kind: 'operational',
    what: 'worker {worker} answers for this producer',
    remedy: "follow the Location; if there is none, try again, and the producer's stream will move to this worker",
  },
  E_HTTP_BUSY: {
    kind: 'operational',
    what: 'nothing is taken now: {reason}',
    remedy: 'try again after the seconds in Retry-After, with the same Idempotency-Key',
  },
  E_WEBHOOK_WAITS: {
    kind: 'operational',
    what: 'step "{step}" cannot deliver to {host}: {reason}',
    remedy: 'start the receiver, or correct its address or token; until then output waits and the sources slow down',
  },
  E_WEBHOOK_REFUSED: {
    kind: 'operational',
    what: '{host} refuses a record of step "{step}": {reason}',
    remedy:
      "see what the receiver wants; the dead letter has the bytes that were sent; with refused: 'fail' the pipeline stops instead",
  },
  E_STANDARD_INPUT: {
    kind: 'operational',
    what: 'step "{step}" cannot read standard input: {reason}',
    remedy: 'run the pipeline with `potoroo run`, and let one of its sources read standard input',
  },
  E_STANDARD_OUTPUT: {
    kind: 'operational',
    what: 'step "{step}" cannot write to standard output: {reason}',
    remedy: 'keep the program that reads it running',
  },
  E_SPLITS_CHANGED: {
    kind: 'user',
    what: 'generator "{step}" stands between values of {before} splits and cannot go on with {now}: some would come twice, and others never',
    remedy: 'say splits: {before} again, or begin the source anew with --drop {step}',
  },
  E_FILE_CHANGED: {
    kind: 'operational',
    what: 'step "{step}" was at byte {offset} of {path}, but neither that file nor one rotated from it is there any more',
    remedy:
      'put the file back, or start with --drop {step}: it then reads what is there from the beginning, all other state stays, and what it had not read of the old file is lost',
  },
  E_FILE_SHRUNK: {
    kind: 'operational',
    what: 'step "{step}" had read {offset} bytes of {path}, which has been cut since, and reads it again from its beginning',
    remedy: 'rotate the file by renaming it: what is written between the last read and a cut is lost',
  },
  E_FILE_REPLACED: {
    kind: 'operational',
    what: 'step "{step}" reads {path} from its beginning: another file stands there that begins as the one before, which is gone; what is in both counts twice',
    remedy:
      'append to a followed file where it is (>>): editors, sed -i and rsync put a copy in its place; and keep what is rotated away, as {path}.1',
  },
  E_FILE_MISSED: {
    kind: 'operational',
    what: 'step "{step}" goes on in {path}: the file before is gone, and none of those that were rotated away after it was read',
    remedy:
      'keep rotated files for longer than the pipeline may be behind; look whether there were any, and what stands in them',
  },
  E_FILE_FRAGMENT: {
    kind: 'user',
    what: '{path} ends inside a record, of which {bytes} bytes are there',
    remedy: 'complete the file, or give the source the framing with which it was written',
  },
  E_FILE_RECORD: {
    kind: 'user',
    what: 'step "{step}" finds no record at byte {offset} of {path}: {reason}',
    remedy: 'correct the file, or give the source the framing with which it was written',
  },
  E_SEGMENT_GONE: {
    kind: 'operational',
    what: 'a checkpoint lists {bytes} bytes of output in {path}, which are gone or damaged',
    remedy:
      'put the file back, or start with --drop and the name of the sink, which goes on behind what is there: this output is lost then',
  },
  E_SEGMENT_TAKEN: {
    kind: 'operational',
    what: 'step "{step}" goes on without {count} of the files of its last checkpoint, which are not in {directory} any more, such as {name}',
    remedy: 'nothing, where a reader takes the files that it has read; otherwise find out who has removed them',
  },
  E_SINK_OWNER: {
    kind: 'operational',
    what: 'step "{step}" of pipeline "{pipeline}" would write to {path}, where {theirs} of another store writes: each would take away what the other has written',
    remedy:
      "give it another path; or, if nothing of that store runs any more, move away what it has written together with {mark}: if only the mark is moved, what is there counts as this pipeline's own",
  },
  E_FILE_SINK_SHORT: {
    kind: 'operational',
    what: '{path} has {size} bytes where a checkpoint says that {length} were written',
    remedy:
      'put the whole file back, or start with --drop and the name of the sink, which goes on behind what is there: what was cut off is lost then',
  },
  E_MESSAGE_TEXT: {
    kind: 'user',
    what: 'a record of {bytes} bytes is no text, which the messages of its sink hold',
    remedy: "say messages: 'binary' in the sink, or answer with a text in its encode",
  },
  E_SUBSCRIBER_DROPPED: {
    kind: 'operational',
    what: 'step "{step}" dropped the subscriber {peer}: {reason}',
    remedy: "make it read faster, or write slow: 'wait' in the sink, which slows down the pipeline instead",
  },
} as const satisfies ErrorRows
