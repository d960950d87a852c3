/** `potoroo list` and `potoroo status`: what runs, and how it is doing. */
import { Command } from 'commander'
import type { ClusterView } from '../admin/cluster-view.ts'
import type { PipelineSummary, PipelineView, WorkerView } from '../admin/view.ts'
import { showDuration } from '../base/time.ts'
import { showCluster } from './cluster-commands.ts'
import { addControlOptions, type ControlFlags, findWorker, part } from './control-client.ts'
import { counted, print, printJson, showBytes, table } from './terminal.ts'

export function listCommand(): Command {
  const command = new Command('list').description('list the pipelines of the worker')
  return addControlOptions(command).action(async (flags: ControlFlags) => {
    const worker = await findWorker(flags)
    const pipelines = await worker.get<PipelineSummary[]>('/v1/pipelines')
    if (flags.json) printJson(pipelines)
    else print(pipelineTable(pipelines))
  })
}

export function statusCommand(): Command {
  const command = new Command('status')
    .description('show how the worker, or one pipeline, is doing')
    .argument('[pipeline]', 'its name')
  return addControlOptions(command).action(async (name: string | undefined, flags: ControlFlags) => {
    const worker = await findWorker(flags)
    if (name === undefined) {
      const [view, cluster] = await Promise.all([
        worker.get<WorkerView>('/v1/worker'),
        worker.get<ClusterView>('/v1/cluster'),
      ])
      if (flags.json) return printJson({ ...view, cluster })
      if (cluster.workers.length > 1) showCluster(cluster)
      showWorker(view, worker.address)
    } else {
      const [view, cluster] = await Promise.all([
        worker.get<PipelineView>(`/v1/pipelines/${part(name)}`),
        worker.get<ClusterView>('/v1/cluster'),
      ])
      if (flags.json) return printJson(view)
      showPipeline(view)
      if (cluster.workers.length > 1)
        print(`\nthis is the part of ${cluster.worker}, one of ${counted(cluster.workers.length, 'worker')}`)
    }
  })
}

function showWorker(view: WorkerView, address: string): void {
  const { worker, pid, generation, uptimeSeconds, journal, stuck, pipelines } = view
  const up = showDuration(uptimeSeconds * 1000)
  print(`worker ${worker}, process ${pid}, generation ${generation}, up ${up}, control API on ${address}`)
  const problem = journal.problem === null ? '' : `, cannot be written: ${journal.problem}`
  print(`journal ${showBytes(journal.bytes)} in ${counted(journal.segments, 'file')}${problem}`)
  print('')
  if (stuck.last !== null) {
    const { step, key, ms } = stuck.last
    const where = step === null ? '' : ` in step "${step}"${key === null ? '' : `, key ${key}`}`
    print(`its loop stood still ${counted(stuck.times, 'time')}, last for ${showDuration(ms)}${where}\n`)
  }
  print(pipelineTable(pipelines))
  for (const { pipeline, error } of pipelines) if (error !== null) showFailure(pipeline, error)
}

function pipelineTable(pipelines: readonly PipelineSummary[]): string {
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

function showFailure(pipeline: string, { code, message, remedy }: NonNullable<PipelineSummary['error']>): void {
  print(`\n${pipeline} failed: ${code}: ${message}\n  ${remedy}`)
}

function showPipeline(view: PipelineView): void {
  const { pipeline, phase, held, hash, epoch, checkpoint, continuedFrom, deadLetters } = view
  print(`${pipeline} ${phase}${held === null || phase !== 'running' ? '' : `, sources held: ${held}`}`)
  const from = continuedFrom === null ? 'started with nothing' : `continued from epoch ${continuedFrom}`
  print(`program ${hash.slice(0, 12)}, ${from}`)
  if (view.error !== null) showFailure(pipeline, view.error)
  const age = checkpoint.ageMs === null ? 'none yet' : `${showDuration(checkpoint.ageMs)} ago`
  const took = `took ${showDuration(checkpoint.durationMs)}, ${showBytes(checkpoint.bytes)}`
  const given = checkpoint.abandoned === 0 ? '' : `, ${checkpoint.abandoned} abandoned`
  print(`checkpoint epoch ${epoch}, ${age}, ${took}, ${counted(checkpoint.entries, 'changed key')}${given}`)
  if (deadLetters > 0) print(counted(deadLetters, 'dead letter'))
  print('')
  const steps = view.steps.map((step) => [
    step.step,
    step.kind,
    step.recordsIn,
    step.recordsOut,
    step.keys ?? '',
    showDuration(step.busyMs),
    step.waiting,
  ])
  print(table(['STEP', 'KIND', 'RECORDS IN', 'OUT', 'KEYS', 'BUSY', 'WAITING'], steps, 'no steps'))
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
  print('')
  print(table(heads, sources, 'no sources'))
  print('')
  const sinks = view.sinks.map((sink) => [
    sink.step,
    sink.promise,
    sink.state,
    sink.records,
    showBytes(sink.writtenBytes),
    showBytes(sink.queuedBytes),
    sink.dropped,
  ])
  print(table(['SINK', 'PROMISE', 'STATE', 'RECORDS', 'WRITTEN', 'QUEUED', 'DROPPED'], sinks, 'no sinks'))
}
