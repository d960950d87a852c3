/**
 * The bounds of the system that somebody may want to set. Nothing may grow without a bound; where one is met, a metric
 * or an error says so. Those that nobody would set are constants beside what they bound.
 *
 * A test or a simulation passes a smaller `Limits`; the relations at the end hold for every one, and name the limits
 * that they are about: whoever has chosen them reads it.
 */
import { assert } from './assert.ts'

export interface Limits {
  /** Bytes of a bundled pipeline, which every worker keeps. */
  readonly bundleBytes: number
  /** Time that a pipeline file may take to load, in milliseconds. */
  readonly loadTimeoutMs: number
  /** Key groups of a new cluster; a power of two. Fixed when the cluster is made. */
  readonly keyGroups: number
  /** Records in a batch. */
  readonly batchRecords: number
  /** Batches that may wait in one local channel before its sender stops. */
  readonly channelBatches: number
  /** How far the time of a source's records rises between two watermarks, in milliseconds. */
  readonly watermarkMs: number
  /** Outputs of one record in one step; beyond it the record goes to the dead letters. */
  readonly maxOutputsPerRecord: number
  /** Longest record that a source takes, in bytes. */
  readonly recordBytes: number
  /** Longest payload of a frame between two workers, in bytes. */
  readonly frameBytes: number
  /** Longest key, in UTF-16 code units; of a bigint, in hexadecimal digits. */
  readonly keyLength: number
  /** Bytes of batches that one channel between two workers may have on the way; one batch may go beyond it. */
  readonly channelCreditBytes: number
  /** Bytes that all channels from other workers may hold together on a worker: what would not fit is not submitted. */
  readonly channelBytes: number
  /** Bytes that may wait for a peer on the control lane of a link. */
  readonly controlLaneBytes: number
  /** How long a link may be interrupted before the generation ends, in milliseconds. */
  readonly linkGraceMs: number
  /** How long a peer that has not said `notYet` may stay away from a new generation, in milliseconds. */
  readonly linkStartMs: number
  /** A dial between workers whose handshake is not over by then is given up, in milliseconds. */
  readonly linkDialTimeoutMs: number
  /** Longest pause between two dials to a worker, in milliseconds. */
  readonly linkRetryMs: number
  /** How often whoever has dialled asks for a sign of life on each lane, in milliseconds. */
  readonly linkPingMs: number
  /** Channels from one worker to another. */
  readonly linkChannels: number
  /** Connections of other workers that have not ended their handshake. */
  readonly linkGreetings: number
  /** Epochs that the worker can go back to: the horizon and the rotation of full snapshots. */
  readonly horizonEpochs: number
  /** Time between two checkpoints, in milliseconds. */
  readonly checkpointIntervalMs: number
  /** A checkpoint that takes longer than this is abandoned, in milliseconds. */
  readonly checkpointTimeoutMs: number
  /** A pipeline that is to end waits this long for its last checkpoint, in milliseconds. */
  readonly drainTimeoutMs: number
  /** A member that ends stays this long after its last checkpoint, for others that end with it, in milliseconds. */
  readonly endTogetherMs: number
  /** Abandoned checkpoints in a row after which sources stop. */
  readonly maxAbandoned: number
  /** Records of the chain between two that hold everything before them; fixed when the cluster is made. */
  readonly chainEra: number
  /** Records of the chain that a reader asks for at a time. */
  readonly chainReads: number
  /** Longest pause before an undecided operation of the store is tried again, in milliseconds. */
  readonly storeRetryMs: number
  /** A worker that cannot append to the chain for this long ends, in milliseconds. */
  readonly storeTimeoutMs: number
  /**
   * Attempts at reading an object that the store does not give, while it gives others, before that counts as damaged.
   */
  readonly storeReads: number
  /** How far behind the chain a worker's data folder may say that it has seen it, in milliseconds. */
  readonly noteChainMs: number
  /**
   * Bytes of state that are read together when a worker comes back to an epoch: what has been read is decoded
   * meanwhile.
   */
  readonly restoreBytes: number
  /** Bytes of a pack between two that are wanted, which are read with them: another read costs more. */
  readonly packGapBytes: number
  /** Bytes of one write of a pack. */
  readonly packWriteBytes: number
  /** Bytes that wait to be written to a pack before its writer asks for a pause. */
  readonly packQueueBytes: number
  /** Rate at which a pack is written, so that the journal's sync stays quick, in bytes per second. */
  readonly packBytesPerSecond: number
  /** Objects that are removed from the store, or linked within it, at a time. */
  readonly storeParallel: number
  /** Task runs of a pipeline between two turns of the event loop: about two milliseconds of busy work. */
  readonly turnRuns: number
  /** A pipeline that has worked for this long lets the event loop turn, in milliseconds. */
  readonly workMs: number
  /** Longest slice of background work on the loop, in milliseconds. */
  readonly sliceMs: number
  /** Bytes of one journal segment. */
  readonly journalSegmentBytes: number
  /** Bytes of journal that a worker keeps before its sources stop. */
  readonly journalBytes: number
  /** Bytes of one block of memory that ingested batches share on their way to the journal. */
  readonly journalBlockBytes: number
  /** Bytes that one write of the journal takes at most. */
  readonly journalWriteBytes: number
  /** Bytes of memory for what was read from sockets and has not entered the pipeline yet, per source. */
  readonly ingestBytes: number
  /** Producer streams that a source remembers. */
  readonly producers: number
  /** How long an idle producer's position is remembered, in milliseconds of record time. */
  readonly producerTtlMs: number
  /** Bytes that an acked producer may have on the way before the pipeline has taken them. */
  readonly producerCreditBytes: number
  /** An acked connection that has not said hello after this long is closed, in milliseconds. */
  readonly helloTimeoutMs: number
  /**
   * An acked connection hears something at least this often, in milliseconds, and is closed after four such silences.
   */
  readonly keepAliveMs: number
  /** Connections that one source takes at a time. */
  readonly connections: number
  /** Bytes of unfinished records that the connections of one source may hold together. */
  readonly partialBytes: number
  /** Bytes of the head of one HTTP request. */
  readonly httpHeaderBytes: number
  /** How long the head of an HTTP request may take to come, in milliseconds. */
  readonly httpHeadersMs: number
  /** An HTTP request whose body stands still for this long while it is read is closed, in milliseconds. */
  readonly httpIdleMs: number
  /** Bytes of the body of one HTTP request: its records are taken whole or not at all. */
  readonly httpBodyBytes: number
  /** How long the body of an HTTP request may take to come, in milliseconds. */
  readonly httpBodyMs: number
  /** How long an HTTP request may wait for room, and for its answer, in milliseconds. */
  readonly httpWaitMs: number
  /** Longest WebSocket message that is taken, in bytes. */
  readonly messageBytes: number
  /** Bytes that a sink's writer takes before it stops its task; one batch may go beyond it. */
  readonly writerBytes: number
  /** Bytes that may wait in user space for one sink's socket. */
  readonly sinkQueueBytes: number
  /** Bytes of old values that a freeze may hold as objects; beyond it they are encoded at once. */
  readonly freezeBytes: number
  /**
   * About how many bytes of states make a chunk of a checkpoint: what is encoded in one go, between two looks at the
   * clock.
   */
  readonly chunkBytes: number
  /** Entries in a chunk of a checkpoint. */
  readonly chunkEntries: number
  /** Entries of a key group's deltas, for each of its keys, after which it is written in full: what a restore reads. */
  readonly deltasPerKey: number
  /**
   * Bytes of a state that are copied before each call of a step which has never thrown on a larger one; a larger state
   * is not, and a call that throws on it ends the generation.
   */
  readonly undoBytes: number
  /** Dead letters that a worker keeps of one pipeline. */
  readonly deadLetters: number
  /** Bytes of dead letters that a worker keeps of one pipeline. */
  readonly deadLetterBytes: number
  /** Workers in a cluster. */
  readonly workers: number
  /** Time between two heartbeats from worker to worker, in milliseconds. */
  readonly heartbeatMs: number
  /** A worker that is not heard for this long is suspected, in milliseconds. */
  readonly suspectMs: number
  /** A worker that is not heard for this long counts as dead, in milliseconds. */
  readonly deadMs: number
  /** A worker whose loop stands still for this long is reported as stuck, in milliseconds. */
  readonly stuckMs: number
  /** Time between two beats in the store, and between two readings of the others', in milliseconds. */
  readonly beatMs: number
  /** A beat that has not moved for this long has stopped, in milliseconds. */
  readonly beatSilenceMs: number
  /** How long a contested set of workers must stand before a generation is proposed for it, in milliseconds. */
  readonly settleMs: number
  /** How long a worker leaves it to the one before it to propose a generation, in milliseconds. */
  readonly turnMs: number
  /** How long a cold start waits for the last generation's workers, in milliseconds. */
  readonly startGraceMs: number
  /** Time between two requests of a worker to its coordinator, in milliseconds. */
  readonly askMs: number
  /** How long a lease lasts, in milliseconds. */
  readonly leaseMs: number
  /** What is waited beyond a lease, in milliseconds. */
  readonly leaseMarginMs: number
  /** How long a coordinator gathers workers that want to join or leave, in milliseconds. */
  readonly gatherMs: number
  /** Bytes of key groups that a worker reads before it owns them. */
  readonly readAheadBytes: number
  /** How long key groups may take to be copied in the background, in milliseconds. */
  readonly moveCopyMs: number
  /**
   * Before a change of owners holds it makes another checkpoint as long as the one before, with the copying of it, took
   * longer than this, in milliseconds, three at most: so much has changed by then.
   */
  readonly moveFreshMs: number
  /** How long a change of owners waits for a pipeline's checkpoint, in milliseconds. */
  readonly moveHoldMs: number
  /** How long the last parts of key groups may take while everything holds, in milliseconds. */
  readonly moveHandMs: number
  /** Connections to the control API at a time. */
  readonly controlConnections: number
  /** Bytes of one request to the control API; a submission carries a bundle and its map. */
  readonly controlBodyBytes: number
  /** Splits of sources whose readers a generation names; of more than these, their names choose who reads them. */
  readonly placedSplits: number
  /** How long the other workers may take to answer a query, in milliseconds. */
  readonly queryMs: number
  /** How long a query may be told to wait for what it is to show, in milliseconds. */
  readonly queryWaitMs: number
  /**
   * Keys in one answer to a query, fewer where their states take more than about a megabyte; dead letters or streams in
   * one page of a list.
   */
  readonly queryKeys: number
  /** Calls of a pipeline's functions that `verify` remembers, to compare later ones with. */
  readonly verifyCalls: number
}

