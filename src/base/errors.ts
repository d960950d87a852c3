/**
 * Every error that a person can meet, in one table: its code, what happened, and what to do about it.
 *
 * E1. A code is never reused for another meaning; docs/errors.md is generated from this table.
 * E2. `what` names the thing (file, step, port, key …), `remedy` says what to do next.
 *
 * Kinds: `user` (a pipeline, its input or a command is wrong), `operational` (the machine, the disk, the network or a
 * peer), `protocol` (another program speaks wrongly), `invariant` (a bug in Potoroo).
 */

export type ErrorKind = 'user' | 'operational' | 'protocol' | 'invariant'

/** Values that stand in an error's sentences, by name. */
export type Details = Readonly<Record<string, string | number | boolean | undefined>>

interface ErrorRow {
  readonly kind: ErrorKind
  /** One sentence; `{name}` is replaced by the detail of that name. */
  readonly what: string
  /** What the reader should do next; may use details too. */
  readonly remedy: string
}

export const errorTable = {
  // base and env
  E_TOKEN_OPEN: {
    kind: 'operational',
    what: '{subject} can be read by others (mode {mode})',
    remedy: 'chmod 600 {file}, and make a new token where they may have read it',
  },
  E_CLOCK_BACK: {
    kind: 'operational',
    what: 'the clock was set back: the newest record of {path} was written {ahead} from now',
    remedy: 'let the machine ask a time server; state is safe, times to live expire later by so much',
  },
  E_DISK: {
    kind: 'operational',
    what: 'the disk failed at {operation} of {path}: {reason}',
    remedy:
      'check the rights to the folder, the disk and its free space (`potoroo doctor`), then start the worker again',
  },
  E_DATA_LOCKED: {
    kind: 'operational',
    what: 'another worker is using the data folder {path}',
    remedy: 'stop that worker, or give this one a folder of its own with --data',
  },
  E_PORT_IN_USE: {
    kind: 'operational',
    what: 'port {port} on {host} is in use{by}',
    remedy: 'stop the program that listens there, or choose another port',
  },
  // model
  E_SETTING: {
    kind: 'user',
    what: 'a setting is wrong: {reason}',
    remedy: 'mend the setting in the pipeline file',
  },
  E_RECORD_TOO_LONG: {
    kind: 'protocol',
    what: 'a record of {bytes} bytes is over the limit of {limit}',
    remedy: 'check that the source has the framing of its senders, or raise the limit recordBytes',
  },
  E_FRAMING: {
    kind: 'protocol',
    what: 'no record can begin at byte {offset}: {reason}',
    remedy: 'check that the source has the framing of its senders',
  },
  E_DECODE: {
    kind: 'user',
    what: 'the record is no {kind}: {reason}',
    remedy: 'check that the decoder fits what the senders send',
  },
  E_PIPELINE: {
    kind: 'user',
    what: 'pipeline "{pipeline}" cannot run ({count}):\n{faults}',
    remedy: 'mend the steps named above; `potoroo check FILE` looks again',
  },
  E_PLAN_TOO_LARGE: {
    kind: 'user',
    what: 'pipeline "{pipeline}" becomes more than {limit} fused steps: each merge copies what follows it into its inputs',
    remedy: 'merge fewer streams one after another, or put a keyBy with its stateful step between the merges',
  },
  E_PARAMETER: {
    kind: 'user',
    what: 'pipeline "{pipeline}": {reason}',
    remedy: 'give parameters as --param name=value; `potoroo explain FILE` lists them with their defaults',
  },
  E_BUILD_OVER: {
    kind: 'user',
    what: 'step "{step}" was added after the pipeline\'s function had returned',
    remedy: 'add all steps inside the function given to pipeline(), without async, timers or callbacks',
  },
  // codec
  E_VALUE: {
    kind: 'user',
    what: '{place} is {got}, which cannot be sent or kept',
    remedy: 'use plain data: numbers, strings, bigints, booleans, arrays, objects, Map, Set, Date, typed arrays',
  },
  E_PROMISE: {
    kind: 'user',
    what: 'the record is a promise: a step answered before it had its result',
    remedy: 'wait in asyncMap, whose result goes on when it is there; other steps answer at once',
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
    remedy: 'make the values smaller, or raise the limit blockBytes',
  },
  E_DAMAGED: {
    kind: 'protocol',
    what: 'damaged bytes at offset {offset}: {reason}',
    remedy:
      'send or read them again; if it recurs, check the disk and the memory of the machine, and that both ends are Potoroo',
  },
  // protocol
  E_FRAME_CHECKSUM: {
    kind: 'protocol',
    what: 'a frame arrived damaged: its checksum does not fit',
    remedy:
      'nothing to do when it happens once, the link resumes; if it recurs, check what speaks on that port, and the network',
  },
  E_FRAME_TOO_LONG: {
    kind: 'protocol',
    what: 'a frame of {bytes} bytes is over the limit of {limit}',
    remedy:
      'check what speaks on that port; when the records are that large, raise the limit frameBytes on every worker',
  },
  E_MESSAGE: {
    kind: 'protocol',
    what: 'the protocol "{protocol}" has no message {tag} in version {version}',
    remedy: 'check what speaks on that port; when it is Potoroo, bring both ends to the same version',
  },
  // state
  E_KEY_GROUP_FULL: {
    kind: 'operational',
    what: 'key group {keyGroup} of step "{step}" holds {keys} keys, as many as it can',
    remedy:
      'spread the keys: check that they differ from each other, give the step a TTL, or make a cluster with more key groups',
  },
  E_STATE_VALUE: {
    kind: 'user',
    what: 'step "{step}" keeps for key {key} a state that cannot be written: state{path} is {got}',
    remedy: 'keep plain data: numbers, strings, bigints, booleans, arrays, objects, Map, Set, Date, typed arrays',
  },
  E_STATE_TOO_LARGE: {
    kind: 'user',
    what: 'step "{step}" keeps for key {key} a state of more than {limit} bytes',
    remedy: 'keep less for one key, or divide it among several keys',
  },
  E_STATE_NEWER: {
    kind: 'user',
    what: 'step "{step}" has states of schema version {from}, and the pipeline knows versions up to {version}',
    remedy: 'run the pipeline file that wrote them, or a newer one',
  },
  E_STATE_NO_MIGRATE: {
    kind: 'user',
    what: 'step "{step}" has states of schema version {from}, and nothing that makes version {version} of them',
    remedy: 'give the step a migrate(state, from) that returns a state of its version',
  },
  E_STATE_MIGRATE: {
    kind: 'user',
    what: 'the migrate of step "{step}" failed on a state of version {from}, key {key}: {reason}',
    remedy: 'mend migrate and start again; the checkpoint is unchanged',
  },
  // dataflow
  E_TOO_MANY_OUTPUTS: {
    kind: 'user',
    what: 'one record made more than {limit} outputs in step "{step}"',
    remedy: 'see the dead letter for the record; end the generator, or raise the limit maxOutputsPerRecord',
  },
  E_LINEAGE_TOO_DEEP: {
    kind: 'user',
    what: 'one record became too many records on its way to step "{step}"',
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
    remedy: 'return a copy, such as { ...state }: the state changes later, the record must not',
  },
  E_STATE_SHARED: {
    kind: 'user',
    what: 'step "{step}" returned a record that shares an object with its state',
    remedy: 'return copies of what the state holds: it changes later, the record must not',
  },
  E_STATE_OF_TWO: {
    kind: 'user',
    what: 'the states of the keys {key} and {other} in step "{step}" share an object',
    remedy: 'make an object of its own for every key in init, and put copies of what records hold into a state',
  },
  E_STATE_TYPE: {
    kind: 'user',
    what: 'step "{step}" made a state that is not an object ({got})',
    remedy: 'return an object from init and give one to ctx.replace',
  },
  E_STEP_THREW: {
    kind: 'user',
    what: 'step "{step}" threw on key {key}: {reason}',
    remedy: 'see the dead letter for the record; mend the step and replay it with `potoroo dead-letters replay`',
  },
  // checkpoint
  E_STORE: {
    kind: 'operational',
    what: 'the checkpoint store failed at {operation} of {path}: {reason}',
    remedy: 'check that the store can be reached and has free space; the worker goes on by itself once it answers',
  },
  E_STORE_TIMEOUT: {
    kind: 'operational',
    what: 'nothing could be decided in the checkpoint store for {ms} ms, at {path}',
    remedy: 'check that the store can be reached and has free space, then start the worker again',
  },
  E_STORE_DAMAGED: {
    kind: 'operational',
    what: 'the checkpoint store holds a damaged object {path}: {reason}',
    remedy: 'restore that file from a copy of the store, or find the fault of the disk before starting again',
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
    what: 'the name "{name}" is too long for a file of the checkpoint store',
    remedy: 'choose a name of at most {limit} bytes, counting three for each that is not a-z, 0-9, "_" or "-"',
  },
  E_RESTORE: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" cannot go back to epoch {epoch}: {damage}',
    remedy: '{remedy}',
  },
  // ingest
  E_JOURNAL: {
    kind: 'operational',
    what: 'the journal cannot be written: {path}: {reason}',
    remedy: 'check the disk and its free space; the sources wait, and go on by themselves when it can be written again',
  },
  E_JOURNAL_DAMAGED: {
    kind: 'operational',
    what: 'the journal {path} is damaged from byte {from} to {to}{lost}',
    remedy: 'check the disk; what its producers still have they send again, what they do not have is lost',
  },
  E_JOURNAL_HOLE: {
    kind: 'operational',
    what: 'the journal lacks records {first} to {last} of {producer} for source {source}',
    remedy: 'nothing to do while its producer can send them again; see `potoroo streams list PIPELINE`',
  },
  E_JOURNAL_FULL: {
    kind: 'operational',
    what: 'source {source} keeps {bytes} bytes of journal, its share is {limit}',
    remedy: 'see why its checkpoints do not complete (`potoroo status`); or raise the limit journalBytes',
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
    remedy: 'check the network between the client and the worker; the client connects again by itself',
  },
  E_ACKED_REPLACED: {
    kind: 'protocol',
    what: 'another connection brings the stream of producer "{producer}"',
    remedy:
      'nothing, when the client has connected again; otherwise give each client a producer name and an outbox of its own',
  },
  E_TOKEN: {
    kind: 'user',
    what: 'the token of producer "{producer}" is not the one of source {source}',
    remedy: 'give the client the token that the source was started with',
  },
  E_SOURCE_UNKNOWN: {
    kind: 'user',
    what: 'no source "{source}" is served here',
    remedy: 'check the name of the source, and that the port is the one it listens on',
  },
  E_STREAM_UNKNOWN: {
    kind: 'user',
    what: 'the stream of producer "{producer}" is not known here, and begins at record {oldest} instead of 1',
    remedy: 'its row has expired or another cluster has it: start a new incarnation of the producer',
  },
  E_STREAM_PARKED: {
    kind: 'operational',
    what: 'records {first} to {last} of producer "{producer}" are missing, and only the journal of {home} has them',
    remedy:
      'start that worker again, under its name and with its data folder; or accept the loss with `potoroo streams abandon`',
  },
  E_STREAM_NOT_PARKED: {
    kind: 'user',
    what: 'no stream of producer "{producer}" for source {source} waits here for records that are missing',
    remedy:
      '`potoroo streams list PIPELINE` shows which do; a stream waits from the moment that its producer has asked',
  },
  E_STREAM_ELSEWHERE: {
    kind: 'operational',
    what: 'worker {home} has the stream of producer "{producer}", and its address is not known here yet',
    remedy: 'nothing: the client tries again, and the stream comes to where its producer is',
  },
  E_JOURNAL_SEALED: {
    kind: 'operational',
    what: 'the journal of this incarnation is sealed: the cluster went on without this worker',
    remedy: 'nothing: the worker begins anew and joins again; what its producers were not told of they send again',
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
      'keep outboxes on disk, for each start without one is a new producer; or raise the limit producers, or lower producerTtlMs',
  },
  // transport
  E_LINK_CLUSTER: {
    kind: 'user',
    what: 'worker {peer} is of cluster "{theirs}", worker {worker} of cluster "{ours}"',
    remedy: 'start each worker with the store of its own cluster, and give clusters ports of their own',
  },
  E_LINK_TOKEN: {
    kind: 'user',
    what: 'the token of worker {peer} is not the one of worker {worker}',
    remedy: 'start all workers of the cluster with the same token',
  },
  E_LINK_VERSION: {
    kind: 'user',
    what: 'worker {peer} speaks versions {theirs} of the link protocol, worker {worker} versions {ours}',
    remedy: 'upgrade the cluster by one release at a time, all workers to each before the next',
  },
  E_LINK_NAME: {
    kind: 'user',
    what: 'two workers are called {worker}',
    remedy: 'give each worker of the cluster a name of its own',
  },
  E_LINK_GENERATION: {
    kind: 'operational',
    what: 'worker {peer} dials in generation {theirs}, worker {worker} is in generation {ours}',
    remedy: 'nothing: worker {peer} goes on in the newer generation once it has read of it',
  },
  E_LINK_INCARNATION: {
    kind: 'operational',
    what: 'worker {peer} has started anew: worker {worker} knows it as {known} in generation {generation}, now it is {now}',
    remedy: 'nothing: the cluster recovers by itself; see why the worker ended',
  },
  E_LINK_ADDRESS: {
    kind: 'operational',
    what: 'worker {answers} answers at {address}, where worker {worker} looks for worker {peer}',
    remedy: 'give each worker an address of its own that the others can reach',
  },
  E_LINK_PIPELINE: {
    kind: 'operational',
    what: 'worker {peer} runs pipeline {pipeline} from program {theirs}, worker {worker} from program {ours}',
    remedy: 'cancel the pipeline and submit one program to the cluster',
  },
  E_LINK_SESSION: {
    kind: 'operational',
    what: 'workers {worker} and {peer} do not agree on what they have said on their {lane} lane: {reason}',
    remedy: 'nothing: the cluster recovers by itself',
  },
  E_LINK_PROTOCOL: {
    kind: 'protocol',
    what: 'worker {peer} broke the protocol of links with worker {worker}: {reason}',
    remedy: 'bring both workers to the same release; if they are, report it',
  },
  E_LINK_REFUSED: {
    kind: 'operational',
    what: 'worker {peer} refuses the link of worker {worker}: {reason} ({code})',
    remedy: 'see `potoroo error {code}`',
  },
  E_LINK_LOST: {
    kind: 'operational',
    what: 'the {lane} lane between workers {worker} and {peer} was interrupted for {ms} ms: {reason}',
    remedy: 'check the network between their machines; the cluster recovers by itself without worker {peer}',
  },
  E_LINK_ABSENT: {
    kind: 'operational',
    what: 'worker {worker} found no way to worker {peer} within {ms} ms: {reason}',
    remedy: 'check that worker {peer} runs, and that its address can be reached from worker {worker}',
  },
  E_LINK_FULL: {
    kind: 'operational',
    what: 'worker {peer} has left {bytes} bytes of control messages of worker {worker} unread, over the limit of {limit}',
    remedy: 'see what keeps worker {peer} busy; the cluster recovers by itself',
  },
  // client
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
  E_RECEIVER_CLOSED: {
    kind: 'user',
    what: 'the receiver has been closed',
    remedy: 'receiveAcked() again; what its inbox on disk has taken is handed over then',
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
  // connectors
  E_CONNECTOR: {
    kind: 'user',
    what: 'step "{step}": there is no {role} of kind "{connector}"',
    remedy: 'the connectors there are: {known}',
  },
  E_LISTEN: {
    kind: 'operational',
    what: 'step "{step}" cannot listen on {host}:{port}: {reason}',
    remedy: 'give a host that this machine has and a port that this user may take',
  },
  E_CONNECTION_CLOSED: {
    kind: 'protocol',
    what: 'step "{step}" closed the connection from {peer}: {reason}',
    remedy: 'compare what the sender writes with the framing of the source',
  },
  E_TOO_MANY_CONNECTIONS: {
    kind: 'operational',
    what: 'step "{step}" has {limit} connections and takes no more',
    remedy: 'close some, or raise the limit "connections"',
  },
  E_SOCKET_PATH: {
    kind: 'user',
    what: 'somebody asks for a WebSocket at {path}, and step "{step}" is at {own}',
    remedy: 'open {own} of the same address, or give the step that path',
  },
  E_ORIGIN: {
    kind: 'user',
    what: 'a page of {origin} may not connect to step "{step}"',
    remedy: "when the page is yours, write origins: 'local {origin}' in the step",
  },
  E_NO_PEER: {
    kind: 'operational',
    what: 'step "{step}" finds nobody at {host}:{port}: {reason}',
    remedy: 'start the program that listens there; until then output waits and the sources slow down',
  },
  E_RECEIVER_REFUSED: {
    kind: 'operational',
    what: 'step "{step}" is refused by the receiver at {host}:{port}: {reason}',
    remedy: 'mend what it names, such as the token; until then output waits and the sources slow down',
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
    remedy: 'mend it and send the whole request again: nothing of it was taken',
  },
  E_HTTP_TOO_LARGE: {
    kind: 'user',
    what: 'the body is over the limit of {limit} bytes',
    remedy: 'send fewer records in one request, or raise the limit httpBodyBytes',
  },
  E_HTTP_SLOW: {
    kind: 'operational',
    what: 'the body did not come within {ms} ms',
    remedy: 'send fewer records in one request; nothing of it was taken',
  },
  E_HTTP_SEQUENCE: {
    kind: 'user',
    what: 'records in front of these are missing: the next one is {next}',
    remedy: 'send the missing records first, with their own sequence in the Idempotency-Key',
  },
  E_HTTP_ELSEWHERE: {
    kind: 'operational',
    what: 'worker {worker} answers for this producer',
    remedy: "follow the Location; without one come again, and the producer's stream comes to this worker",
  },
  E_HTTP_BUSY: {
    kind: 'operational',
    what: 'nothing is taken now: {reason}',
    remedy: 'come again after the seconds in Retry-After, with the same Idempotency-Key',
  },
  E_WEBHOOK_WAITS: {
    kind: 'operational',
    what: 'step "{step}" cannot deliver to {url}: {reason}',
    remedy: 'start the receiver, or mend its address or token; until then output waits and the sources slow down',
  },
  E_WEBHOOK_REFUSED: {
    kind: 'operational',
    what: '{url} refuses a record of step "{step}": {reason}',
    remedy:
      "see what the receiver wants; its dead letter has the bytes that were sent, and refused: 'fail' stops instead",
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
  E_FILE_CHANGED: {
    kind: 'operational',
    what: 'step "{step}" stood at byte {offset} of {path}, but neither that file nor one rotated from it is there any more',
    remedy: 'put the file back, or start the pipeline anew without its checkpoints',
  },
  E_FILE_SHRUNK: {
    kind: 'operational',
    what: 'step "{step}" found {path} cut from {offset} to {size} bytes and reads it again from its beginning',
    remedy: 'rotate the file by renaming it: what is written between the last reading and a cut is lost',
  },
  E_FILE_FRAGMENT: {
    kind: 'user',
    what: '{path} ends inside a record, of which {bytes} bytes are there',
    remedy: 'complete the file, or give the source the framing that it was written with',
  },
  E_FILE_RECORD: {
    kind: 'user',
    what: 'step "{step}" finds no record at byte {offset} of {path}: {reason}',
    remedy: 'mend the file, or give the source the framing that it was written with',
  },
  E_SEGMENT_GONE: {
    kind: 'operational',
    what: 'a checkpoint lists {bytes} bytes of output in {path}, which are gone or damaged',
    remedy: 'bring the file back; without it this output cannot be completed exactly',
  },
  E_FILE_SINK_SHORT: {
    kind: 'operational',
    what: '{path} has {size} bytes where a checkpoint says that {length} were written',
    remedy: 'bring the whole file back, or give the sink another path and start the pipeline anew',
  },
  E_SUBSCRIBER_DROPPED: {
    kind: 'operational',
    what: 'step "{step}" dropped the subscriber {peer}: {reason}',
    remedy: "let it read faster, or write slow: 'wait' in the sink, which slows the pipeline instead",
  },
  // worker and cli
  E_STEP_GONE: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has state for step "{step}", which it no longer has',
    remedy: 'bring the step back under its name, or drop its state with --drop {step}',
  },
  E_STEP_CHANGED: {
    kind: 'user',
    what: 'step "{step}" of pipeline "{pipeline}" was {before} and is {now}: its state does not fit',
    remedy: 'give the step a new name, or drop its state with --drop {step}',
  },
  E_SCHEMA: {
    kind: 'user',
    what: 'step "{step}" of pipeline "{pipeline}" has state of schema version {before}, and no migrate to version {now}',
    remedy: 'add schema.migrate to the step, go back to version {before}, or drop its state with --drop {step}',
  },
  E_NO_SPLITS: {
    kind: 'user',
    what: 'source "{step}" has nothing to read',
    remedy: 'check the path or the pattern of its files',
  },
  E_CLUSTER_LISTEN: {
    kind: 'operational',
    what: 'the other workers cannot reach this one at {address}: {reason}',
    remedy: 'give it an address of this machine and a free port',
  },
  E_JOIN_REFUSED: {
    kind: 'operational',
    what: 'the cluster does not take worker {worker} in: {reason}',
    remedy: 'see what its other workers say with `potoroo status`',
  },
  E_MEMBER_SILENT: {
    kind: 'operational',
    what: 'worker {worker}, which owns the key, did not answer within {ms} ms',
    remedy: 'ask again; `potoroo status` shows whether it lives, or is stuck in a step',
  },
  E_INCOMPLETE: {
    kind: 'operational',
    what: 'only {keyGroups} key groups answered, and {least} of them were asked for',
    remedy:
      'ask again, or take what there is without --min-completeness; `potoroo status` shows which worker is missing',
  },
  E_READ_TOKEN: {
    kind: 'user',
    what: 'the token to read behind cannot be used: {reason}',
    remedy:
      'give the text that flush() of the client, `potoroo send`, or the answer to a request has given, of this pipeline',
  },
  E_READ_HELD: {
    kind: 'user',
    what: 'nobody can say when step "{step}" shows what was acknowledged: step "{holder}" in front of it holds records back',
    remedy: 'read a step in front of "{holder}" with --after, or this one without',
  },
  E_READ_LATE: {
    kind: 'operational',
    what: 'step "{step}" does not show what was acknowledged within {ms} ms: {reason}',
    remedy: 'ask again, or wait longer with --wait; `potoroo status` shows whether the pipeline is behind, or recovers',
  },
  E_READ_LEVEL: {
    kind: 'user',
    what: 'this cannot be read {read}: {reason}',
    remedy: 'ask for one key, or read `live` or `committed`',
  },
  E_REBALANCE: {
    kind: 'operational',
    what: 'the work is not shared out anew: {reason}',
    remedy:
      'nothing has changed; `potoroo status` shows what is under way, `potoroo rebalance --plan` what there is to do',
  },
  E_STORE_CLUSTER: {
    kind: 'user',
    what: 'the store holds the cluster "{theirs}", and this worker is of cluster "{ours}"',
    remedy: 'give the store of its own cluster with --store, or the name of this one with --cluster',
  },
  E_STORE_KEY_GROUPS: {
    kind: 'user',
    what: 'the store was made with {theirs} key groups, and this worker is told of {ours}',
    remedy: 'leave limits.keyGroups out: they are those of the store for ever',
  },
  E_WATCH_ENDED: {
    kind: 'operational',
    what: 'the thread that sends the heartbeats of worker {worker} has ended: {reason}',
    remedy: 'start the worker again, where no supervisor does; if it recurs, check the memory of the machine',
  },
  E_SUPERSEDED: {
    kind: 'operational',
    what: 'another worker has taken over generation {generation} of this store',
    remedy: 'let that one run, or stop it and start this worker again',
  },
  E_PIPELINE_FILE: {
    kind: 'user',
    what: 'there is no pipeline file {path}{reason}',
    remedy: 'give the path of a TypeScript or JavaScript file; `potoroo init FOLDER` makes a project to begin with',
  },
  E_PIPELINE_SYNTAX: {
    kind: 'user',
    what: '{where}: {reason}{more}',
    remedy: 'mend the file; `potoroo check FILE` looks again',
  },
  E_PIPELINE_IMPORT: {
    kind: 'user',
    what: '{where}: cannot import {import}: {reason}',
    remedy:
      'check the name; install packages with npm in the folder of the pipeline file; write files with path and ending',
  },
  E_PIPELINE_EXPORT: {
    kind: 'user',
    what: '{path} exports no pipeline: {reason}',
    remedy: "write export default pipeline('name', (p) => { … }) in it",
  },
  E_PIPELINE_THREW: {
    kind: 'user',
    what: '{where}: the pipeline file threw while it was {doing}: {reason}',
    remedy: 'mend the file; a pipeline file only describes: connect to other systems in sources, sinks and asyncMap',
  },
  E_PIPELINE_SLOW: {
    kind: 'user',
    what: '{path} was not loaded after {timeout}: it {does}',
    remedy:
      'look for an await or a loop that never ends at its top level, in what it imports and where it builds; work belongs into steps, and what waits into asyncMap',
  },
  E_PIPELINE_TOO_LARGE: {
    kind: 'user',
    what: '{path} and what it imports are {bytes} bytes, over the limit of {limit}',
    remedy: 'import less, or read data files by a source; the limit is bundleBytes',
  },
  E_BUNDLE_DAMAGED: {
    kind: 'operational',
    what: 'the stored pipeline {hash} is damaged: its text has another hash',
    remedy: 'submit the pipeline file again; check the disk of the checkpoint store',
  },
  E_PIPELINE_THERE: {
    kind: 'user',
    what: 'pipeline "{pipeline}" is there already, with state of its own',
    remedy: 'a savepoint can only begin a pipeline: cancel it first, or add --fresh, which forgets that state',
  },
  E_NO_PIPELINE: {
    kind: 'user',
    what: 'there is no pipeline "{pipeline}" here: {known}',
    remedy: '`potoroo list` shows the pipelines of the worker',
  },
  E_NO_STEP: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has no {role} "{step}": {known}',
    remedy: '`potoroo status {pipeline}` shows its steps',
  },
  E_DEAD_LETTERS_FULL: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" has {count} dead letters of {bytes} bytes, and takes no more: its sources stop',
    remedy: 'see `potoroo dead-letters list {pipeline}`; mend what fails, then replay or purge them',
  },
  E_RECORD_FAILED: {
    kind: 'user',
    what: 'pipeline "{pipeline}": {count} did not get through, the last one in step "{step}": {reason}',
    remedy: '{hint}`potoroo dead-letters list {pipeline}` shows them; mend the step and replay them',
  },
  E_NO_LETTER: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has no dead letter {id}',
    remedy: '`potoroo dead-letters list {pipeline}` shows what there is',
  },
  E_NO_CHECKPOINT: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has no checkpoint{which}',
    remedy: '`potoroo checkpoint list {pipeline}` shows what is kept',
  },
  E_NO_SAVEPOINT: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has no savepoint "{savepoint}"',
    remedy: '`potoroo savepoint list {pipeline}` shows what there is',
  },
  E_SAVEPOINT_NEEDED: {
    kind: 'operational',
    what: 'the savepoint "{savepoint}" cannot be removed yet: pipeline "{pipeline}" began with it, and its checkpoints still stand on it',
    remedy: 'try again later: all state is written anew within twice limits.horizonEpochs checkpoints',
  },
  E_CHANNEL_MEMORY: {
    kind: 'user',
    what: 'pipeline "{pipeline}" does not fit: with it {channels} channels lead into each of {workers} workers, whose windows may hold {bytes} bytes there, and limits.channelBytes allows {limit}',
    remedy:
      'lower limits.channelCreditBytes to {credit} or less, raise limits.channelBytes where the machines have the memory, or cancel another pipeline',
  },
  E_NO_KEY: {
    kind: 'user',
    what: 'step "{step}" of pipeline "{pipeline}" has no state for key {key}',
    remedy: '`potoroo query {pipeline} {step}` lists keys that have some',
  },
  E_NOT_RUNNING: {
    kind: 'user',
    what: 'pipeline "{pipeline}" is not running, it is {phase}',
    remedy: 'see `potoroo status {pipeline}`; `potoroo submit FILE` starts it again',
  },
  E_NOT_DRAINED: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" could not make its last checkpoint: {reason}',
    remedy:
      'nothing is lost while its data folder stands: what lies after the last checkpoint is done again at the next start',
  },
  E_CHECKPOINT: {
    kind: 'operational',
    what: 'pipeline "{pipeline}" could not make the checkpoint: {reason}',
    remedy: 'see `potoroo status {pipeline}` for what is late, and ask again',
  },
  E_USAGE: {
    kind: 'user',
    what: '{reason}',
    remedy: '`potoroo help` lists the commands, and each explains itself with --help',
  },
  E_CONFIG: {
    kind: 'user',
    what: '{where}: {reason}',
    remedy: 'mend it; docs/reference.md lists every setting',
  },
  E_FILE: {
    kind: 'operational',
    what: 'cannot {operation} {path}: {reason}',
    remedy: 'check the path and the rights to it',
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
      'use the token in its data folder: control.json names the file, --token-file or POTOROO_TOKEN gives another',
  },
  E_CONTROL_REQUEST: {
    kind: 'user',
    what: 'the worker does not understand the request: {reason}',
    remedy: 'bring the command and the worker to the same version of potoroo',
  },
  // testing
  E_TEST_INPUT: {
    kind: 'user',
    what: 'the test cannot run: {reason}',
    remedy: 'mend what is given to runPipeline() or verifyPipeline(), or to the command',
  },
  E_TEST_WORKERS: {
    kind: 'user',
    what: 'a test runs a pipeline on 1 to {most} workers, and {workers} are asked for',
    remedy: 'ask for fewer; workers that JOIN count, too',
  },
  E_TEST_STUCK: {
    kind: 'user',
    what: 'pipeline "{pipeline}" has not come to its end after {time} of simulated time: {reason}',
    remedy: 'look for marks that wait for each other; the cause of this error is the log of the run',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

/** An error of the table. `message` is the sentence with its details filled in. */
export class PotorooError extends Error {
  override readonly name = 'PotorooError'
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly remedy: string
  readonly details: Details

  constructor(code: ErrorCode, details: Details = {}, cause?: unknown) {
    const row: ErrorRow = errorTable[code]
    super(fill(row.what, details), cause === undefined ? undefined : { cause })
    this.code = code
    this.kind = row.kind
    this.remedy = fill(row.remedy, details)
    this.details = details
  }
}

/** Makes the error `code` of the table: `throw fail('E_PORT_IN_USE', { port, host, by })`. */
export function fail(code: ErrorCode, details: Details = {}, cause?: unknown): PotorooError {
  return new PotorooError(code, details, cause)
}

function fill(sentence: string, details: Details): string {
  return sentence.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? ''))
}
