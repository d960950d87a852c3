/** The pipelines that simulated systems run, and what their producers send. */
import type { Prng } from '../../src/base/prng.ts'
import {
  fileSink,
  fileSource,
  generatorSource,
  lines,
  pipeline,
  tcpServerSink,
  tcpSink,
  tcpSource,
} from '../../src/index.ts'
import type { SinkDescription, SourceDescription } from '../../src/model/connector.ts'
import type { Pipeline } from '../../src/model/pipeline.ts'

/** The machine of the worker, and that of its consumer. */
export const WORKER = 'w'
export const CONSUMER = 'c'

/** Where a pipeline's records come from: the ports are those of the sources, in order. */
export interface Feed {
  readonly step: string
  readonly kind: 'acked' | 'plain' | 'file'
  readonly port: number
  readonly path: string
  /** The record without its cause: may be anything that the pipeline's decoder takes, and now and then what it refuses. */
  readonly record: (life: string, sequence: number) => Buffer
  readonly framing: 'lines' | 'length'
}

export interface Drain {
  readonly step: string
  readonly kind: 'append' | 'segments' | 'tcp' | 'server'
  readonly port: number
  readonly path: string
}

/** A pipeline under test. */
export interface Case {
  readonly name: string
  readonly pipeline: Pipeline
  readonly feeds: readonly Feed[]
  readonly drains: readonly Drain[]
}

export type Kind = Feed['kind']

/** Draws a feed of one of `kinds`. */
export function drawFeed(
  random: Prng,
  step: string,
  index: number,
  record: Feed['record'],
  kinds: readonly Kind[],
): Feed {
  const kind = kinds[random.below(kinds.length)]!
  return { step, kind, port: 7001 + index, path: `/in/${step}`, record, framing: 'lines' }
}

export function drawDrain(random: Prng, step: string, index: number): Drain {
  const kind = (['append', 'append', 'segments', 'tcp', 'server'] as const)[random.below(5)]!
  return { step, kind, port: 8001 + index, path: `/out/${step}.txt` }
}

export function sourceOf(feed: Feed): SourceDescription<string> {
  if (feed.kind === 'file') return fileSource({ path: feed.path })
  return tcpSource({ host: WORKER, port: feed.port, protocol: feed.kind })
}

export function sinkOf<T>(drain: Drain, encode: (value: T) => string): SinkDescription<T> {
  const framing = lines()
  switch (drain.kind) {
    case 'append':
      return fileSink({ path: drain.path, append: true, framing, encode })
    case 'segments':
      return fileSink({ path: drain.path, framing, encode })
    case 'tcp':
      return tcpSink({ host: CONSUMER, port: drain.port, framing, encode })
    case 'server':
      return tcpServerSink({ host: WORKER, port: drain.port, slow: 'wait', framing, encode })
  }
}

const WORDS = ['a', 'be', 'cat', 'door', 'eight', 'former', 'gardens', 'hospital', 'ñandú', 'Ω']

/** Words per key: few, so that keys meet often. */
function textRecord(salt: number): Feed['record'] {
  return (life, sequence) => {
    let mixed = Math.imul(sequence + salt, 0x9e3779b1) ^ life.length
    const count = 1 + ((mixed >>> 8) % 3)
    let text = ''
    for (let i = 0; i < count; i++) {
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b)
      text += `${i === 0 ? '' : ' '}${WORDS[(mixed >>> 20) % WORDS.length]}`
    }
    return Buffer.from(text)
  }
}

/** Counts words: what the sample of that name does, with ports and sinks that are drawn. */
export function wordCount(random: Prng): Case {
  const feed = drawFeed(random, 'lines', 0, textRecord(random.below(1000)), ['acked', 'acked', 'plain', 'file'])
  const drain = drawDrain(random, 'totals', 0)
  return {
    name: 'word-count',
    feeds: [feed],
    drains: [drain],
    pipeline: pipeline('word-count', (p) => {
      p.source('lines', sourceOf(feed))
        .flatMap('split', (line) => line.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [])
        .keyBy('by-word', (word) => word)
        .mapWithState('count', {
          init: () => ({ total: 0 }),
          step: (state, word) => ({ word, total: ++state.total }),
        })
        .sink(
          'totals',
          sinkOf(drain, (row) => `${row.word} => ${row.total}`),
        )
    }),
  }
}

export function drawCase(random: Prng): Case {
  return wordCount(random)
}

void generatorSource
