/** `potoroo explain FILE`: what a pipeline becomes, as text, JSON or a Mermaid diagram. */
import { Command, Option } from 'commander'
import { explain } from '../model/explain.ts'
import { explainMermaid } from '../model/explain-mermaid.ts'
import { explainText } from '../model/explain-text.ts'
import { collectPairs, loadGraph } from './load.ts'
import { print, printJson } from './terminal.ts'

interface Options {
  readonly param?: Record<string, string>
  readonly json?: true
  readonly mermaid?: true
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('show what a pipeline becomes: its tasks, what crosses workers, what each sink gives')
    .argument('<file>', 'a pipeline file')
    .option('--param <name=value>', 'a parameter of the pipeline; may be repeated', collectPairs)
    .option('--json', 'as JSON')
    .addOption(new Option('--mermaid', 'as a Mermaid flowchart').conflicts('json'))
    .action(async (file: string, { param, json, mermaid }: Options) => {
      const { graph } = await loadGraph(file, param)
      if (mermaid) print(explainMermaid(graph))
      else if (json) printJson(explain(graph))
      else print(explainText(explain(graph)))
    })
}
