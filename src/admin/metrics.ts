/**
 * `/metrics` for Prometheus: a table of what is measured, sampled from the same picture as `status` whenever it is
 * asked for. Nothing here is called per record.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import type { Pipelines } from '../worker/pipelines/pipelines.ts'
import type { LoopDelay } from './loop-delay.ts'
import { type PipelineView, viewPipelines, type WorkerView } from './view.ts'

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

interface MetricRow {
  readonly name: string
  readonly help: string
  readonly kind: 'counter' | 'gauge'
  readonly labels: readonly string[]
  sample(pipeline: PipelineView): readonly Sample[]
}

const PREFIX = 'potoroo_'
const PER_SECOND = 1000

/** One value for a pipeline. */
function whole(
  name: string,
  kind: MetricRow['kind'],
  help: string,
  value: (pipeline: PipelineView) => number | null,
): MetricRow {
  const sample = (pipeline: PipelineView): Sample[] => {
    const found = value(pipeline)
    return found === null ? [] : [[{}, found]]
  }
  return { name, help, kind, labels: [], sample }
}

/** One value for each source, step or sink of a pipeline. */
function each<K extends 'sources' | 'steps' | 'sinks'>(
  part: K,
  name: string,
  kind: MetricRow['kind'],
  help: string,
  value: (item: PipelineView[K][number]) => number | null,
): MetricRow {
  const sample = (pipeline: PipelineView): Sample[] =>
    pipeline[part].flatMap((item: PipelineView[K][number]) => {
      const found = value(item)
      return found === null ? [] : [[{ step: item.step }, found] as const]
    })
  return { name, help, kind, labels: ['step'], sample }
}

/** Everything that is measured of a pipeline. docs/operations.md lists it; a test compares the two. */
export const metricRows: readonly MetricRow[] = [
  whole('pipeline_running', 'gauge', '1 while the pipeline runs', ({ phase }) => (phase === 'running' ? 1 : 0)),
  whole('pipeline_held', 'gauge', '1 while its sources are held back', ({ held }) => (held === null ? 0 : 1)),
  whole('failures_total', 'counter', 'records that did not get through', ({ failures }) => failures),
  whole('dead_letters', 'gauge', 'dead letters in the list', ({ deadLetters }) => deadLetters),
  whole('checkpoint_epoch', 'gauge', 'the last complete epoch', ({ epoch }) => epoch),
  whole('checkpoints_total', 'counter', 'complete checkpoints', ({ checkpoint }) => checkpoint.completed),
  whole('checkpoints_abandoned_total', 'counter', 'abandoned checkpoints', ({ checkpoint }) => checkpoint.abandoned),
  whole(
    'checkpoint_duration_seconds',
    'gauge',
    'from the barrier to the record in the chain, of the last one',
    ({ checkpoint }) => checkpoint.durationMs / PER_SECOND,
  ),
  whole('checkpoint_bytes', 'gauge', 'bytes of the last pack', ({ checkpoint }) => checkpoint.bytes),
  whole('checkpoint_entries', 'gauge', 'keys in the last pack', ({ checkpoint }) => checkpoint.entries),
  whole(
    'checkpoint_pause_seconds',
    'gauge',
    'longest slice that the last one took from the loop',
    ({ checkpoint }) => checkpoint.longestSliceMs / PER_SECOND,
  ),
  whole('checkpoint_age_seconds', 'gauge', 'time since the last complete one', ({ checkpoint }) =>
    checkpoint.ageMs === null ? null : checkpoint.ageMs / PER_SECOND,
  ),
  each('steps', 'step_records_total', 'counter', 'records that a step was given', (step) => step.recordsIn),
  each('steps', 'step_results_total', 'counter', 'records that a step passed on', (step) => step.recordsOut),
  each('steps', 'step_batches_total', 'counter', 'batches that a step was given', (step) => step.batchesIn),
  each('steps', 'step_busy_seconds_total', 'counter', 'time that a step worked', (step) => step.busyMs / PER_SECOND),
  each('steps', 'step_waiting', 'gauge', 'batches that wait for a step', (step) => step.waiting),
  each('steps', 'exchange_records_total', 'counter', 'records that a step sent to other workers', (step) => step.sent),
  each(
    'steps',
    'exchange_encode_seconds_total',
    'counter',
    'time in which they became bytes',
    (step) => step.encodeMs / PER_SECOND,
  ),
  each('steps', 'keys', 'gauge', 'keys with state', (step) => step.keys),
  each('sources', 'source_records_total', 'counter', 'records that came in', (source) => source.records),
  each('sources', 'source_bytes_total', 'counter', 'bytes that came in', (source) => source.bytes),
  each('sources', 'source_repeats_total', 'counter', 'records that were known already', (source) => source.repeats),
  each(
    'sources',
    'source_unjournaled_records',
    'gauge',
    'records of acked producers that are not said to be on the disk',
    (source) => source.unjournaled,
  ),
  each(
    'sources',
    'source_unstable_records',
    'gauge',
    'records of acked producers that are not said to be in a checkpoint: they keep them',
    (source) => source.unstable,
  ),
  each('sources', 'source_connections', 'gauge', 'connections', (source) => source.connections),
  each('sources', 'source_producers', 'gauge', 'acked producers that are connected', (source) => source.producers),
  each(
    'sources',
    'source_lag_bytes',
    'gauge',
    'bytes that have not entered the pipeline',
    (source) => source.waitingBytes,
  ),
  each('sources', 'source_blocked', 'gauge', '1 while senders have to wait', (source) =>
    source.blockedBy === null ? 0 : 1,
  ),
  each('sinks', 'sink_records_total', 'counter', 'records that a sink was given', (sink) => sink.records),
  each('sinks', 'sink_bytes_total', 'counter', 'bytes that have left', (sink) => sink.writtenBytes),
  each('sinks', 'sink_queued_bytes', 'gauge', 'bytes that have not left', (sink) => sink.queuedBytes),
  each('sinks', 'sink_peers', 'gauge', 'peers that are connected', (sink) => sink.peers),
  each('sinks', 'sink_dropped_total', 'counter', 'records or peers that were given up', (sink) => sink.dropped),
]

