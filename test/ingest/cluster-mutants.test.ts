/** Faults planted in the homes of streams, each of which the scenario of a cluster finds (PROTOCOLS 2). */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Mutant, runMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./cluster-scenario-main.ts', import.meta.url))
/** Seeds that a fault has to be found in. */
const SEEDS = 400

/** A fault and a seed shortly before the first that finds it. */
const mutants: readonly (Mutant & { readonly from?: number })[] = [
  {
    name: 'vouches with what it saw before the append',
    file: 'src/ingest/vouch.ts',
    text: 'if (this.sealed) return this.clock.soon(() => done(false))\n',
    replacement: 'if (this.sealed) return this.clock.soon(() => done(false))\n    done(true)\n    done = () => {}\n',
  },
  {
    name: 'does not look for a seal',
    file: 'src/ingest/journal.ts',
    text: 'if (vouch === null) done(true)',
    replacement: 'if (vouch !== undefined) done(true)',
  },
  {
    name: 'reads a journal before it is sealed',
    file: 'src/ingest/sealed.ts',
    text: 'this.seal(reach.worker, new Set(writers), (failed) => {',
    replacement: `findSegments(this.options.disk, reach.directory, (_, early) => {
        for (const segment of early) segment.worker = reach.worker
        this.seal(reach.worker, new Set(writers), (failed) => done(failed, early))
      })
      if (this.sealed.size < 0) this.seal(reach.worker, new Set(), (failed) => {`,
  },
  {
    name: 'takes a former member for one that has not worked yet',
    file: 'src/ingest/sealed.ts',
    text: 'first > since && !incarnations.includes(incarnation)',
    replacement: 'first > since',
  },
  {
    name: 'takes whom it knows nothing of for one that has not worked yet',
    file: 'src/ingest/sealed.ts',
    text: 'first > since && !incarnations.includes(incarnation)',
    replacement: 'first > 0 && !incarnations.includes(incarnation)',
  },
  {
    name: 'makes no seal',
    file: 'src/ingest/sealed.ts',
    text: 'this.options.seals.seal(worker, incarnation, (error) => {',
    replacement:
      'void ((_a: string, _b: string, then: (error: null) => void) => then(null))(worker, incarnation, (error) => {',
  },
  {
    name: 'lets two members be home of a stream that nobody had',
    file: 'src/ingest/door.ts',
    text: 'return known ?? asker',
    replacement: 'return asker',
  },
  {
    name: 'takes over beside the home that the generation names',
    file: 'src/ingest/homes.ts',
    text: "stream.state = { phase: 'away', home: home ?? '' }",
    replacement: "stream.state = { phase: 'away', home: stream.home === home ? home : '' }",
  },
  {
    name: 'reads only the journal of the home in the manifest',
    file: 'src/ingest/survey.ts',
    text: 'note(target, found, header, isOwn ? null : segment.worker, hard)',
    replacement:
      'if (isOwn || target.streamOf(header.key, true).home === segment.worker) note(target, found, header, isOwn ? null : segment.worker, hard)',
  },
  {
    name: 'hands a stream over without a complete epoch',
    file: 'src/ingest/home-table.ts',
    text: "? { next: { phase: 'leaving', to: from }, effects: [{ kind: 'freeze' }, { kind: 'askEpoch' }] }",
    replacement:
      "? { next: { phase: 'away', home: from } as never, effects: [{ kind: 'freeze' }, { kind: 'give', to: from }] }",
  },
  {
    name: 'drops what its journal has of a stream that another has taken over',
    file: 'src/ingest/homes.ts',
    text: 'if (of !== undefined && of.own.last > stream.position) this.own.set(stream, of.own)',
    replacement: '',
  },
  {
    name: 'lets a stream leave before all of it is fed',
    file: 'src/ingest/streams.ts',
    text: 'return stream.isFed ? stream.rowFor(state.to) : stream.row',
    replacement: 'return stream.rowFor(state.to)',
  },
  {
    name: 'feeds nothing of a stream that leaves',
    from: 1080,
    file: 'src/ingest/delivery.ts',
    text: "if (phase !== 'home' && phase !== 'leaving') return false",
    replacement: "if (phase !== 'home') return false",
  },
  {
    name: 'forgets the row of a stream that it has given away',
    file: 'src/ingest/streams.ts',
    text: 'if (given !== null) return given',
    replacement: '',
  },
  {
    name: 'leaves out the rows of streams that nobody answers for',
    file: 'src/ingest/streams.ts',
    text: "return state.phase !== 'wanting' && stream.hasRow && nobodyHas(state) ? stream.row : null",
    replacement: 'return null',
  },
  {
    name: 'does not go on where a handed-over stream was in the epoch',
    file: 'src/ingest/homes.ts',
    text: 'stream.adopt([producer, incarnation, position, home, sessions, time, acked, writer, ...before])',
    replacement: '',
  },
  {
    name: 'welcomes before it has read the journals',
    file: 'src/ingest/recovery.ts',
    text: '      this.options.whenSealed((sealed) => {\n        if (round !== this.round) return',
    replacement:
      '      this.look(round, admitted, claim, done)\n      this.options.whenSealed((sealed) => {\n        if (round > 0) return',
  },
  {
    name: 'merges journals only in the order in which it reads them',
    file: 'src/ingest/replay.ts',
    text: 'if (needed === undefined && this.moved && this.incomplete) {',
    replacement: 'if (needed === undefined && this.moved && this.incomplete && this.index < 0) {',
  },
  {
    name: 'cuts a sealed tail one batch short',
    file: 'src/ingest/scan.ts',
    text: 'if (wanted && !bodyFits(window, bodyAt, header)) {',
    replacement:
      "if (wanted && ((this.segment.worker !== '' && this.fileAt >= this.length) || !bodyFits(window, bodyAt, header))) {",
  },
  {
    name: 'trims what lies above the floor once an epoch covers it',
    file: 'src/ingest/coverage.ts',
    text: "if (stream.state.phase === 'home') stream.covered = Math.max(stream.covered, position)",
    replacement: 'stream.covered = Math.max(stream.covered, position)\n      stream.raiseFloor(position)',
  },
]

describe('the scenario finds a cluster that', () => {
  test.each(mutants)('$name', (mutant) => {
    const { from = 1 } = mutant
    const { status, output } = runMutant(mutant, program, [String(from), String(from + SEEDS - 1)])
    expect(output).toMatch(/seed \d+: /)
    expect(status).toBe(1)
  })
})
