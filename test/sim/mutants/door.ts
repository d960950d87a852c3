/** The door: the journal, streams, acknowledgements. */
import type { SimMutant } from './mutant.ts'

export const doorMutants: readonly SimMutant[] = [
  {
    name: 'ack-before-sync',
    file: 'src/ingest/journal.ts',
    text: 'if (batch.acked) this.retained.push(batch)',
    replacement: "if (batch.acked) { batch.state = 'durable'; this.events.durable(batch) }",
  },
  {
    name: 'copies-not-told-apart',
    file: 'src/ingest/streams.ts',
    text: 'return !earlier.some((one) => one.writer === writer && last <= one.last)',
    replacement: 'return earlier.length < 0',
  },
  {
    name: 'copies-told-apart-by-name-alone',
    bend: 'copied-outboxes',
    file: 'src/ingest/streams.ts',
    text: 'one.writer === writer && last <= one.last',
    replacement: 'one.writer === writer',
  },
  {
    name: 'journal-without-writers',
    bend: 'copied-outboxes',
    file: 'src/ingest/survey.ts',
    text: 'of.note(header.writer, header.first, last)',
    replacement: "of.note('', header.first, last)",
  },
  {
    name: 'row-without-writer',
    swarm: 'clusters',
    bend: 'copied-outboxes',
    file: 'src/ingest/stream.ts',
    text: 'this.fedTrail = new Trail(writer, before)',
    replacement: 'this.fedTrail = NO_TRAIL',
  },
  {
    name: 'writer-not-noted-before-it-sends',
    bend: 'copied-outboxes',
    file: 'src/client/outbox.ts',
    text: '    this.writers.sign()\n    this.note()',
    replacement: '    this.writers.sign()',
  },
  {
    name: 'only-the-last-bringer-counts',
    swarm: 'clusters',
    bend: 'nobody-asks',
    seed: 64000680,
    file: 'src/ingest/streams.ts',
    text: 'return before?.last ?? null',
    replacement: 'return null',
    rare: 'what a copy brought has to lie between two records of the original, which is refused there: unless a journal that comes back brings it in later; tests of trails show it',
  },
  {
    name: 'row-without-trail',
    swarm: 'clusters',
    bend: 'nobody-asks',
    seed: 64000680,
    file: 'src/ingest/stream.ts',
    text: 'acked, writer, ...before]',
    replacement: 'acked, writer]',
    rare: 'what a copy brought has to lie between two records of the original, which is refused there: unless a journal that comes back brings it in later; tests of trails show it',
  },
  {
    name: 'told-of-what-a-copy-has-brought',
    swarm: 'clusters',
    bend: 'copies-and-tails',
    file: 'src/ingest/session.ts',
    text: "if (record !== null) this.leave(fail('E_STREAM_FORKED', { producer, record }))\n    return record !== null",
    replacement: 'return false',
    rare: 'a copy is connected while the journal of a former home brings in more than it has: but heirs read that before they welcome anybody, and a tail is offered only where nobody brings the stream',
  },
  {
    name: 'position-too-late',
    file: 'src/ingest/source.ts',
    text: 'stream.take(current.position, current)',
    replacement: 'stream.take(current.last, current)',
  },
  {
    name: 'producer-rows-not-saved',
    file: 'src/ingest/streams.ts',
    text: 'if (row === null) continue\n      rows.push(row)',
    replacement: 'if (row === null || stream.acked) continue\n      rows.push(row)',
  },
  {
    name: 'repeats-not-recognised',
    file: 'src/ingest/source.ts',
    text: "const known = verdict === 'known' ? cuts.count : stream.admitted + 1 - first",
    replacement: 'const known = 0 * first',
  },
  {
    name: 'journal-tail-dropped',
    file: 'src/ingest/recovery.ts',
    text: 'const positionOf = (key: string): number => streams.ofKey(key)?.position ?? 0',
    replacement: 'const positionOf = (_key: string): number => Infinity',
  },
  {
    name: 'journal-tail-one-batch-short',
    file: 'src/ingest/scan.ts',
    text: 'if (wanted && !bodyFits(window, bodyAt, header)) {',
    replacement: 'if (wanted && (this.fileAt >= this.length || !bodyFits(window, bodyAt, header))) {',
  },
  {
    name: 'failed-sync-tried-again',
    file: 'src/ingest/journal.ts',
    text: `      if (this.breaks(error)) {
        this.syncing = false
        return
      }
      this.status.syncs++`,
    replacement: `      if (error !== null) {
        this.syncing = false
        return this.sync()
      }
      this.status.syncs++`,
  },
  {
    name: 'journal-trimmed-an-epoch-early',
    file: 'src/ingest/coverage.ts',
    text: 'stream.covered = Math.max(stream.covered, position)',
    replacement: 'stream.covered = Math.max(stream.covered, position)\n      stream.raiseFloor(position)',
  },
  {
    name: 'stable-before-the-record',
    file: 'src/ingest/source.ts',
    text: 'current?.stream.take(current.position, current)',
    replacement: `for (const stream of this.streams.values()) {
      stream.covered = stream.position
      this.tell(stream)
    }
    current?.stream.take(current.position, current)`,
  },
  ...[
    {
      name: 'full-once-and-for-ever',
      file: 'src/ingest/segment-writers.ts',
      text: `        this.openLater()
        return failed(error)`,
      replacement: '        return failed(error)',
    },
    {
      name: 'journal-forgets-what-failed',
      file: 'src/ingest/journal.ts',
      text: 'this.pending = [...again, ...this.pending]',
      replacement: 'this.pending = [...this.pending]',
    },
  ].map((one): SimMutant => ({ ...one, swarm: 'clusters', bend: 'full-disks' })),
  ...[
    {
      name: 'connections-end-with-their-generation',
      file: 'src/worker/execution/sources/sources.ts',
      text: 'if (one.listening === null || !one.listening.stand()) continue',
      replacement: 'if (one.listening !== null) continue',
    },
    {
      name: 'paused-from-one-generation-on',
      file: 'src/connectors/socket/peer.ts',
      text: '    if (!this.lane.ready()) this.pause()\n',
      replacement: '    this.pause()\n',
    },
  ].map((one): SimMutant => ({ ...one, swarm: 'clusters', bend: 'plain-senders' })),
]
