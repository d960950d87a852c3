import { expect, onTestFinished, test, vi } from 'vitest'
import { Waiting } from '../../src/cli/progress.ts'
import { showRaw, table, visible } from '../../src/cli/terminal.ts'

test('what strangers have sent gives a terminal no command, and stays in its row', () => {
  expect(visible('a\x1b]0;b\x07 \x1b[2J\x9bH\r\x7f\n\tc')).toBe(
    'a\\u001b]0;b\\u0007 \\u001b[2J\\u009bH\\u000d\\u007f\n\tc',
  )
  expect(visible('\x1b[31merror\x1b[0m')).toBe('\x1b[31merror\x1b[0m')
  expect(JSON.parse(visible(JSON.stringify({ key: '\x9b' })))).toEqual({ key: '\x9b' })
  expect(table(['KEY'], [['a\nb\x1b[2J']], 'none')).toBe('KEY\na\\nb\\u001b[2J\n')
})

test('a table has as many rows as there are', () => {
  const rows = Array.from({ length: 150_000 }, (_, i) => [`${i}`])
  expect(table(['KEY'], rows, 'none').split('\n')).toHaveLength(150_002)
})

test('bytes of a record are shown so that they can be told from others', () => {
  expect(showRaw(Buffer.from('7,"é"\n'))).toBe('"7,\\"é\\"\\n"')
  expect(showRaw(Buffer.from([0xc1, 0x00, 0xff]))).toBe('c1 00 ff')
  expect(showRaw(Buffer.alloc(300, 0x80))).toMatch(/^(80 ){256}… \(300 bytes; --json has them all\)$/)
})

test('what is drawn over takes one row of a terminal, however narrow, and gives it no command', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const { stderr } = process
  const given = [stderr.isTTY, stderr.columns] as const
  Object.assign(stderr, { isTTY: true, columns: 30 })
  onTestFinished(() => void Object.assign(stderr, { isTTY: given[0], columns: given[1] }))
  const written: string[] = []
  vi.spyOn(stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0)
  onTestFinished(() => void vi.restoreAllMocks())
  const waiting = new Waiting('waits for the worker at \x1b[2Jhost.example')
  vi.advanceTimersByTime(2300)
  waiting.end()
  const line = '\r\x1b[Kwaits for the worker at \\u001…'
  expect(written).toEqual([line, line, '\r\x1b[K'])
})
