/** A pipeline as a Mermaid flowchart: steps as they were written, thick arrows where records travel by key. */
import type { Graph, Input, Step } from './graph.ts'
import { isKeyed } from './lower.ts'

/** The flowchart's text, ended by a newline. Needs no valid graph. */
export function explainMermaid(graph: Graph): string {
  const out = ['flowchart LR']
  for (const [index, step] of graph.steps.entries()) {
    out.push(`  s${index}${shape(step)}`)
    for (const input of step.inputs) out.push(`  s${input.step} ${arrow(graph, input)} s${index}`)
  }
  return `${out.join('\n')}\n`
}

function shape(step: Step): string {
  const label = `"${quote(step.kind)}<br/>${quote(String(step.name))}"`
  if (step.kind === 'source') return `([${label}])`
  if (step.kind === 'sink') return `[/${label}/]`
  if (step.kind === 'branch') return `{${label}}`
  return isKeyed(step) ? `[(${label})]` : `[${label}]`
}

function arrow(graph: Graph, { step, output }: Input): string {
  if (graph.steps[step]?.kind === 'keyBy') return '==>'
  return output === undefined ? '-->' : `-->|"${quote(output)}"|`
}

/** Mermaid's own entities, so that no name can end its label or begin markup. */
function quote(text: string): string {
  return text.replace(/["#&<>|]/g, (character) => `#${character.charCodeAt(0)};`).replace(/\s+/g, ' ')
}
