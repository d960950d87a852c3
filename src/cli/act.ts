/** Commands that do something to a pipeline that runs: submit, savepoint, drain, cancel. */
import { setTimeout as wait } from 'node:timers/promises'
import { Command } from 'commander'
import type { PipelineSummary, PipelineView, Submitted } from '../admin/view.ts'
import { PotorooError } from '../base/errors.ts'
import { showDuration } from '../base/time.ts'
import { HTTP_SOURCE } from '../connectors/http/describe.ts'
import { WEBSOCKET } from '../connectors/websocket/describe.ts'
import type { SavepointEntry, VerifiedSavepoint } from '../worker/pipelines/savepoints.ts'
import {
  addControlOptions,
  type ControlClient,
  type ControlFlags,
  findWorker,
  forCheckpoint,
  part,
} from './control-client.ts'
import { EXIT_FAILED } from './exit.ts'
import { collect, collectPairs, loadGraph } from './load.ts'
import { failureText } from './status-text.ts'
import { counted, print, printJson, say, sayWarning, showBytes, table } from './terminal.ts'

/** How long `submit` waits for what it has submitted to begin, and how often it looks. */
const BEGINS_MS = 3000
const LOOK_MS = 50
/** Sources that are open once they have an address. */
const LISTENERS: readonly string[] = ['tcp', WEBSOCKET, HTTP_SOURCE]

interface SubmitFlags extends ControlFlags {
  readonly param?: Record<string, string>
  readonly from?: string
  readonly fresh?: true
  readonly drop?: string[]
}

export function submitCommand(): Command {
  const command = new Command('submit')
    .description('give a pipeline to the worker; where it runs already, it is replaced and keeps its state')
    .argument('<file>', 'a pipeline file')
    .option('--param <name=value>', 'a parameter of the pipeline; may be repeated', collectPairs)
    .option('--fresh', 'forget the state that is there; savepoints stay')
    .option('--from <savepoint>', 'begin with the state of a savepoint')
    .option('--drop <step>', 'do not take over the state of a step; may be repeated', collect)
  return addControlOptions(command).action(async (file: string, flags: SubmitFlags) => {
    const { bundle, graph } = await loadGraph(file, flags.param)
    const { text, map, hash } = bundle
    const worker = await findWorker(flags)
    const body = {
      ...{ text, map, hash, parameters: graph.parameters },
      ...{ from: flags.from ?? null, fresh: flags.fresh === true, drop: flags.drop ?? [] },
    }
    const submitted = await worker.post<Submitted>('/v1/pipelines', body)
    const { phase, error } = await onceBegun(worker, submitted)
    if (error !== null) process.exitCode = EXIT_FAILED
    if (flags.json) return printJson({ ...submitted, phase, error })
    for (const { code, details } of submitted.warnings) sayWarning(new PotorooError(code, details))
    print(`${submitted.pipeline} submitted, program ${hash.slice(0, 12)}`)
    if (error !== null) say(failureText(submitted.pipeline, error).trimStart())
  })
}

/**
 * What has become of it once its sources are open, or why it could not begin, as where a port is taken. Where a large
 * state is read, or sources are held, nothing more may be known in time.
 */
async function onceBegun(
  worker: ControlClient,
  submitted: PipelineSummary,
): Promise<Pick<PipelineSummary, 'phase' | 'error'>> {
  for (const endMs = performance.now() + BEGINS_MS; performance.now() < endMs; await wait(LOOK_MS)) {
    // While owners change no worker may have it.
    const known = await worker.get<PipelineView>(`/v1/pipelines/${part(submitted.pipeline)}`).catch(() => null)
    if (known !== null && hasBegun(known)) return known
  }
  return submitted
}

function hasBegun({ phase, sources }: PipelineView): boolean {
  if (phase !== 'running') return phase !== 'starting'
  return sources.every(({ connector, address }) => address !== null || !LISTENERS.includes(connector))
}

