/**
 * What workers say to each other on a link. `docs/protocol.md` is generated from these rows.
 *
 * A session belongs to one generation; its frames are numbered from 0 by each side, and after a reset it is resumed at
 * the first frame that the other has not received (PROTOCOLS 6). Markers go in the data lane, in the order of the
 * records, and cost no credit (PROTOCOLS 15).
 */
import { NAME_BYTES, WRITER_BYTES } from './acked.ts'
import {
  added,
  bool,
  bytes,
  Catalogue,
  f64,
  group,
  list,
  type MessageOf,
  message,
  nullable,
  sentence,
  text,
  u8,
  u16,
  u32,
  varint,
  word,
} from './schema.ts'

/** Ids of workers, incarnations, names of clusters and hosts. */
const id = text(256)
const step = text(512)
const reason = sentence(1024)
/** The pipeline's number: that of the record of the chain that submitted it. */
const pipeline = u32
/** A list of key groups: at most all there can be. */
const keyGroups = list(u16, 65_536)
/** Channels are numbered by the plan, within a pipeline of the generation. */
const channel = varint
/** A stream of acknowledged ingest: a source by its name in the journals, and the producer. */
const stream = { source: text(1024), producer: text(NAME_BYTES), incarnation: text(NAME_BYTES) }
/** Who brought records of a stream (`acked.ts`). */
const writer = text(WRITER_BYTES)
/** Pipelines that run in a cluster at most: whoever calls another worker names them all. */
export const MOST_PIPELINES = 1024
/** Writers in front of the last one that are known of a stream at most. */
export const TRAIL_WRITERS = 8
/** Longest path that a worker asks another one for, in bytes. */
export const ASKED_BYTES = 16_384
const purpose = word('checkpoint', 'savepoint', 'rescale', 'drain')
/** `fresh`: its part is written at once; to tasks it is a checkpoint like any other. */
const begun = word('checkpoint', 'savepoint', 'rescale', 'drain', 'fresh')
/** `finish`: a drain after which the chain says that the pipeline runs no more. */
const wanted = word('checkpoint', 'savepoint', 'rescale', 'drain', 'finish', 'fresh')
const round = word('base', 'recent', 'last', 'newer', 'newest')

