/** Explanations drawn as text: each task with its chain as a tree, what crosses workers, and what each sink gives. */
import { showDuration } from '../base/time.ts'
import type { Settings, SinkPromise } from './connector.ts'
import type { ExplainedChain, ExplainedEnd, ExplainedTask, Explanation } from './explain.ts'
import { showFinding } from './finding.ts'

const PROMISES: Readonly<Record<SinkPromise, string>> = {
  'best-effort': 'may lose or repeat records when something fails',
  'at-least-once': 'loses nothing; may repeat records when something fails',
  idempotent: 'loses nothing; what is repeated has the id that it had before',
  transactional: 'shows every record once, as soon as its epoch is complete',
}

/** The explanation as text of several lines, ended by a newline. */
export function explainText(explanation: Explanation): string {
  const { pipeline, parameters, tasks, warnings } = explanation
  const out = [`pipeline ${pipeline}`]
  if (Object.keys(parameters).length > 0) out.push(`parameters ${showSettings(parameters, ' = ')}`)
  for (const task of tasks) out.push('', ...drawTask(task, tasks))
  out.push('', ...section('between workers', exchangesOf(tasks), 'nothing: the pipeline has no key'))
  out.push('', ...section('what sinks give', sinksOf(tasks), 'nothing: the pipeline has no sink'))
  if (warnings.length > 0) out.push('', 'warnings', ...warnings.map(showFinding))
  return `${out.join('\n')}\n`
}

function drawTask(task: ExplainedTask, tasks: readonly ExplainedTask[]): string[] {
  const head = `${String(task.id).padStart(3)}  ${task.kind}  ${task.step}`
  const facts = factsOf(task).map((fact) => `     ${fact}`)
  return [head, ...facts, ...(task.kind === 'sink' ? [] : drawChain(task.chain, tasks, '     '))]
}

function factsOf(task: ExplainedTask): string[] {
  switch (task.kind) {
    case 'source':
      return [connectorLine(task.connector, task.settings), `framing ${task.framing}, decoder ${task.decoder}`]
    case 'asyncMap':
      return [`${task.concurrency} calls at a time, each at most ${showDuration(task.timeoutMs)}`]
    case 'sink': {
      const framing = task.framing === null ? 'as encoded' : `framing ${task.framing}`
      return [connectorLine(task.connector, task.settings), framing]
    }
    case 'keyed': {
      const emits = task.everyMs === null ? 'answers each record' : `emits at most every ${showDuration(task.everyMs)}`
      const kept = task.ttlMs === null ? 'kept until forgotten' : `kept for ${showDuration(task.ttlMs)}`
      return [`${task.operator}, ${emits}`, `state version ${task.schemaVersion}, ${kept}`]
    }
  }
}

function connectorLine(connector: string, settings: Settings): string {
  const shown = showSettings(settings, ' ')
  return shown === '' ? connector : `${connector}, ${shown}`
}

function showSettings(settings: Settings, between: string): string {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined && value !== null)
  return given.map(([name, value]) => `${name}${between}${String(value)}`).join(', ')
}

function drawChain(chain: ExplainedChain, tasks: readonly ExplainedTask[], indent: string): string[] {
  const width = Math.max(0, ...chain.steps.map(({ kind }) => kind.length))
  const steps = chain.steps.map(({ kind, step }) => `${indent}│  ${kind.padEnd(width)}  ${step}`)
  return [...steps, ...drawEnd(chain.end, tasks, indent)]
}

function drawEnd(end: ExplainedEnd, tasks: readonly ExplainedTask[], indent: string): string[] {
  const name = (id: number) => `${id} ${tasks[id]!.step}`
  switch (end.kind) {
    case 'forward':
      return [`${indent}└─▶ ${name(end.to)}`]
    case 'exchange':
      return [`${indent}└═ ${end.step} ═▶ ${name(end.to)}`]
    case 'drop':
      return [`${indent}└─ nobody listens`]
    case 'tee':
      return drawParts(
        end.to.map((chain, i) => ({ label: `copy ${i + 1}`, chain })),
        tasks,
        indent,
      )
    case 'branch': {
      const parts = end.to.map(({ output, chain }) => ({ label: output, chain }))
      return [`${indent}│  branch  ${end.step}`, ...drawParts(parts, tasks, indent)]
    }
  }
}

function drawParts(
  parts: readonly { readonly label: string; readonly chain: ExplainedChain | null }[],
  tasks: readonly ExplainedTask[],
  indent: string,
): string[] {
  return parts.flatMap(({ label, chain }, i) => {
    const last = i === parts.length - 1
    const head = `${indent}${last ? '└' : '├'}─ ${label}`
    if (chain === null) return [`${head}: dropped`]
    return [head, ...drawChain(chain, tasks, `${indent}${last ? '   ' : '│  '}`)]
  })
}

/** Every exchange once, though a merge may have copied its step into several chains. */
function exchangesOf(tasks: readonly ExplainedTask[]): string[][] {
  const rows = new Map<string, string[]>()
  const visit = (chain: ExplainedChain): void => {
    const { end } = chain
    if (end.kind === 'tee') end.to.forEach(visit)
    if (end.kind === 'branch') for (const part of end.to) if (part.chain !== null) visit(part.chain)
    if (end.kind !== 'exchange') return
    const to = tasks[end.to]!
    const combined = to.kind === 'keyed' && to.preAggregates
    const what = combined ? 'by key; workers may add up before they send' : 'by key; every record travels'
    rows.set(`${end.step} ${to.step}`, [end.step, `→ ${to.step}`, what])
  }
  for (const task of tasks) if (task.kind !== 'sink') visit(task.chain)
  return [...rows.values()]
}

function sinksOf(tasks: readonly ExplainedTask[]): string[][] {
  return tasks
    .filter((task) => task.kind === 'sink')
    .map(({ step, promise, fencing }) => [step, promise, `fencing: ${fencing}`, PROMISES[promise]])
}

/** A heading with rows in aligned columns. */
function section(heading: string, rows: readonly string[][], empty: string): string[] {
  if (rows.length === 0) return [heading, `  ${empty}`]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`)
  return [heading, ...lines.map((line) => line.trimEnd())]
}
