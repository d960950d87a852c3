/** `potoroo error CODE`: what a code means. */
import { Command } from 'commander'
import { type ErrorCode, errorTable, fail } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'
import { print, printJson } from './terminal.ts'

export function errorCommand(): Command {
  return new Command('error')
    .description('say what an error code means and what to do')
    .argument('<code>', 'such as E_PORT_IN_USE')
    .option('--json', 'as JSON')
    .action((given: string, { json }: { readonly json?: true }) => {
      const codes = Object.keys(errorTable) as ErrorCode[]
      const code = codes.find((one) => one === given.toUpperCase())
      if (code === undefined) {
        const meant = nearest(given, codes)
        const reason = `there is no error ${given}${meant === null ? '' : `; did you mean ${meant}?`}`
        throw fail('E_USAGE', { reason })
      }
      const { kind, what, remedy } = errorTable[code]
      if (json) printJson({ code, kind, what, remedy })
      else print(`${code} (${kind})\n\n${what}\n\nWhat to do: ${remedy}`)
    })
}
