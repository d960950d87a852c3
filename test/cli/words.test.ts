/** Addresses, framings, counts and errors, as the command line reads and writes them. */
import { describe, expect, test } from 'vitest'
import { showAddress } from '../../src/base/address.ts'
import { assert } from '../../src/base/assert.ts'
import { fail } from '../../src/base/errors.ts'
import { addressOf } from '../../src/cli/address.ts'
import { exitStatusOf } from '../../src/cli/exit.ts'
import { framingOf } from '../../src/cli/framing.ts'
import { makeProgram } from '../../src/cli/program.ts'
import { showKey, whichOf } from '../../src/cli/query.ts'
import { waitsFor } from '../../src/cli/send-outlets.ts'
import { counted, errorToJson, showBytes, showProblem, table } from '../../src/cli/terminal.ts'

describe('addresses', () => {
  test.each([
    ['7001', '127.0.0.1', 7001],
    [':7001', '127.0.0.1', 7001],
    ['example.org:80', 'example.org', 80],
    ['[::1]:65535', '::1', 65535],
  ])('%s', (text, host, port) => {
    expect(addressOf(text)).toEqual({ host, port })
    expect(addressOf(showAddress({ host, port }))).toEqual({ host, port })
  })

  test.each(['', 'host', 'host:', '65536', 'a:b:1', '-1'])('%s is none', (text) => {
    expect(() => addressOf(text)).toThrow(/is no address/)
  })
})

test.each([
  [1, '1', 'of the number 1, '],
  ['1', '"1"', 'of the string "1", '],
  [true, 'true', 'of the boolean true, '],
  ['true', '"true"', 'of the string "true", '],
  ['the', 'the', ''],
  ['', '""', ''],
  ['a ', '"a "', ''],
])('the key %j is told from another one that is written alike', (key, shown, said) => {
  expect([showKey(key), whichOf({ key })]).toEqual([shown, said])
})

test('a sender says what its acknowledgements wait for', () => {
  expect(waitsFor({ journaled: 3, last: 5 })).toMatch(/waits until it is on the disk/)
  expect(waitsFor({ journaled: 5, last: 5 })).toMatch(/waits for a checkpoint/)
})

describe('framings', () => {
  test.each([
    ['lines', 'lines'],
    ['csv-lines', 'csv-lines'],
    ['length-prefix', 'length-prefix 4 big'],
    ['length-prefix:2', 'length-prefix 2 big'],
    ['length-prefix:1:little', 'length-prefix 1 little'],
    ['fixed:16', 'fixed-size 16'],
  ])('%s', (text, kind) => {
    expect(framingOf(text).kind).toBe(kind)
  })

  test.each(['line', 'length-prefix:3', 'length-prefix:4:middle', 'fixed', 'fixed:0', 'fixed:x'])(
    '%s is none',
    (text) => {
      expect(() => framingOf(text)).toThrow(/is no framing/)
    },
  )
})

test('an error ends the command with the status of its kind', () => {
  expect(exitStatusOf(fail('E_USAGE', {}))).toBe(2)
  expect(exitStatusOf(fail('E_DISK', {}))).toBe(1)
  expect(exitStatusOf(fail('E_FRAME_CHECKSUM'))).toBe(1)
  expect(exitStatusOf(new TypeError('x'))).toBe(70)
  let bug: unknown
  try {
    assert(false, 'X1')
  } catch (error) {
    bug = error
  }
  expect(exitStatusOf(bug)).toBe(70)
})

test('an error is shown with its code and what to do, and as JSON', () => {
  const error = fail('E_PORT_IN_USE', { port: 1, host: 'h', by: ' by x' })
  expect(showProblem('error', error)).toBe(
    'error E_PORT_IN_USE: port 1 on h is in use by x\n  stop the program that listens there, or choose another port',
  )
  expect(errorToJson(error)).toMatchObject({ code: 'E_PORT_IN_USE', kind: 'operational', details: { port: 1 } })
  expect(showProblem('error', new Error('odd'))).toMatch(/^error: odd\n[\s\S]*this is a bug in potoroo/)
})

test('tables align words left and numbers right', () => {
  const text = table(
    ['NAME', 'KEYS'],
    [
      ['a', 5],
      ['longer', 12_345],
    ],
    'none',
  )
  expect(text).toBe('NAME      KEYS\na            5\nlonger  12,345\n')
  expect(table(['NAME'], [], 'none')).toBe('none\n')
  expect(counted(1, 'key')).toBe('1 key')
  expect([0, 999, 1000, 1_234_567.84, 0.25].map((count) => counted(count, 'key'))).toEqual([
    '0 keys',
    '999 keys',
    '1,000 keys',
    '1,234,567.8 keys',
    '0.3 keys',
  ])
  expect(showBytes(999)).toBe('999 B')
  expect(showBytes(1_400_000)).toBe('1.4 MB')
  expect(showBytes(120_000)).toBe('120 kB')
})

test('every command says what it does, and no flag takes a secret', async () => {
  const visit = (commands: Awaited<ReturnType<typeof makeProgram>>['commands']): void => {
    for (const command of commands) {
      expect(command.description(), command.name()).not.toBe('')
      for (const { long, description } of command.options) {
        expect(description, `${command.name()} ${long}`).not.toBe('')
        expect(long).not.toMatch(/^--(token|secret|password)$/)
      }
      visit(command.commands)
    }
  }
  visit((await makeProgram()).commands)
})

test.each([
  ['E_PORT', 'E_PORT_IN_USE'],
  ['e_in_use', 'E_PORT_IN_USE'],
  ['E_TOKN', 'E_TOKEN'],
  ['INBOX', 'E_INBOX or E_INBOX_LOCKED or E_INBOX_DAMAGED'],
])('an error code that does not exist, %s, is answered with those that are like it', async (given, meant) => {
  const program = await makeProgram()
  await expect(program.parseAsync(['node', 'potoroo', 'error', given])).rejects.toThrow(
    `there is no error ${given}; did you mean ${meant}?`,
  )
})
