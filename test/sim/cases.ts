/**
 * The pipelines that simulated systems run, and what their producers send: the samples, and graphs that are drawn.
 * Where records come from and go to is drawn too and put into the plan; the pipelines do not know.
 */
import type { Prng } from '../../src/base/prng.ts'
import { isCaused } from '../../src/dataflow/lineage.ts'
import {
  fileSink,
  fileSource,
  httpSource,
  lines,
  tcpServerSink,
  tcpSink,
  tcpSource,
  webhookSink,
  webSocketSink,
  webSocketSource,
} from '../../src/index.ts'
import type { SinkDescription, SourceDescription } from '../../src/model/connector.ts'
import type { Pipeline } from '../../src/model/pipeline.ts'
import type { Plan } from '../../src/model/plan.ts'
import { plan } from '../../src/model/planner.ts'
import { drawGraph } from './graphs.ts'
import { HOOK_TIMEOUT_MS } from './hook.ts'
import { PATH } from './poster.ts'
import { marketSpread, sequenceWindow, wordCount } from './samples.ts'

/**
 * The machine of the worker, that of its consumers, those of who receives what acked sinks give, by TCP and by
 * WebSocket, and what webhooks do.
 */
export const WORKER = 'w'
export const CONSUMER = 'c'
export const RECEIVERS = { acked: 'r', 'acked-websocket': 'rw' } as const
export const HOOK = 'h'

/** Where the sources and sinks of a pipeline are: where its workers listen, and the folder that holds its files. */
export interface Place {
  readonly host: string
  readonly folder: string
}

/** One worker that has its disk for itself. */
const alone: Place = { host: WORKER, folder: '' }

/** Makes the bytes of record `sequence` of the life `life`. Now and then they are none that the pipeline takes. */
export type MakeRecord = (life: string, sequence: number) => Buffer

/** A pipeline and the records for each of its sources, by step. */
export interface Script {
  readonly name: string
  readonly pipeline: Pipeline
  readonly records: Readonly<Record<string, MakeRecord>>
  /** Sinks of it must give exactly once: what they give is needed to know the history. */
  readonly exact: boolean
}

export interface Feed {
  readonly step: string
  readonly kind: 'acked' | 'http' | 'plain' | 'file'
  /** Who sends `acked` or `plain` does so by WebSocket. */
  readonly web: boolean
  readonly port: number
  /** Of a file: how many there are. */
  readonly files: number
  /** There is one, which grows, and begins anew under its name. */
  readonly follow?: boolean
  readonly record: MakeRecord
  readonly framing: SourceDescription<unknown>['framing']
}

export interface Drain {
  readonly step: string
  readonly kind: 'append' | 'segments' | 'tcp' | 'server' | 'acked' | 'acked-websocket' | 'webhook'
  readonly port: number
  readonly path: string
  /** All that comes to it stems from single records, and has ids. */
  readonly caused: boolean
}

export interface Case {
  readonly name: string
  readonly pipeline: Pipeline
  readonly feeds: readonly Feed[]
  readonly drains: readonly Drain[]
  /** Builds the plan anew; or that of another program, which has steps besides. */
  readonly build: (pipeline?: Pipeline) => Plan
  /** The same, where producers of the acked sources that `chooses` names post their records instead. */
  readonly posted: (chooses: (feed: Feed) => boolean) => Case
  /**
   * The same, where those who send to the steps that `chooses` names do so by WebSocket, and what they give by TCP is
   * posted.
   */
  readonly webbed: (chooses: (step: string) => boolean) => Case
  /** The same, where the sources of files that `chooses` names follow one that grows. */
  readonly followed: (chooses: (step: string) => boolean) => Case
}

const ackedKinds = ['acked', 'acked-websocket'] as const
/** Sinks that give to receivers which acknowledge, of those that need not be exact. */
const ACKED = 0.25

/**
 * Draws a pipeline, where its records come from and where they go. `acked` draws which sinks have receivers that
 * acknowledge: a generator of its own, so that everything else stays as it was.
 */
export function drawCase(random: Prng, acked: Prng, place: Place = alone): Case {
  const draw = [wordCount, sequenceWindow, marketSpread, drawGraph, drawGraph, drawGraph][random.below(6)]!
  return caseOf(draw(random), random, acked, place)
}

