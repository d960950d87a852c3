/**
 * What `status --watch` says: what has happened since the last look, in lines that a narrow window holds.
 *
 * Figures count up from the start of a process, so after a restart they begin anew: a rate is never below zero.
 */
import type { PipelineSummary, PipelineView, WorkerView } from '../admin/view.ts'
import { showDuration } from '../base/time.ts'
import { failureText, joined } from './status-text.ts'
import { counted, showBytes, showCount, table } from './terminal.ts'

/** Longest name of a step in a row. */
const NAME = 20

/** The worker and its pipelines; `before` is the last look, `seconds` ago. */
export function liveWorkerText(now: WorkerView, before: WorkerView | null, seconds: number): string {
  const { worker, generation, resources, journal, uptimeSeconds, pipelines } = now
  const rows = pipelines.map((one) => {
    const earlier = before?.pipelines.find(({ pipeline }) => pipeline === one.pipeline)
    const rate = rateOf(one.recordsIn, earlier?.recordsIn, seconds)
    return [short(one.pipeline), phaseOf(one), rate, one.recordsIn, one.keys, one.epoch, one.deadLetters]
  })
  const up = showDuration(Math.round(uptimeSeconds) * 1000)
  return joined([
    `worker ${worker}, generation ${generation}, up ${up}`,
    `heap ${showBytes(resources.heapBytes)} of ${showBytes(resources.heapLimitBytes)}, journal ${showBytes(journal.bytes)}`,
    ...(journal.problem === null ? [] : [`the journal cannot be written: ${journal.problem}`]),
    '',
    table(['PIPELINE', 'PHASE', 'IN/S', 'IN', 'KEYS', 'EPOCH', 'LETTERS'], rows, 'no pipelines'),
    ...pipelines.flatMap(({ pipeline, error }) => (error === null ? [] : [failureText(pipeline, error)])),
  ])
}

/** One pipeline; `before` is the last look, `seconds` ago. */
export function livePipelineText(now: PipelineView, before: PipelineView | null, seconds: number): string {
  const { pipeline, checkpoint, keys, deadLetters, error } = now
  const age = checkpoint.ageMs === null ? 'none yet' : `${showDuration(checkpoint.ageMs)} ago`
  const letters = deadLetters === 0 ? '' : `, ${counted(deadLetters, 'dead letter')}`
  const last = <T extends { readonly step: string }>(rows: readonly T[] | undefined, step: string): T | undefined =>
    rows?.find((row) => row.step === step)
  const steps = now.steps.map((one) => {
    const earlier = last(before?.steps, one.step)
    const busy =
      seconds === 0 ? '' : `${Math.min(100, Math.round(rateOf(one.busyMs, earlier?.busyMs, seconds) / 10))} %`
    const [inwards, outwards] = [
      rateOf(one.recordsIn, earlier?.recordsIn, seconds),
      rateOf(one.recordsOut, earlier?.recordsOut, seconds),
    ]
    return [short(one.step), one.kind, inwards, outwards, one.keys ?? '', busy, one.waiting]
  })
  const sources = now.sources.map((one) => {
    const rate = rateOf(one.records, last(before?.sources, one.step)?.records, seconds)
    return [short(one.step), rate, one.records, one.connections, showBytes(one.waitingBytes), one.blockedBy ?? '']
  })
  const sinks = now.sinks.map((one) => {
    const rate = rateOf(one.records, last(before?.sinks, one.step)?.records, seconds)
    return [short(one.step), rate, one.records, one.state, showBytes(one.queuedBytes), one.dropped, one.blockedBy ?? '']
  })
  return joined([
    `${pipeline} ${phaseOf(now)}, ${counted(keys, 'key')}${letters}`,
    ...(now.held === null ? [] : [`sources held: ${now.held}`]),
    `checkpoint ${showCount(checkpoint.epoch)}, ${age}, took ${showDuration(checkpoint.durationMs)}, ${showBytes(checkpoint.bytes)}`,
    ...(error === null ? [] : [failureText(pipeline, error)]),
    '',
    table(['SOURCE', 'IN/S', 'IN', 'PEERS', 'BEHIND', 'WAITS FOR'], sources, 'no sources'),
    '',
    table(['STEP', 'KIND', 'IN/S', 'OUT/S', 'KEYS', 'BUSY', 'WAITING'], steps, 'no steps'),
    '',
    table(['SINK', 'OUT/S', 'OUT', 'STATE', 'QUEUED', 'DROPPED', 'WAITS FOR'], sinks, 'no sinks'),
  ])
}

function phaseOf({ phase, held }: PipelineSummary): string {
  return held === null || phase !== 'running' ? phase : 'held'
}

function rateOf(now: number, before: number | undefined, seconds: number): number {
  return before === undefined || seconds === 0 ? 0 : Math.max(0, Math.round((now - before) / seconds))
}

function short(name: string): string {
  return name.length <= NAME ? name : `${name.slice(0, NAME - 1)}…`
}
