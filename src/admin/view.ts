/** What `status` shows: a pipeline as plain JSON. The field names are a public format. */
import type { ErrorCode, PotorooError } from '../base/errors.ts'
import { compareNames } from '../base/names.ts'
import { hideSecrets } from '../model/explain.ts'
import type { Parameters } from '../model/graph.ts'
import type { PipelinePhase, Pipelines, Resident } from '../worker/pipelines/pipelines.ts'
import type { Resources } from './resources.ts'

export interface WorkerView {
  readonly worker: string
  readonly incarnation: string
  readonly generation: number
  readonly pid: number
  readonly uptimeSeconds: number
  readonly resources: Resources
  readonly journal: {
    readonly bytes: number
    readonly segments: number
    readonly writtenBytes: number
    readonly syncs: number
    readonly problem: string | null
  }
  /** What it keeps of the indexes of packs, so that a recovery need not read them, in bytes. */
  readonly packIndexBytes: number
  /** How often, and for how long altogether, its loop has stood still for `limits.stuckMs` or longer. */
  readonly stuck: { readonly times: number; readonly totalMs: number; readonly last: Standstill | null }
  /** What came on links from other workers and was no frame, or had another checksum. */
  readonly damagedFrames: number
  readonly pipelines: readonly PipelineSummary[]
}

/** What held up the loop. */
export interface Standstill {
  readonly ms: number
  readonly pipeline: string | null
  readonly step: string | null
  readonly key: string | null
  readonly stack: string
}

export interface PipelineSummary {
  readonly pipeline: string
  readonly phase: PipelinePhase
  /** Why its sources are held, or `null`. */
  readonly held: string | null
  readonly hash: string
  readonly epoch: number
  readonly keys: number
  readonly recordsIn: number
  /** Dead letters in the list. */
  readonly deadLetters: number
  /** Records that did not get through since the pipeline started here. */
  readonly failures: number
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly remedy: string } | null
}

/** What has become of a program that was submitted. */
export interface Submitted extends PipelineSummary {
  /** What was asked for and means nothing here, such as to drop the state of a step that has none. */
  readonly warnings: readonly Pick<PotorooError, 'code' | 'message' | 'remedy' | 'details'>[]
}

export interface PipelineView extends PipelineSummary {
  /** Without what is secret, as `explain` shows it. */
  readonly parameters: Parameters
  readonly startedMs: number
  readonly continuedFrom: number | null
  readonly checkpoint: {
    readonly epoch: number
    readonly completed: number
    readonly abandoned: number
    readonly durationMs: number
    readonly bytes: number
    readonly entries: number
    readonly longestSliceMs: number
    /** Since the last complete one, `null` before the first. */
    readonly ageMs: number | null
  }
  readonly steps: readonly {
    readonly step: string
    readonly kind: string
    readonly recordsIn: number
    readonly recordsOut: number
    readonly batchesIn: number
    readonly busyMs: number
    readonly waiting: number
    /** Records that went to other workers, and the time in which they became bytes. */
    readonly sent: number
    readonly encodeMs: number
    readonly keys: number | null
  }[]
  readonly sources: readonly {
    readonly step: string
    readonly connector: string
    readonly address: string | null
    readonly connections: number
    /** Acked producers among them. */
    readonly producers: number
    readonly records: number
    readonly bytes: number
    readonly repeats: number
    /** Records of acked producers that they were not told to be journaled, and that they have to keep. */
    readonly unjournaled: number
    readonly unstable: number
    readonly waitingBytes: number
    readonly refused: number
    readonly expelled: number
    readonly blockedBy: string | null
  }[]
  readonly sinks: readonly {
    readonly step: string
    readonly connector: string
    readonly promise: string
    readonly state: string
    readonly peers: number
    readonly records: number
    readonly writtenBytes: number
    readonly queuedBytes: number
    readonly dropped: number
    /** Who takes nothing from it, and why; `null` where that is not so. */
    readonly blockedBy: string | null
  }[]
}

/** `uptimeSeconds`, `pid` and `taken` are those of the process. */
export function viewWorker(pipelines: Pipelines, uptimeSeconds: number, pid: number, taken: Resources): WorkerView {
  const { worker } = pipelines
  const { bytes = 0, segments = 0, writtenBytes = 0, syncs = 0, problem = null } = worker.journal ?? {}
  return {
    worker: worker.name,
    incarnation: worker.incarnation,
    generation: worker.cluster.generation,
    pid,
    uptimeSeconds,
    resources: taken,
    journal: { bytes, segments, writtenBytes, syncs, problem: problem?.message ?? null },
    packIndexBytes: worker.indexBytes,
    stuck: worker.status.standstills,
    damagedFrames: worker.status.damagedFrames,
    pipelines: [...Array.from(pipelines.residents.values(), summarize), ...absent(pipelines)].toSorted((a, b) =>
      compareNames(a.pipeline, b.pipeline),
    ),
  }
}

