/** What `status` and `list` say, as text. */
import type { PipelineSummary, PipelineView, WorkerView } from '../admin/view.ts'
import { showDuration } from '../base/time.ts'
import { counted, showBytes, table } from './terminal.ts'

/** What `status` says of a worker. */
export function workerText(view: WorkerView, address: string): string {
  const out: string[] = []
  const { worker, pid, generation, uptimeSeconds, resources, journal, stuck, pipelines } = view
  const up = showDuration(uptimeSeconds * 1000)
  out.push(`worker ${worker}, process ${pid}, generation ${generation}, up ${up}, control API on ${address}`)
  const { residentBytes, heapBytes, heapLimitBytes } = resources
  out.push(`memory ${showBytes(residentBytes)}, heap ${showBytes(heapBytes)} of ${showBytes(heapLimitBytes)}`)
  const problem = journal.problem === null ? '' : `, cannot be written: ${journal.problem}`
  out.push(`journal ${showBytes(journal.bytes)} in ${counted(journal.segments, 'file')}${problem}`)
  out.push('')
  if (stuck.last !== null) {
    const { step, key, ms } = stuck.last
    const where = step === null ? '' : ` in step "${step}"${key === null ? '' : `, key ${key}`}`
    out.push(`its loop stood still ${counted(stuck.times, 'time')}, last for ${showDuration(ms)}${where}\n`)
  }
  out.push(pipelineTable(pipelines))
  for (const { pipeline, error } of pipelines) if (error !== null) out.push(failureText(pipeline, error))
  return joined(out)
}

/** A row for each pipeline. */
export function pipelineTable(pipelines: readonly PipelineSummary[]): string {
  const rows = pipelines.map((one) => [
    one.pipeline,
    one.held === null || one.phase !== 'running' ? one.phase : 'running, held',
    one.epoch,
    one.keys,
    one.recordsIn,
    one.deadLetters,
    one.hash.slice(0, 12),
  ])
  return table(['PIPELINE', 'PHASE', 'EPOCH', 'KEYS', 'RECORDS IN', 'DEAD LETTERS', 'PROGRAM'], rows, 'no pipelines')
}

/** What follows the remedy of what a pipeline has failed by. */
export const AFTERWARDS = 'then `potoroo submit FILE` starts it again'

/** Why a pipeline failed, and what to do. */
export function failureText(
  pipeline: string,
  { code, message, remedy }: NonNullable<PipelineSummary['error']>,
): string {
  return `\n${pipeline} failed: ${code}: ${message}\n  ${remedy}\n  ${AFTERWARDS}`
}

/** What `status PIPELINE` says. */
export function pipelineText(view: PipelineView): string {
  const out: string[] = []
  const { pipeline, phase, held, hash, epoch, checkpoint, continuedFrom, deadLetters } = view
  out.push(`${pipeline} ${phase}${held === null || phase !== 'running' ? '' : `, sources held: ${held}`}`)
  const from = continuedFrom === null ? 'started with nothing' : `continued from epoch ${continuedFrom}`
  out.push(`program ${hash.slice(0, 12)}, ${from}`)
  if (view.error !== null) out.push(failureText(pipeline, view.error))
  const age = checkpoint.ageMs === null ? 'none yet' : `${showDuration(checkpoint.ageMs)} ago`
  const took = `took ${showDuration(checkpoint.durationMs)}, ${showBytes(checkpoint.bytes)}`
  const given = checkpoint.abandoned === 0 ? '' : `, ${checkpoint.abandoned} abandoned`
  out.push(`checkpoint epoch ${epoch}, ${age}, ${took}, ${counted(checkpoint.entries, 'changed key')}${given}`)
  if (deadLetters > 0) out.push(counted(deadLetters, 'dead letter'))
  out.push('')
  const steps = view.steps.map((step) => [
    step.step,
    step.kind,
    step.recordsIn,
    step.recordsOut,
    step.keys ?? '',
    showDuration(step.busyMs),
    step.waiting,
  ])
  out.push(table(['STEP', 'KIND', 'RECORDS IN', 'OUT', 'KEYS', 'BUSY', 'WAITING'], steps, 'no steps'))
  const sources = view.sources.map((source) => [
    source.step,
    source.address ?? source.connector,
    source.connections,
    source.records,
    showBytes(source.bytes),
    source.repeats,
    showBytes(source.waitingBytes),
    source.blockedBy ?? '',
  ])
  const heads = ['SOURCE', 'ADDRESS', 'CONNECTIONS', 'RECORDS', 'BYTES', 'REPEATS', 'BEHIND', 'WAITS FOR']
  out.push('')
  out.push(table(heads, sources, 'no sources'))
  out.push('')
  const sinks = view.sinks.map((sink) => [
    sink.step,
    sink.promise,
    sink.state,
    sink.records,
    showBytes(sink.writtenBytes),
    showBytes(sink.queuedBytes),
    sink.dropped,
    sink.blockedBy ?? '',
  ])
  const sinkHeads = ['SINK', 'PROMISE', 'STATE', 'RECORDS', 'WRITTEN', 'QUEUED', 'DROPPED', 'WAITS FOR']
  out.push(table(sinkHeads, sinks, 'no sinks'))
  return joined(out)
}

/** Parts under one another; a table ends with its own line end. */
export function joined(parts: readonly string[]): string {
  return parts.map((part) => part.replace(/\n$/, '')).join('\n')
}
