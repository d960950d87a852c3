/** Writes docs/errors.md out of the error table. */
import { checkpointErrors } from '../../src/base/errors/checkpoint.ts'
import { cliErrors } from '../../src/base/errors/cli.ts'
import { clientErrors } from '../../src/base/errors/client.ts'
import { codecErrors } from '../../src/base/errors/codec.ts'
import { connectorsErrors } from '../../src/base/errors/connectors.ts'
import { dataflowErrors } from '../../src/base/errors/dataflow.ts'
import { envErrors } from '../../src/base/errors/env.ts'
import { ingestErrors } from '../../src/base/errors/ingest.ts'
import { modelErrors } from '../../src/base/errors/model.ts'
import { protocolErrors } from '../../src/base/errors/protocol.ts'
import { stateErrors } from '../../src/base/errors/state.ts'
import { testingErrors } from '../../src/base/errors/testing.ts'
import { transportErrors } from '../../src/base/errors/transport.ts'
import { workerErrors } from '../../src/base/errors/worker.ts'
import type { ErrorKind } from '../../src/base/errors.ts'

const KINDS: Readonly<Record<ErrorKind, string>> = {
  user: 'a pipeline, its input or a command is wrong; exit status 2',
  operational: 'the machine, the disk, the network or a peer; exit status 1',
  protocol: 'another program speaks wrongly; exit status 1',
  invariant: 'a bug in Potoroo; exit status 70',
}

/** The errors of each room, in the order of the table. */
export const errorSections = {
  'The machine': envErrors,
  'Pipelines and their records': modelErrors,
  'Values as bytes': codecErrors,
  'Messages between processes': protocolErrors,
  'State of keys': stateErrors,
  'Steps and their records': dataflowErrors,
  'The checkpoint store': checkpointErrors,
  'What producers send': ingestErrors,
  'Links between workers': transportErrors,
  'The client and the receiver': clientErrors,
  Connectors: connectorsErrors,
  'Workers and clusters': workerErrors,
  'The command line': cliErrors,
  Tests: testingErrors,
} as const

export function errorsPage(): string {
  const out = [
    '# Errors',
    '',
    'Every error has a code that keeps its meaning, a sentence that names the thing, and a remedy. `potoroo error CODE`',
    'shows the same. What stands in angle brackets is filled in.',
    '',
    ...Object.entries(KINDS).map(([kind, meaning]) => `- **${kind}**: ${meaning}`),
    '',
    'By what they are about:',
    '',
  ]
  for (const [title, table] of Object.entries(errorSections)) {
    const codes = Object.keys(table).map((code) => `[${code}](#${code.toLowerCase()})`)
    out.push(`- [${title}](#${title.toLowerCase().replaceAll(' ', '-')}): ${codes.join(', ')}`)
  }
  out.push('')
  for (const [title, table] of Object.entries(errorSections)) {
    out.push(`## ${title}`, '')
    for (const [code, { kind, what, remedy }] of Object.entries(table)) {
      out.push(`### ${code}`, '', `*${kind}* · ${show(what)}`, '', `What to do: ${show(remedy)}`, '')
    }
  }
  return `${out.join('\n').trimEnd()}\n`
}

/** A sentence with its details as placeholders, safe in Markdown outside of its own code spans. */
function show(sentence: string): string {
  return sentence
    .split('`')
    .map((part, i) =>
      i % 2 === 1 ? `\`${part.replace(/\{(\w+)\}/g, '<$1>')}\`` : part.replace(/\{(\w+)\}/g, '&lt;$1&gt;'),
    )
    .join('')
    .replaceAll('\n', ' ')
}
