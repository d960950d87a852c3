/** `potoroo check FILE…`: whether pipeline files would run, without running them. All faults at once. */
import { Command } from 'commander'
import { fail, PotorooError } from '../base/errors.ts'
import { type Finding, showFinding } from '../model/finding.ts'
import { plan } from '../model/planner.ts'
import { validate } from '../model/validate.ts'
import { faultOfPlaces } from '../worker/pipelines/places.ts'
import { EXIT_WRONG } from './exit.ts'
import { collectPairs, loadGraph } from './load.ts'
import { counted, errorToJson, print, printJson, showProblem } from './terminal.ts'

interface Options {
  readonly param?: Record<string, string>
  readonly json?: true
}

interface Checked {
  readonly file: string
  readonly pipeline: string | null
  readonly ok: boolean
  readonly faults: readonly Finding[]
  readonly warnings: readonly Finding[]
  readonly steps: number
  /** Why it could not be looked at. */
  readonly error: unknown
}

export function checkCommand(): Command {
  return new Command('check')
    .description('say whether pipeline files would run, with every fault at once')
    .argument('<file...>', 'pipeline files')
    .option('--param <name=value>', 'a parameter of the pipeline; may be repeated', collectPairs)
    .option('--json', 'as JSON')
    .action(async (files: string[], options: Options) => {
      const results: Checked[] = []
      for (const file of files) results.push(await check(file, options.param))
      if (options.json) printJson(results)
      else for (const result of results) show(result)
      if (results.some(({ ok }) => !ok)) process.exitCode = EXIT_WRONG
    })
}

async function check(file: string, parameters: Record<string, string> | undefined): Promise<Checked> {
  const nothing = { file, pipeline: null, ok: false, faults: [], warnings: [], steps: 0, error: null }
  try {
    const { graph } = await loadGraph(file, parameters)
    const { faults, warnings } = validate(graph)
    const found = { ...nothing, pipeline: graph.name, faults, warnings, steps: graph.steps.length }
    if (faults.length > 0) return found
    const clash = faultOfPlaces(plan(graph), [])
    return clash === null ? { ...found, ok: true } : { ...found, error: errorToJson(clash) }
  } catch (error) {
    if (error instanceof PotorooError) return { ...nothing, error: errorToJson(error) }
    throw fail('E_PIPELINE_THREW', { where: file, doing: 'checked', reason: String(error) }, error)
  }
}

function show({ file, pipeline, ok, faults, warnings, steps, error }: Checked): void {
  if (error !== null) {
    const { code, details } = error as { code: PotorooError['code']; details: PotorooError['details'] }
    print(`${file}: ${showProblem('error', new PotorooError(code, details))}`)
    return
  }
  const what = ok ? `pipeline "${pipeline}", ${counted(steps, 'step')}, no fault` : counted(faults.length, 'fault')
  print(`${file}: ${what}`)
  for (const fault of faults) print(`  fault   ${showFinding(fault).trim()}`)
  for (const warning of warnings) print(`  warning ${showFinding(warning).trim()}`)
}