interface WorkerRow {
  readonly name: string
  readonly kind: MetricRow['kind']
  readonly help: string
  value(worker: WorkerView): number
}

function own(name: string, kind: WorkerRow['kind'], help: string, value: WorkerRow['value']): WorkerRow {
  return { name, kind, help, value }
}

/** What is measured of the worker itself. */
export const workerRows: readonly WorkerRow[] = [
  own('generation', 'gauge', 'the generation of the cluster', ({ generation }) => generation),
  own('uptime_seconds', 'gauge', 'time since the worker started', ({ uptimeSeconds }) => uptimeSeconds),
  own('memory_resident_bytes', 'gauge', 'memory of the process', ({ resources }) => resources.residentBytes),
  own(
    'heap_bytes',
    'gauge',
    "what is in use of V8's heap, where the state lives",
    ({ resources }) => resources.heapBytes,
  ),
  own('heap_limit_bytes', 'gauge', 'how much the heap may hold', ({ resources }) => resources.heapLimitBytes),
  own('buffer_bytes', 'gauge', 'buffers outside of the heap', ({ resources }) => resources.bufferBytes),
  own('cpu_seconds_total', 'counter', 'time of processors that it has used', ({ resources }) => resources.cpuSeconds),
  own('journal_bytes', 'gauge', 'bytes of journal on the disk', ({ journal }) => journal.bytes),
  own('journal_segments', 'gauge', 'files of the journal', ({ journal }) => journal.segments),
  own('journal_written_bytes_total', 'counter', 'bytes written to the journal', ({ journal }) => journal.writtenBytes),
  own('journal_syncs_total', 'counter', 'syncs of the journal', ({ journal }) => journal.syncs),
  own('journal_failing', 'gauge', '1 while the journal cannot be written', ({ journal }) =>
    journal.problem === null ? 0 : 1,
  ),
  own(
    'pack_index_bytes',
    'gauge',
    'indexes of packs that are kept in memory for a recovery',
    ({ packIndexBytes }) => packIndexBytes,
  ),
  own('link_damaged_total', 'counter', 'damaged frames on links', ({ damagedFrames }) => damagedFrames),
  own('loop_stuck_total', 'counter', 'times that the loop stood still', ({ stuck }) => stuck.times),
  own('loop_stuck_seconds_total', 'counter', 'time that it stood still', ({ stuck }) => stuck.totalMs / PER_SECOND),
]

export const LOOP_DELAY = 'loop_delay_seconds'

/** Gives a metric one value. */
type Give = (labels: Readonly<Record<string, string>>, value: number) => void

export class Metrics {
  readonly contentType: string
  private readonly registry = new Registry()
  private readonly pipelines: Pipelines
  private readonly nowMs: () => number
  private readonly picture: () => WorkerView
  /** What the scrape that is under way shows. */
  private views: readonly PipelineView[] = []

  /** `picture` and `nowMs` are asked at every scrape. */
  constructor(pipelines: Pipelines, nowMs: () => number, picture: () => WorkerView, delay: LoopDelay) {
    this.pipelines = pipelines
    this.nowMs = nowMs
    this.picture = picture
    this.contentType = this.registry.contentType
    for (const row of metricRows) this.add(row, ['pipeline', ...row.labels], (give) => this.givePipelines(row, give))
    for (const row of workerRows) this.add(row, [], (give) => give({}, row.value(this.picture())))
    const help = 'how late the loop came to its timers, since the last scrape'
    this.add({ name: LOOP_DELAY, kind: 'gauge', help }, ['quantile'], (give) => {
      for (const [quantile, seconds] of delay.take()) give({ quantile: String(quantile) }, seconds)
    })
  }

  /** Registers a metric that `sample` gives its values anew at every scrape. */
  private add(
    { name, kind, help }: Pick<MetricRow, 'name' | 'kind' | 'help'>,
    labelNames: string[],
    sample: (give: Give) => void,
  ): void {
    const settings = { name: PREFIX + name, help, labelNames, registers: [this.registry] }
    const metric = kind === 'counter' ? new Counter(settings) : new Gauge(settings)
    // Counters are sampled from fields that only rise; the library's own count starts over at each scrape.
    const collect = (): void => {
      metric.reset()
      sample((labels, value) => metric.inc(labels, value))
    }
    Object.assign(metric, { collect })
  }

  private givePipelines(row: MetricRow, give: Give): void {
    for (const view of this.views) {
      for (const [labels, value] of row.sample(view)) give({ pipeline: view.pipeline, ...labels }, value)
    }
  }

  text(): Promise<string> {
    this.views = viewPipelines(this.pipelines, this.nowMs())
    return this.registry.metrics()
  }
}
