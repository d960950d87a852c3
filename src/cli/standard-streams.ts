/**
 * `run --stdin` and `run --stdout`: standard input in place of a pipeline's source, standard output in place of its sinks.
 *
 * Standard input goes through a socket of this process into the worker's journal, as every sender's bytes do: so there is
 * one way in, with its framing, its back pressure and its recovery.
 */
import { createConnection } from 'node:net'
import type { Readable } from 'node:stream'
import { pipeline as pipe } from 'node:stream/promises'
import { fail } from '../base/errors.ts'
import { nullSink } from '../connectors/null/describe.ts'
import { stdoutSink } from '../connectors/standard-output/describe.ts'
import { tcpSource } from '../connectors/tcp/describe.ts'
import type { Plan, TaskPlan } from '../model/plan.ts'

/** The source that standard input replaces: the one named, or the only one. */
export function sourceForInput(plan: Plan, named: string | true): string {
  const sources = plan.tasks.filter((task) => task.kind === 'source').map(({ step }) => step)
  const found = named === true ? (sources.length === 1 ? sources[0] : undefined) : sources.find((s) => s === named)
  if (found !== undefined) return found
  const reason = named === true ? 'it has several sources: name one' : `it has no source ${named}`
  throw fail('E_USAGE', { reason: `--stdin: ${reason} (${sources.join(', ')})` })
}

/** `plan` with a source that this process feeds in place of `step`, its framing and decoder as they were. */
export function withInput(plan: Plan, step: string): Plan {
  return mapTasks(plan, (task) => {
    if (task.kind !== 'source' || task.step !== step) return task
    const { framing, decoder } = task.source
    return { ...task, source: { ...tcpSource({ port: 0, framing, decode: decoder }), framing, decoder } }
  })
}

/** `plan` with standard output in place of every sink, their encoders as they were. */
export function withOutput(plan: Plan): Plan {
  return mapTasks(plan, (task) => {
    if (task.kind !== 'sink' || task.sink.kind === nullSink().kind) return task
    const { encode, framing } = task.sink
    return { ...task, sink: { ...stdoutSink({ encode }), encode, framing } }
  })
}

function mapTasks(plan: Plan, map: (task: TaskPlan) => TaskPlan): Plan {
  return { ...plan, tasks: plan.tasks.map(map) }
}

/** Sends all of `input` to `address`; resolves when the other end has taken the last byte. */
export async function feed(input: Readable, address: string): Promise<void> {
  const at = address.lastIndexOf(':')
  const socket = createConnection({ host: address.slice(0, at), port: Number(address.slice(at + 1)) })
  // The source says nothing; reading is what notices that it has closed.
  socket.resume()
  const closed = new Promise<void>((resolve) => socket.once('close', resolve))
  await pipe(input, socket)
  await closed
}