export const defaultLimits: Limits = {
  bundleBytes: 16 << 20,
  loadTimeoutMs: 10_000,
  keyGroups: 1024,
  batchRecords: 512,
  channelBatches: 8,
  watermarkMs: 1000,
  maxOutputsPerRecord: 65_536,
  recordBytes: 1 << 20,
  frameBytes: 8 << 20,
  keyLength: 1024,
  channelCreditBytes: 1 << 20,
  channelBytes: 1 << 30,
  controlLaneBytes: 64 << 20,
  linkGraceMs: 10_000,
  linkStartMs: 60_000,
  linkDialTimeoutMs: 2000,
  linkRetryMs: 1000,
  linkPingMs: 500,
  linkChannels: 65_536,
  linkGreetings: 64,
  horizonEpochs: 30,
  checkpointIntervalMs: 1000,
  checkpointTimeoutMs: 60_000,
  drainTimeoutMs: 15_000,
  endTogetherMs: 250,
  maxAbandoned: 5,
  chainEra: 1024,
  chainReads: 32,
  storeRetryMs: 1000,
  storeTimeoutMs: 30_000,
  storeReads: 3,
  noteChainMs: 5000,
  restoreBytes: 8 << 20,
  packGapBytes: 128 << 10,
  packWriteBytes: 1 << 20,
  packQueueBytes: 8 << 20,
  packBytesPerSecond: 256 << 20,
  storeParallel: 4,
  turnRuns: 24,
  workMs: 4,
  sliceMs: 2,
  journalSegmentBytes: 64 << 20,
  journalBytes: 8 * 1024 * 1024 * 1024,
  journalBlockBytes: 256 << 10,
  journalWriteBytes: 8 << 20,
  ingestBytes: 8 << 20,
  producers: 100_000,
  producerTtlMs: 7 * 24 * 3600 * 1000,
  producerCreditBytes: 1 << 20,
  helloTimeoutMs: 5_000,
  keepAliveMs: 5_000,
  connections: 10_000,
  partialBytes: 64 << 20,
  httpHeaderBytes: 16 << 10,
  httpHeadersMs: 5000,
  httpIdleMs: 10_000,
  httpBodyBytes: 8 << 20,
  httpBodyMs: 60_000,
  httpWaitMs: 30_000,
  messageBytes: 8 << 20,
  writerBytes: 1 << 20,
  sinkQueueBytes: 64 << 10,
  freezeBytes: 64 << 20,
  chunkBytes: 256 << 10,
  chunkEntries: 4096,
  deltasPerKey: 2,
  undoBytes: 1024,
  deadLetters: 10_000,
  deadLetterBytes: 16 << 20,
  workers: 20,
  heartbeatMs: 250,
  suspectMs: 2000,
  deadMs: 3000,
  stuckMs: 2000,
  beatMs: 1000,
  beatSilenceMs: 3000,
  settleMs: 3500,
  turnMs: 1500,
  startGraceMs: 10_000,
  askMs: 1000,
  leaseMs: 3000,
  leaseMarginMs: 500,
  gatherMs: 300,
  readAheadBytes: 256 << 20,
  moveCopyMs: 600_000,
  moveFreshMs: 150,
  moveHoldMs: 60_000,
  moveHandMs: 10_000,
  controlConnections: 64,
  controlBodyBytes: 64 << 20,
  placedSplits: 4096,
  queryMs: 2000,
  queryWaitMs: 60_000,
  queryKeys: 1000,
  verifyCalls: 1_000_000,
}