const linkRows = [
  // Handshake
  message(1, 'hello', 1, 'The dialing worker says who it is, which versions it speaks, and what it has received.', {
    newest: u8,
    oldest: u8,
    cluster: id,
    token: bytes(1024),
    worker: id,
    incarnation: id,
    generation: u32,
    session: nullable(text(64)),
    received: varint,
  }),
  message(2, 'welcome', 1, 'The link stands: this version, this session, and what the other side has received of it.', {
    version: u8,
    worker: id,
    incarnation: id,
    session: text(64),
    received: varint,
    resumed: bool,
  }),
  message(3, 'notYet', 1, 'The generation asked for is not active here yet; worth another try soon.', {
    generation: u32,
  }),
  message(4, 'refused', 1, 'No link, for this reason: another cluster, a wrong token, an old incarnation or version.', {
    code: text(64),
    reason,
    generation: u32,
  }),
  message(5, 'ping', 1, 'Nothing else was to be said; answered by `pong`.', { counter: u32 }),
  message(6, 'pong', 1, 'The answer to the `ping` with this counter.', { counter: u32 }),
  message(7, 'goodbye', 1, 'The sender leaves in order: nothing follows on this link.', { reason }),
  message(
    8,
    'about',
    1,
    'Each side’s second word in the handshake: who it is, which lane the connection carries, which programs it runs.',
    {
      worker: id,
      incarnation: id,
      lane: word('control', 'data'),
      build: text(64),
      pipelines: list(group({ pipeline, hash: text(64) }), MOST_PIPELINES),
    },
  ),

  // Records and markers
  message(
    16,
    'batch',
    1,
    'Records of one channel.',
    { pipeline, channel },
    { lane: 'data', body: 'the batch (see `src/protocol/data.ts`)' },
  ),
  message(
    17,
    'barrier',
    1,
    'All records before it belong to epochs up to `epoch`, all behind it to later ones.',
    { pipeline, channel, epoch: varint, purpose },
    { lane: 'data' },
  ),
  message(
    18,
    'watermark',
    1,
    'No record that follows on the channel is older than `time`, milliseconds since 1970.',
    { pipeline, channel, time: f64 },
    { lane: 'data' },
  ),
  message(
    19,
    'end',
    1,
    'The input has ended. Barriers follow still, and what somebody gives back to a step in front.',
    { pipeline, channel },
    { lane: 'data' },
  ),
  message(
    20,
    'credit',
    1,
    'The receiver has taken `consumed` bytes of the channel’s batches in this session, all told; `window` more may wait.',
    { pipeline, channel, consumed: varint, window: u32 },
  ),
  message(21, 'received', 1, 'Frames up to `sequence` of this session have arrived; they need not be kept.', {
    sequence: varint,
  }),

  // Checkpoints
  message(32, 'startEpoch', 1, 'The coordinator starts an epoch, and says what became of the one before it.', {
    pipeline,
    epoch: varint,
    purpose: begun,
    before: nullable(word('complete', 'abandoned')),
  }),
  message(
    33,
    'epochAcked',
    1,
    'All of the worker’s tasks have aligned, and what they have saved is durable; the `epochPart`s before say what.',
    { pipeline, epoch: varint },
  ),
  message(
    34,
    'epochFailed',
    1,
    'The worker could not make its part of the epoch durable; of epoch 0: the pipeline has failed there, and none comes about.',
    { pipeline, epoch: varint, reason },
  ),
  message(35, 'epochComplete', 1, 'The epoch’s record stands in the chain at `record`: read it there, then commit.', {
    pipeline,
    epoch: varint,
    record: varint,
  }),
  message(36, 'epochAbandoned', 1, 'The epoch will not be complete; its barrier passes all the same.', {
    pipeline,
    epoch: varint,
  }),
  message(
    37,
    'epochPart',
    1,
    'A piece of what the worker puts into the epoch’s manifest.',
    { pipeline, epoch: varint },
    { body: 'the next bytes of its JSON' },
  ),
  message(38, 'epochPassed', 1, 'The barrier of the abandoned epoch has passed all of the worker’s tasks.', {
    pipeline,
    epoch: varint,
  }),
  message(
    39,
    'epochAsked',
    1,
    'A member asks for an epoch that begins after this, for a purpose; after `finish` the pipeline runs no more.',
    {
      pipeline,
      number: u32,
      purpose: wanted,
      name: nullable(text(256)),
    },
  ),
  message(57, 'epochAnswered', 1, 'What was asked for with this number has come about, or has not, for this reason.', {
    pipeline,
    number: u32,
    failure: nullable(reason),
  }),
  message(58, 'sourcesHeld', 1, 'No epoch has come about for too long, or none can: sources let nothing in.', {
    pipeline,
    reason,
  }),
  message(59, 'sourcesReleased', 1, 'An epoch is complete again: sources go on.', { pipeline }),
  message(60, 'outputEnded', 1, 'All sources have ended, and all output of this worker has left.', { pipeline }),

  // Generations
  message(40, 'generation', 1, 'A generation record stands at `record`: read it there, and restore your part.', {
    generation: u32,
    record: varint,
  }),
  message(
    41,
    'generationSeen',
    1,
    'The sender has read that generation’s record, and does nothing for one before it.',
    {
      generation: u32,
    },
  ),
  message(42, 'memberReady', 1, 'The sender has its own part of the generation in memory.', { generation: u32 }),
  message(
    43,
    'memberDamaged',
    1,
    'The sender cannot restore its part of the base, and can restore that of `instead`; 0: it has to restore the last one again.',
    {
      generation: u32,
      pipeline,
      instead: varint,
    },
  ),
  message(44, 'activate', 1, 'Every member is ready: the generation begins.', { generation: u32 }),
  message(45, 'leaseAsked', 1, 'A member asks for a lease; the answer counts from when this was sent.', {
    generation: u32,
    counter: u32,
  }),
  message(
    46,
    'leaseGranted',
    1,
    'What the coordinator’s own lease had left, in milliseconds, for the request `counter`.',
    {
      generation: u32,
      counter: u32,
      ms: f64,
    },
  ),

  // Rescale: messages of an attempt mean nothing to another one, nor to another generation
  message(48, 'joinRequested', 1, 'A worker asks to become a member, which has had so many `sessions` with members.', {
    worker: id,
    incarnation: id,
    address: id,
    sessions: u32,
    skipStalled: bool,
  }),
  message(
    49,
    'leaveRequested',
    1,
    'A member asks to hand over all that it owns; or, once it is `empty`, to be left out.',
    {
      worker: id,
      empty: bool,
      skipStalled: bool,
    },
  ),
  message(50, 'requestAnswered', 1, 'What becomes of a request to join or to leave.', {
    answer: word('accepted', 'later', 'refused'),
    reason,
  }),
  message(51, 'moveAnnounced', 1, 'These key groups are to move; giver and taker are both told.', {
    attempt: u32,
    from: id,
    to: id,
    keyGroups,
  }),
  message(
    52,
    'roundAsked',
    1,
    'Read ahead what you are to get, up to the last epochs. The `epochs` are of earlier releases.',
    {
      attempt: u32,
      round,
      epochs: list(group({ pipeline, epoch: varint }), MOST_PIPELINES),
    },
  ),
  message(
    53,
    'keyGroupPart',
    1,
    'Entries of a step’s key group, of a giver of an earlier release: the next owner reads them in the store.',
    { attempt: u32, round, pipeline, step, keyGroup: u16, epoch: varint },
    { body: 'a chunk, as it stands in a pack' },
  ),
  message(
    54,
    'roundSent',
    1,
    'The giver has heard of the round. Receivers of earlier releases wait for this of each giver.',
    { attempt: u32, round },
  ),
  message(55, 'roundArrived', 1, 'What the round asked for has been read ahead.', { attempt: u32, round }),
  message(56, 'released', 1, 'The attempt was given up before its commit: these pipelines go on as before.', {
    attempt: u32,
    pipelines: list(pipeline, MOST_PIPELINES),
  }),

  message(
    61,
    'rebalanceRequested',
    1,
    'Share the work out more evenly, moving at most `budget` key groups; the sender counts its requests with `number`.',
    { generation: u32, number: u32, budget: u32 },
    { body: 'the measured load of each key group, as f64 in little endian' },
  ),
  message(62, 'rebalanceAnswered', 1, 'What becomes of a rebalance, or has become of it.', {
    number: u32,
    answer: word('accepted', 'later', 'refused'),
    reason,
  }),

  // Heartbeats, on connections of their own that begin with a `hello`
  message(64, 'heartbeat', 1, 'The sender’s process lives.', { worker: id, incarnation: id, counter: u32 }),
  message(65, 'stuck', 1, 'The sender’s process lives, and its loop has stood still for so long, in this step.', {
    worker: id,
    incarnation: id,
    counter: u32,
    ms: f64,
    pipelineName: nullable(step),
    step: nullable(step),
    key: nullable(text(1024)),
    stack: text(8192),
  }),

  // Homes of streams (PROTOCOLS 2: S3-S6)
  message(72, 'homeAsked', 1, 'Who answers for this stream? Where nobody does, the asking member does from now on.', {
    ...stream,
  }),
  message(
    73,
    'homeNamed',
    1,
    'The coordinator’s answer: `home` answers for the stream. Without a home: the sender has forgotten it.',
    {
      ...stream,
      home: id,
    },
  ),
  message(
    74,
    'handoverAsked',
    1,
    'The home is asked for the stream: its producer came to the sender, or the sender’s journal has these records of it.',
    {
      ...stream,
      present: bool,
      tail: list(group({ first: varint, last: varint }), 64),
    },
  ),
  message(
    75,
    'streamMoved',
    1,
    'An answer: `home` answers for the stream now. Where that is the receiver, it goes on behind `position`.',
    {
      ...stream,
      home: id,
      position: varint,
      sessions: varint,
      time: f64,
      writer: added(2, writer, ''),
      before: added(3, list(group({ writer, last: varint }), TRAIL_WRITERS), []),
    },
  ),
  message(76, 'sourceOpen', 1, 'Producers reach the source at the sender there.', {
    source: text(1024),
    host: id,
    port: u16,
  }),

  // Questions that people ask another worker than the one that knows
  message(80, 'asked', 1, 'A path of the control API that shows something, for the receiver; answered by `told`.', {
    number: u32,
    path: text(ASKED_BYTES),
  }),
  message(81, 'told', 1, 'The answer to the question `number`.', { number: u32, status: u16 }, { body: 'its JSON' }),
] as const

export const linkMessages = new Catalogue('link', linkRows)
export type LinkMessage = MessageOf<(typeof linkRows)[number]>
