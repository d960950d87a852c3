import { expect, test } from 'vitest'
import { checkSettings, describeField, type Fields, type OptionsOf, type SettingsOf } from '../../src/model/fields.ts'

const fields = {
  port: { type: 'integer', min: 0, max: 65_535, doc: 'port to listen on', example: 7001 },
  host: { type: 'text', default: '127.0.0.1', doc: 'address to listen on', example: '0.0.0.0' },
  mode: { type: 'text', choices: ['plain', 'acked'], default: 'plain', doc: 'what is spoken', example: 'acked' },
  idleMs: { type: 'number', min: 0, optional: true, doc: 'longest silence', example: 1000 },
  keep: { type: 'boolean', default: false, doc: 'whether to keep it', example: true },
} as const satisfies Fields

const good: OptionsOf<typeof fields> = { port: 1 }
// @ts-expect-error a required field
const without: OptionsOf<typeof fields> = { host: 'a' }
// @ts-expect-error none of the choices
const wrongMode: OptionsOf<typeof fields> = { port: 1, mode: 'loud' }

test('defaults are filled in, and the types follow the rows', () => {
  const { settings, faults } = checkSettings('tcpSource', fields, good)
  const typed: SettingsOf<typeof fields> = settings
  const mode: 'plain' | 'acked' = typed.mode
  expect(faults).toEqual([])
  expect({ ...settings, mode }).toEqual({ port: 1, host: '127.0.0.1', mode: 'plain', idleMs: undefined, keep: false })
})

test('every fault is told at once, and a wrong setting is replaced by its example', () => {
  const options = { port: 70_000, host: '', mode: 'loud', idleMs: -1, keep: 'yes', hots: 'b', framing: 1, zzzzz: 2 }
  const { settings, faults } = checkSettings('tcpSource', fields, options, ['framing'])
  expect(faults).toEqual([
    'tcpSource: port must be a whole number from 0 to 65535, not 70000',
    'tcpSource: host must be a text, not ""',
    "tcpSource: mode must be 'plain' or 'acked', not \"loud\"",
    'tcpSource: idleMs must be a number of at least 0, not -1',
    'tcpSource: keep must be true or false, not "yes"',
    'tcpSource: there is no option hots; did you mean host?',
    'tcpSource: there is no option zzzzz',
  ])
  expect(settings).toEqual({ port: 7001, host: '0.0.0.0', mode: 'acked', idleMs: 1000, keep: true })
})

test('what is missing is told with an example', () => {
  expect(checkSettings('tcpSource', fields, without).faults).toEqual([
    'tcpSource: port is required: port to listen on, such as 7001',
  ])
  expect(checkSettings('tcpSource', fields, wrongMode).faults).toHaveLength(1)
})

test('numbers that are none are refused', () => {
  for (const port of [1.5, Number.NaN, '80', null, 2 ** 60]) {
    // `null` counts as not given.
    expect(checkSettings('s', fields, { port }).faults).toHaveLength(1)
  }
})

test('each kind of field says what it takes', () => {
  expect(describeField({ type: 'integer', max: 3, doc: '', example: 1 })).toBe('a whole number of at most 3')
  expect(describeField({ type: 'number', doc: '', example: 1 })).toBe('a number')
})
