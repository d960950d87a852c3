/**
 * Writes docs/connectors.md out of how connectors describe themselves: their fields, their comments, what sinks
 * promise.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SinkDescription } from '../../src/model/connector.ts'
import type { Field, Fields } from '../../src/model/fields.ts'

const FOLDER = join(import.meta.dirname, '../../src/connectors')
/** What connectors of tests are called. */
const INTERNAL = ['scripted']

type Describe = (options: Record<string, unknown>) => SinkDescription<unknown>

interface Connector {
  /** The function that users call. */
  readonly name: string
  readonly fields: Fields
  readonly doc: string
  readonly example: string
  readonly described: SinkDescription<unknown> | { readonly role: 'source' }
  /** What it promises where `protocol: 'acked'` is said, or `null` where it has no such option. */
  readonly ackedPromise: string | null
}

export async function connectorsPage(): Promise<string> {
  const connectors = (await Promise.all(readdirSync(FOLDER).map(inFolder))).flat()
  const of = (role: 'source' | 'sink') => connectors.filter(({ described }) => described.role === role).flatMap(section)
  const lines = [
    '# Connectors',
    '',
    'Generated from what the connectors say of themselves; a test fails when it is stale. Unless it says otherwise, every source',
    'also takes a `framing` and a `decode`, and every sink an `encode` and a `framing`: see',
    '[the pipeline API](pipeline-api.md#sources). [Delivery guarantees](delivery-guarantees.md) says what each promise means, and',
    'what happens to each kind of connector in a failure.',
    '',
    ...['## Sources', '', ...of('source')],
    ...['## Sinks', '', ...of('sink')],
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

async function inFolder(folder: string): Promise<readonly Connector[]> {
  const file = join(FOLDER, folder, 'describe.ts')
  if (
    INTERNAL.includes(folder) ||
    !readdirSync(FOLDER, { withFileTypes: true })
      .find((one) => one.name === folder)
      ?.isDirectory()
  )
    return []
  const text = ((): string | null => {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      return null
    }
  })()
  if (text === null) return []
  const module: Record<string, unknown> = await import(file)
  return Object.keys(module)
    .filter((name) => name.endsWith('Fields'))
    .map((name) => connector(module, name, text))
}

function connector(module: Record<string, unknown>, fieldsName: string, text: string): Connector {
  const base = fieldsName.slice(0, -'Fields'.length)
  const name = base in module ? base : `${base}Source`
  const fields = module[fieldsName] as Fields
  const required = Object.entries(fields).filter(([, field]) => otherwise(field) === 'required')
  const examples = Object.fromEntries(required.map(([key, { example }]) => [key, example]))
  const describe = (more: Record<string, unknown>) =>
    (module[name] as Describe)({ ...examples, encode: String, value: (n: number) => n, ...more })
  const described = describe({})
  const ackedPromise = 'protocol' in fields ? describe({ protocol: 'acked' }).promise : null
  const comment = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\nexport function ${name}\\b`).exec(text)
  if (comment === null) throw new Error(`${name} has no comment that says what it does`)
  const [doc = '', ...examplesIn] = comment[1]!.replace(/\n \* ?/g, '\n').split('@example ')
  return { name, fields, doc: doc.trim(), example: (examplesIn[0] ?? '').trim(), described, ackedPromise }
}

function section({ name, fields, doc, example, described, ackedPromise }: Connector): readonly string[] {
  const rows = Object.entries(fields).map(
    ([key, field]) => `| \`${key}\` | ${typeOf(field)} | ${otherwise(field)} | ${field.doc} |`,
  )
  const promise =
    described.role === 'sink'
      ? [
          `Promise: \`${described.promise}\`, fencing: \`${described.fencing}\`.${ackedPromise === null ? '' : ` With \`protocol: 'acked'\` the promise is \`${ackedPromise}\`.`}`,
          '',
        ]
      : []
  return [
    ...[`### ${name}`, '', doc.replace(/\s*\n\s*/g, ' '), '', ...promise],
    ...(example === '' ? [] : ['```ts', example.replace(/\n\s*/g, '\n  '), '```', '']),
    ...(rows.length === 0 ? [] : ['| field | type | default | |', '|---|---|---|---|', ...rows, '']),
  ]
}

function typeOf(field: Field): string {
  if (field.type === 'text' && field.choices !== undefined)
    return field.choices.map((choice) => `\`'${choice}'\``).join(', ')
  if (field.type !== 'integer' && field.type !== 'number') return field.type
  const { min, max } = field
  const range =
    min === undefined ? '' : max === undefined ? `, at least ${show(min)}` : `, ${show(min)} to ${show(max)}`
  return `${field.type}${range}`
}

function otherwise(field: Field): string {
  if (field.default !== undefined) return `\`${JSON.stringify(field.default).replaceAll('"', "'")}\``
  return field.optional === true ? '–' : 'required'
}

function show(number: number): string {
  return number.toLocaleString('en-US')
}
