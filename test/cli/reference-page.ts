/** Writes docs/reference.md out of what the program itself says: commands, settings, limits, control API, metrics. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { LOOP_DELAY, metricRows, workerRows } from '../../src/admin/metrics.ts'
import { makeRoutes } from '../../src/admin/routes.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { examples } from '../../src/cli/examples.ts'
import { makeProgram } from '../../src/cli/program.ts'
import { kebab, settingPaths, variableOf } from '../../src/cli/settings.ts'

export async function referencePage(): Promise<string> {
  const { commands } = await makeProgram()
  const parts = [
    ['# Reference', '', 'Generated from the program; a test fails when it is stale.', ''],
    ['## Commands', '', ...commands.filter((one) => one.name() !== 'help').flatMap((one) => command(one, ''))],
    ['## Settings', '', ...settings()],
    ['## Limits', '', ...limits()],
    ['## Control API', '', ...routes()],
    ['## Metrics', '', ...metrics()],
  ]
  return `${parts.flat().join('\n').trimEnd()}\n`
}

function command(one: Command, above: string): string[] {
  const name = `${above}${one.name()}`
  const words = one.registeredArguments.map((argument) => {
    const text = `${argument.name().toUpperCase()}${argument.variadic ? '…' : ''}`
    return argument.required ? text : `[${text}]`
  })
  const out = [`### potoroo ${[name, ...words].join(' ')}`, '', sentence(one.description()), '']
  const options = one.options.map(({ flags, description, argChoices, defaultValue }) => {
    const choices = argChoices === undefined ? '' : ` (${argChoices.join(', ')})`
    const otherwise = defaultValue === undefined ? '' : `, default ${String(defaultValue)}`
    return `| \`${flags}\` | ${cell(description)}${choices}${otherwise} |`
  })
  if (options.length > 0) out.push('| | |', '|---|---|', ...options, '')
  const shown = (examples[name] ?? []).map(([line, purpose]) => `potoroo ${line}  # ${purpose}`)
  if (shown.length > 0) out.push('```sh', ...shown, '```', '')
  return [...out, ...one.commands.flatMap((inner) => command(inner, `${name} `))]
}

function settings(): string[] {
  const rows = settingPaths
    .filter((path) => !path.startsWith('limits.'))
    .map((path) => `| \`${path}\` | \`--${kebab(path)}\` | \`${variableOf(path)}\` |`)
  return [
    'Flags win over the environment, the environment over the file (`potoroo.yaml`, `--config` or `POTOROO_CONFIG`).',
    '',
    '| in the file | flag | environment |',
    '|---|---|---|',
    ...rows,
    '',
  ]
}

/** Limits with what their comments say. */
function limits(): string[] {
  const source = readFileSync(new URL('../../src/base/limits.ts', import.meta.url), 'utf8')
  const comments = new Map(
    Array.from(source.matchAll(/\/\*\*([^/]*?)\*\/\s*readonly (\w+): number/g), ([, text, name]) => [
      name,
      text!.replace(/\s*\n\s*\*\s?/g, ' ').trim(),
    ]),
  )
  const rows = Object.entries(defaultLimits).map(
    ([name, value]) => `| \`${name}\` | ${value.toLocaleString('en-US')} | ${cell(comments.get(name) ?? '')} |`,
  )
  return [
    '`limits.keyGroups: 64` in the file, `--limit keyGroups=64`, or `POTOROO_LIMITS_KEY_GROUPS=64`.',
    '',
    '| limit | default | |',
    '|---|---|---|',
    ...rows,
    '',
  ]
}

function routes(): string[] {
  const none = null as never
  const table = makeRoutes({
    pipelines: none,
    metrics: none,
    limits: defaultLimits,
    clock: none,
    picture: none,
    nowMs: none,
  })
  return [
    '| | | token |',
    '|---|---|---|',
    ...table.map(({ method, path, right }) => `| \`${method}\` | \`${path}\` | ${right} |`),
    '',
  ]
}

function metrics(): string[] {
  const rows = metricRows.map(({ name, kind, labels, help }) => [name, kind, ['pipeline', ...labels].join(', '), help])
  rows.push(...workerRows.map(({ name, kind, help }) => [name, kind, '', help]))
  rows.push([LOOP_DELAY, 'gauge', 'quantile', 'how late the loop came to its timers, since the last scrape'])
  return [
    '| | kind | labels | |',
    '|---|---|---|---|',
    ...rows.map(([name, kind, labels, help]) => `| \`potoroo_${name}\` | ${kind} | ${labels} | ${cell(help!)} |`),
  ]
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
