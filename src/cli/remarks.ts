/** What `run`, `dev` and `up` say about a pipeline, with the command to try next. */
import { showAddress } from '../base/address.ts'
import { inShell } from '../base/shell.ts'
import { HTTP_SOURCE } from '../connectors/http/describe.ts'
import { STANDARD_INPUT } from '../connectors/standard-input/describe.ts'
import { TCP_SERVER } from '../connectors/tcp/describe.ts'
import { WEBHOOK } from '../connectors/webhook/describe.ts'
import { WEBSOCKET, WEBSOCKET_SERVER } from '../connectors/websocket/describe.ts'
import type { Framing, Settings } from '../model/connector.ts'
import { hideSecrets } from '../model/explain.ts'
import type { Plan } from '../model/plan.ts'
import type { Resident } from '../worker/pipelines/pipelines.ts'
import { framingName } from './framing.ts'
import { counted, invocation, say } from './terminal.ts'

/** Sinks that listen say so themselves, and where. */
const LISTENERS = [TCP_SERVER, WEBSOCKET_SERVER]

/** Columns before the proposal. */
const WIDTH = 44

function line(what: string, command: string): string {
  return `  ${what.padEnd(WIDTH)}  ${command === '' ? '' : `${invocation()} ${command}`}`.trimEnd()
}

export const proposals = {
  /** Where a step listens, and how to send a source something, or see what a sink writes. */
  listening({ tasks }: Plan, step: string, address: string): string {
    const task = tasks.find((one) => one.step === step)
    if (task?.kind === 'sink') {
      const { kind, settings, framing } = task.sink
      if (kind === WEBSOCKET_SERVER) {
        const url = `ws://${address}${settings.path}`
        return line(`${step} listens on ${url}`, `receive ${url}`)
      }
      const how = kind === TCP_SERVER ? `receive tcp://${address}${framing === null ? '' : framingFlag(framing)}` : ''
      return line(`${step} listens on ${address}`, how)
    }
    if (task?.kind === 'source' && task.source.kind === HTTP_SOURCE) {
      const url = `http://${address}${task.source.settings.path}`
      return `${line(`${step} listens on ${url}`, '')}\n    curl ${url} -H 'Content-Type: application/json' -d RECORD`
    }
    if (task?.kind === 'source' && task.source.kind === WEBSOCKET) {
      const url = `ws://${address}${task.source.settings.path}`
      const acked = task.source.settings.protocol === 'acked' ? ` --acked ${inShell(step)}` : ''
      return line(`${step} listens on ${url}`, `send ${url} FILE${acked}`)
    }
    const acked = task?.kind === 'source' && task.source.settings.protocol === 'acked'
    const framing = task?.kind === 'source' ? framingFlag(task.source.framing) : ''
    const how = acked ? ` --acked ${inShell(step)}` : ''
    return line(`${step} listens on ${address}`, `send ${short(address)} FILE${framing}${how}`)
  },

  /** A sink that writes somewhere, and how to see what it writes. */
  sink(step: string, kind: string, settings: Settings): string {
    const { host, port, path, url, protocol } = hideSecrets(settings)
    const acked = protocol === 'acked' ? ' --acked' : ''
    if (kind === WEBSOCKET) {
      const how = acked === '' ? '' : `receive ${short(new URL(String(url)).host)} --acked --websocket`
      return line(`${step} dials ${url}`, how)
    }
    if (kind === 'tcp') {
      const address = showAddress({ host: String(host), port: Number(port) })
      return line(`${step} dials ${address}`, `receive ${short(address)}${acked}`)
    }
    if (kind === WEBHOOK) return line(`${step} posts to ${url}`, '')
    if (kind === 'file') return line(`${step} writes ${path}`, '')
    if (kind === 'stdout') return line(`${step} writes standard output`, '')
    if (kind === 'null') return line(`${step} drops what it is given`, '')
    return line(`${step} (${kind})`, '')
  },
}

/** What tells `send` or `receive` how records are told apart; one of a pipeline's own they do not know. */
function framingFlag(framing: Framing): string {
  if (framing.kind === 'lines') return ''
  return ` --framing ${framingName(framing) ?? '…'}`
}

/** `7001` where the host is this machine. */
function short(address: string): string {
  return address.replace(/^127\.0\.0\.1:/, '')
}

/** What the pipeline continues from, and where its output goes. */
export function sayBeginning({ name, base, plan }: Resident, data: string): void {
  if (base === null) say(`${name}: starts with nothing (state in ${data})`)
  else say(`${name}: continues from epoch ${base.epoch} (${keys(base)}); --fresh starts anew (state in ${data})`)
  for (const text of wordsOfPlaces(plan)) say(text)
}

/** Where its output goes, and its input comes from, but for what listens: a line each. */
export function wordsOfPlaces({ tasks }: Plan): readonly string[] {
  return tasks.flatMap((task) => {
    if (task.kind === 'sink') {
      const { kind, settings } = task.sink
      return LISTENERS.includes(kind) ? [] : [proposals.sink(task.step, kind, settings)]
    }
    if (task.kind !== 'source') return []
    if (task.source.kind === 'file') return [line(`${task.step} reads ${task.source.settings.path}`, '')]
    return task.source.kind === STANDARD_INPUT ? [line(`${task.step} reads standard input`, '')] : []
  })
}

function keys({ counts }: NonNullable<Resident['base']>): string {
  return counted(counts.keys, 'key')
}

/** What a changed program continues from, where everything else has been said. */
export function sayContinuing({ name, base, hash }: Resident): void {
  const from = base === null ? 'starts with nothing' : `continues from epoch ${base.epoch} (${keys(base)})`
  say(`${name}: program ${hash.slice(0, 12)} ${from}`)
}

export function sayEnd(resident: Resident): void {
  say(wordsOfEnd(resident))
}

/** A short run may end before all key groups have been looked into. */
export function wordsOfEnd({ name, execution }: Resident): string {
  const { figures, keys, allCounted } = execution.status
  const { deadLetters } = execution
  const letters = deadLetters.count === 0 ? '' : `, ${counted(deadLetters.count, 'dead letter')}`
  const least = allCounted ? '' : 'at least '
  return `${name}: ended with epoch ${figures?.epoch ?? 0} (${least}${counted(keys, 'key')}${letters})`
}
