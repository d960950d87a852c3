/** `potoroo error CODE`: what a code means. */
import { Command } from 'commander'
import { type ErrorCode, errorTable, fail } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'
import { print, printJson } from './terminal.ts'

/** Codes that are proposed at most. */
const SHOWN = 5

export function errorCommand(): Command {
  return new Command('error')
    .description('say what an error code means and what to do')
    .argument('<code>', 'such as E_PORT_IN_USE')
    .option('--json', 'as JSON')
    .action((given: string, { json }: { readonly json?: true }) => {
      const codes = Object.keys(errorTable) as ErrorCode[]
      const code = codes.find((one) => one === given.toUpperCase())
      if (code === undefined) {
        const meant = alike(given, codes)
        const reason = `there is no error ${given}${meant.length === 0 ? '' : `; did you mean ${meant.join(' or ')}?`}`
        throw fail('E_USAGE', { reason })
      }
      const { kind, what, remedy } = errorTable[code]
      if (json) printJson({ code, kind, what, remedy })
      else print(`${code} (${kind})\n\n${what}\n\nWhat to do: ${remedy}`)
    })
}

/** The codes with all words of `given`, the shortest first; where none has them, the one that is spelt most like it. */
function alike(given: string, codes: readonly ErrorCode[]): readonly string[] {
  const words = wordsOf(given)
  const having = words.length === 0 ? [] : codes.filter((code) => words.every((word) => wordsOf(code).includes(word)))
  if (having.length > 0) return having.sort((a, b) => a.length - b.length).slice(0, SHOWN)
  const meant = nearest(given, codes) ?? nearest(`E_${given}`, codes)
  return meant === null ? [] : [meant]
}

function wordsOf(code: string): readonly string[] {
  return code
    .toUpperCase()
    .split(/[^A-Z]+/)
    .filter((word) => word.length > 1)
}