/** Draws where the records of `script` come from and where they go. */
export function caseOf(script: Script, random: Prng, acked: Prng, place: Place): Case {
  const planned = plan(script.pipeline.build())
  const feeds: Feed[] = []
  const drains: Drain[] = []
  for (const task of planned.tasks) {
    if (task.kind === 'source') {
      const kind = (['acked', 'acked', 'plain', 'file'] as const)[random.below(4)]!
      const { framing } = task.source
      const files = 1 + random.below(3)
      feeds.push({
        step: task.step,
        kind,
        web: false,
        port: 7001 + feeds.length,
        files,
        record: script.records[task.step]!,
        framing,
      })
    } else if (task.kind === 'sink') {
      const kinds = script.exact
        ? (['append', 'segments'] as const)
        : (['append', 'append', 'segments', 'tcp', 'server'] as const)
      const drawn = kinds[random.below(kinds.length)]!
      const kind = !script.exact && acked.chance(ACKED) ? ackedKinds[acked.below(ackedKinds.length)]! : drawn
      const caused = isCaused(planned, task.id)
      drains.push({ step: task.step, kind, port: 8001 + drains.length, path: `/out/${task.step}.txt`, caused })
    }
  }
  return caseWith(script, feeds, drains, place)
}

function caseWith(script: Script, feeds: readonly Feed[], drains: readonly Drain[], place: Place): Case {
  return {
    ...{ name: script.name, pipeline: script.pipeline, feeds, drains },
    build: (pipeline = script.pipeline) => rehouse(plan(pipeline.build()), feeds, drains, place),
    posted: (chooses) => {
      const posted = feeds.map(
        (feed): Feed => (feed.kind === 'acked' && chooses(feed) ? { ...feed, kind: 'http' } : feed),
      )
      return caseWith(script, posted, drains, place)
    },
    webbed: (chooses) => {
      const byWeb = feeds.map((feed) => ({ ...feed, web: feed.web || chooses(feed.step) }))
      const posted = drains.map((drain): Drain => {
        const given = drain.kind === 'tcp' || drain.kind === 'server'
        return given && chooses(drain.step) ? { ...drain, kind: 'webhook' } : drain
      })
      return caseWith(script, byWeb, posted, place)
    },
    followed: (chooses) => {
      const follows = (feed: Feed): Feed =>
        feed.kind === 'file' && chooses(feed.step) ? { ...feed, files: 1, follow: true } : feed
      return caseWith(script, feeds.map(follows), drains, place)
    },
  }
}

/** The folder that holds the files of `feed`, on its volume. */
export function folderOf(feed: Feed): string {
  return `/in-${feed.step}`
}

/**
 * The plan with the sources and sinks that were drawn, and the decoders, encoders and framings that it has; others stay
 * as they are.
 */
function rehouse(planned: Plan, feeds: readonly Feed[], drains: readonly Drain[], place: Place): Plan {
  return {
    ...planned,
    tasks: planned.tasks.map((task) => {
      if (task.kind === 'source') {
        const { framing, decoder } = task.source
        const feed = feeds.find(({ step }) => step === task.step)
        return feed === undefined ? task : { ...task, source: { ...sourceOf(feed, place), framing, decoder } }
      }
      const drain = drains.find(({ step }) => step === task.step)
      return task.kind !== 'sink' || drain === undefined ? task : { ...task, sink: sinkOf(drain, task.sink, place) }
    }),
  }
}

function sourceOf(feed: Feed, { host, folder }: Place): SourceDescription<unknown> {
  if (feed.kind === 'file') {
    const files = `${folder}${folderOf(feed)}`
    return fileSource(feed.follow === true ? { path: `${files}/1`, follow: true } : { path: `${files}/*` })
  }
  if (feed.kind === 'http') return httpSource({ host, port: feed.port, path: PATH, bad: 'dead-letter' })
  const listening = { host, port: feed.port, protocol: feed.kind }
  return feed.web ? webSocketSource(listening) : tcpSource(listening)
}

/** Every sink writes lines, so that what comes out can be told apart. */
function sinkOf(drain: Drain, { encode }: SinkDescription<unknown>, place: Place): SinkDescription<unknown> {
  const path = `${place.folder}${drain.path}`
  const text = (value: unknown): string => String(encode(value)).trimEnd()
  const format = { framing: lines(), encode: text }
  const promise = drain.caused ? 'idempotent' : 'at-least-once'
  const acked = { protocol: 'acked', promise, encode: text } as const
  switch (drain.kind) {
    case 'append':
      return fileSink({ path, append: true, ...format })
    case 'segments':
      return fileSink({ path, ...format })
    case 'tcp':
      return tcpSink({ host: CONSUMER, port: drain.port, ...format })
    case 'server':
      return tcpServerSink({ host: place.host, port: drain.port, slow: 'wait', ...format })
    case 'acked':
      return tcpSink({ host: RECEIVERS.acked, port: drain.port, ...acked })
    case 'webhook': {
      const url = `http://${HOOK}:${drain.port}/`
      const [records, concurrency] = [drain.caused ? 1 : 8, drain.port % 2 === 0 ? 1 : 4]
      return webhookSink({ url, records, concurrency, timeoutMs: HOOK_TIMEOUT_MS, encode: text })
    }
    case 'acked-websocket':
      return webSocketSink({ url: `ws://${RECEIVERS['acked-websocket']}:${drain.port}/in`, ...acked })
  }
}