/** A command of one verb on one pipeline. */
function verb(
  name: string,
  description: string,
  act: (worker: ControlClient, path: string) => Promise<readonly [result: unknown, text: (pipeline: string) => string]>,
): Command {
  const command = new Command(name).description(description).argument('<pipeline>', 'its name')
  return addControlOptions(command).action(async (pipeline: string, flags: ControlFlags) => {
    const worker = await findWorker(flags, { pipeline })
    const [result, text] = await act(worker, `/v1/pipelines/${part(pipeline)}`)
    if (flags.json) printJson(result)
    else print(text(pipeline))
  })
}

export function drainCommand(): Command {
  return verb(
    'drain',
    'stop the input, make a last checkpoint and end, until it is submitted again',
    async (worker, path) => {
      const result = await worker.post<PipelineSummary>(`${path}/drain`)
      return [result, (pipeline) => `${pipeline}: ended with epoch ${result.epoch}`]
    },
  )
}

export function cancelCommand(): Command {
  return verb('cancel', 'take a pipeline out, with its state; its savepoints stay', async (worker, path) => {
    await worker.post(`${path}/cancel`)
    return [{ cancelled: true }, (pipeline) => `${pipeline}: cancelled`]
  })
}

// ── Savepoints ─────────────────────────────────────────────────────────────────────────────────────────────────────

export function savepointCommand(): Command {
  const command = new Command('savepoint').description('make, list, verify or remove savepoints')
  const path = (pipeline: string, name?: string) =>
    `/v1/pipelines/${part(pipeline)}/savepoints${name === undefined ? '' : `/${part(name)}`}`
  const inner = (name: string, description: string) => {
    const made = new Command(name).description(description).argument('<pipeline>', 'its name')
    command.addCommand(made)
    return addControlOptions(made)
  }
  inner('make', 'make a checkpoint and keep it under a name')
    .argument('<name>', 'the name of the savepoint')
    .action(async (pipeline: string, name: string, flags: ControlFlags) => {
      const worker = await findWorker(flags, { pipeline })
      const waits = forCheckpoint(pipeline)
      const made = await worker.post<{ epoch: number }>(path(pipeline), { name }, undefined, waits)
      if (flags.json) printJson(made)
      else print(`${pipeline}: epoch ${made.epoch} is kept as ${name}`)
    })
  inner('list', 'list the savepoints of a pipeline').action(async (pipeline: string, flags: ControlFlags) => {
    const entries = await (await findWorker(flags, { pipeline })).get<SavepointEntry[]>(path(pipeline))
    if (flags.json) return printJson(entries)
    const rows = entries.map((one) => [one.name, one.epoch, one.keys, showBytes(one.bytes), ageOf(one)])
    print(table(['NAME', 'EPOCH', 'KEYS', 'BYTES', 'AGE'], rows, 'no savepoints'))
  })
  inner('verify', 'read every byte of a savepoint and say whether it is whole')
    .argument('<name>', 'the name of the savepoint')
    .action(async (pipeline: string, name: string, flags: ControlFlags) => {
      const verified = await (await findWorker(flags, { pipeline })).get<VerifiedSavepoint>(path(pipeline, name))
      const { entry, damages } = verified
      if (flags.json) printJson(verified)
      else if (damages.length === 0) print(`${name}: whole, epoch ${entry!.epoch}, ${counted(entry!.keys, 'key')}`)
      else for (const damage of damages) print(`${name}: ${damage.path}: ${damage.reason}`)
      if (damages.length > 0) process.exitCode = EXIT_FAILED
    })
  inner('remove', 'remove a savepoint')
    .argument('<name>', 'the name of the savepoint')
    .action(async (pipeline: string, name: string, flags: ControlFlags) => {
      await (await findWorker(flags, { pipeline })).remove(path(pipeline, name))
      if (flags.json) printJson({ removed: name })
      else print(`${pipeline}: ${name} is removed`)
    })
  return command
}

function ageOf({ timeMs }: SavepointEntry): string {
  return timeMs === 0 ? 'damaged' : showDuration(Math.max(0, Date.now() - timeMs))
}