/**
 * Those that the chain names and of which nothing is here: drained before this worker came, or not to be loaded on it.
 */
function absent({ residents, worker }: Pipelines): readonly PipelineSummary[] {
  return [...worker.cluster.pipelines].flatMap(([pipeline, { drained, hash, highest: epoch }]) => {
    const error = worker.residents.unloaded.get(pipeline)?.error ?? null
    if (residents.has(pipeline) || (!drained && error === null)) return []
    const nothing = { held: null, keys: 0, recordsIn: 0, deadLetters: 0, failures: 0 }
    return [{ pipeline, phase: drained ? 'drained' : 'failed', hash, epoch, ...nothing, error: shown(error) }]
  })
}

function shown(error: PotorooError | null): PipelineSummary['error'] {
  return error === null ? null : { code: error.code, message: error.message, remedy: error.remedy }
}

export function summarize({ name, phase, hash, execution, error }: Resident): PipelineSummary {
  const { status } = execution
  return {
    pipeline: name,
    phase,
    held: execution.isOpen ? status.heldBy : null,
    hash,
    epoch: status.figures?.epoch ?? 0,
    keys: status.keys,
    recordsIn: status.sources.reduce((sum, source) => sum + source.records, 0),
    deadLetters: execution.deadLetters.count,
    failures: status.failures,
    error: shown(error),
  }
}

/** All that are here, and those that cannot be loaded: of these nothing can be measured. */
export function viewPipelines(pipelines: Pipelines, nowMs: number): readonly PipelineView[] {
  const unloaded = absent(pipelines).filter(({ phase }) => phase === 'failed')
  const here = Array.from(pipelines.residents.values(), (resident) => viewPipeline(resident, nowMs))
  return [...here, ...unloaded.map((summary) => ({ ...summary, ...unmeasured }))]
}

const unmeasured = {
  parameters: {},
  startedMs: 0,
  continuedFrom: null,
  checkpoint: {
    ...{ epoch: 0, completed: 0, abandoned: 0, durationMs: 0, bytes: 0, entries: 0, longestSliceMs: 0 },
    ageMs: null,
  },
  ...{ steps: [], sources: [], sinks: [] },
}

/** `nowMs` is wall time in milliseconds since 1970. */
export function viewPipeline(resident: Resident, nowMs: number): PipelineView {
  const { execution, plan, parameters, startedMs, base, addresses } = resident
  // One that has come to its end listens nowhere, and waits for nothing.
  const { writers, isOpen } = execution
  const { figures, keysByStep, tasks, sources } = execution.status
  return {
    ...summarize(resident),
    parameters: hideSecrets(parameters),
    startedMs,
    continuedFrom: base?.epoch ?? null,
    checkpoint: {
      epoch: figures?.epoch ?? 0,
      completed: figures?.completed ?? 0,
      abandoned: figures?.abandoned ?? 0,
      durationMs: round(figures?.durationMs ?? 0),
      bytes: figures?.bytes ?? 0,
      entries: figures?.entries ?? 0,
      longestSliceMs: round(figures?.longestSliceMs ?? 0),
      ageMs: figures === null || figures.timeMs === 0 ? null : nowMs - figures.timeMs,
    },
    steps: tasks.map(({ step, kind, recordsIn, recordsOut, batchesIn, busyMs, waiting, sent }) => ({
      ...{ step, kind, recordsIn, recordsOut, batchesIn, busyMs: round(busyMs), waiting },
      ...{ sent: sent.records, encodeMs: round(sent.encodeMs) },
      keys: keysByStep.get(step) ?? null,
    })),
    sources: sources.map(({ sessions, accepted: _, ...figures }) => ({
      ...figures,
      address: isOpen ? (addresses.get(figures.step) ?? null) : null,
      blockedBy: isOpen ? figures.blockedBy : null,
      producers: sessions,
    })),
    sinks: plan.tasks
      .filter((task) => task.kind === 'sink')
      .map(({ step, sink }) => {
        const { promise, kind: connector } = sink
        const status = writers.get(step)?.status
        if (status === undefined) return { step, connector, promise, ...closed }
        const { state, peers, records, writtenBytes, queuedBytes, dropped, blockedBy } = status
        return { step, connector, promise, state, peers, records, writtenBytes, queuedBytes, dropped, blockedBy }
      }),
  }
}

const closed = { state: 'opening', peers: 0, records: 0, writtenBytes: 0, queuedBytes: 0, dropped: 0, blockedBy: null }

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
