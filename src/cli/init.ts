/** `potoroo init`: a pipeline file to begin with. */
import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { fail } from '../base/errors.ts'
import { invocation, print } from './terminal.ts'

const EXAMPLE = `import { lines, pipeline, stdoutSink, tcpSource } from 'potoroo'

export default pipeline('word-count', (p) => {
  p.source('lines', tcpSource({ port: 7001, framing: lines() }))
    .flatMap('split', (line) => line.toLowerCase().match(/[\\p{L}\\p{N}']+/gu) ?? [])
    .keyBy('by-word', (word) => word)
    .mapWithState('count', {
      init: () => ({ total: 0 }),
      step: (state, word) => ({ word, total: ++state.total }),
    })
    .sink('totals', stdoutSink())
})
`

export function initCommand(): Command {
  return new Command('init')
    .description('write a pipeline file to begin with')
    .argument('[file]', 'where to', 'word-count.ts')
    .action((file: string) => {
      try {
        writeFileSync(file, EXAMPLE, { flag: 'wx' })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
          throw fail('E_USAGE', { reason: `${file} is there already; \`init FILE\` writes another one` }, error)
        }
        throw fail('E_FILE', { operation: 'write', path: file, reason: (error as Error).message }, error)
      }
      print(`${file} is written; run it with\n\n  echo "to be or not to be" | ${invocation()} run ${file} --stdin\n`)
    })
}
