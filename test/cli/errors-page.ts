/** Writes docs/errors.md out of the error table. */
import { type ErrorKind, errorTable } from '../../src/base/errors.ts'

const KINDS: Readonly<Record<ErrorKind, string>> = {
  user: 'a pipeline, its input or a command is wrong; exit status 2',
  operational: 'the machine, the disk, the network or a peer; exit status 1',
  protocol: 'another program speaks wrongly; exit status 1',
  invariant: 'a bug in Potoroo; exit status 70',
}

export function errorsPage(): string {
  const out = [
    '# Errors',
    '',
    'Every error has a code that keeps its meaning, a sentence that names the thing, and a remedy. `potoroo error CODE`',
    'shows the same. What stands in angle brackets is filled in.',
    '',
    ...Object.entries(KINDS).map(([kind, meaning]) => `- **${kind}**: ${meaning}`),
    '',
  ]
  for (const [code, { kind, what, remedy }] of Object.entries(errorTable)) {
    out.push(`## ${code}`, '', `*${kind}* · ${show(what)}`, '', `What to do: ${show(remedy)}`, '')
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