/** What one process tells another in 32 bits: lengths of frames and records, credits, a time. */
const told = ['frameBytes', 'recordBytes', 'channelCreditBytes', 'producerCreditBytes', 'keepAliveMs'] as const

/** The defaults with some of them replaced; throws where the relations between limits do not hold. */
export function makeLimits(changes: Partial<Limits> = {}): Limits {
  const limits = { ...defaultLimits, ...changes }
  assert(
    (limits.keyGroups & (limits.keyGroups - 1)) === 0 && limits.keyGroups >= 2,
    'keyGroups: key groups are a power of two',
  )
  assert(limits.keyGroups <= 65_536, 'keyGroups: a key group fits 16 bits')
  for (const name of told) assert(limits[name] <= 0xffffffff, `${name}: it is told in 32 bits, 4294967295 at most`)
  assert(limits.horizonEpochs >= 2, 'horizonEpochs: the horizon holds the last epoch and one more')
  assert(
    limits.journalBytes >= 2 * limits.journalSegmentBytes,
    'journalBytes, journalSegmentBytes: the journal holds two segments',
  )
  assert(
    limits.checkpointTimeoutMs > limits.checkpointIntervalMs,
    'checkpointTimeoutMs, checkpointIntervalMs: the timeout is longer than the interval',
  )
  assert(limits.chainEra >= 2, 'chainEra: an era of the chain holds the record that begins it and one more')
  assert(
    limits.packQueueBytes >= limits.packWriteBytes,
    'packQueueBytes, packWriteBytes: a pack waits for at least one write',
  )
  assert(
    limits.frameBytes >= 4 * limits.recordBytes,
    'frameBytes, recordBytes: a frame holds the longest record four times, whatever its alphabet',
  )
  assert(
    limits.linkGraceMs >= 16 * limits.linkPingMs,
    'linkGraceMs, linkPingMs: a silent line is found twice within the grace, 16 pings',
  )
  assert(
    limits.linkGraceMs >= 2 * limits.linkDialTimeoutMs,
    'linkGraceMs, linkDialTimeoutMs: the grace has time for two dials',
  )
  assert(
    limits.messageBytes >= 2 * limits.recordBytes,
    'messageBytes, recordBytes: a message holds the longest record twice, for its frame',
  )
  assert(
    limits.deadLetterBytes <= 256 << 20,
    'deadLetterBytes: with what is under way they are read as one text, 268435456 at most',
  )
  assert(limits.workers <= 30, 'workers: who hears whom is decided exactly among up to 30 workers')
  assert(limits.suspectMs < limits.deadMs, 'suspectMs, deadMs: a worker is suspected before it counts as dead')
  assert(
    limits.beatSilenceMs > 2 * limits.beatMs,
    'beatSilenceMs, beatMs: a beat may be late once, more than two beats long',
  )
  assert(
    limits.settleMs > limits.beatSilenceMs + 2 * limits.beatMs - limits.deadMs,
    'settleMs, beatSilenceMs, beatMs, deadMs: a set that is contested only because a worker has just died stands less long',
  )
  return limits
}
