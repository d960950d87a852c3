/** The log's two forms, and where it goes. */
import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type LogOptions, RealLog, written } from '../../src/env/real/log.ts'
import { prettyLine } from '../../src/env/real/pretty.ts'

function lines(options: Partial<LogOptions>, say: (log: RealLog) => void): string[] {
  const said: string[] = []
  const write = (line: string): void => void said.push(line)
  say(new RealLog({ level: 'info', common: { worker: 'a' }, format: 'json', ...options, write }))
  return said
}

test('JSON: one object per line, with level, time, the common fields, the fields and the code', () => {
  const [line] = lines({}, (log) =>
    log.warn('source-stopped', { step: 'lines', waitMs: 1.5, last: null, no: undefined }),
  )
  const { time, ...rest } = JSON.parse(line!) as Record<string, unknown>
  expect(rest).toEqual({ level: 'warn', worker: 'a', step: 'lines', waitMs: 1.5, last: null, code: 'source-stopped' })
  expect(new Date(String(time)).toISOString()).toBe(time)
  expect(line!.endsWith('}\n')).toBe(true)
})

test('levels below the asked one are silent', () => {
  const all = (log: RealLog): void => {
    log.debug('d')
    log.info('i')
    log.warn('w')
    log.error('e')
  }
  const codes = (level: LogOptions['level']): string[] => lines({ level }, all).map((line) => JSON.parse(line).code)
  expect(codes('debug')).toEqual(['d', 'i', 'w', 'e'])
  expect(codes('warn')).toEqual(['w', 'e'])
  expect(codes('silent')).toEqual([])
})

test('pretty: one line for a person', () => {
  const [line] = lines({ format: 'pretty' }, (log) =>
    log.info('epoch-complete', { epoch: 3, path: '/a/b.c', why: 'two words' }),
  )
  expect(line).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} info {2}epoch-complete worker=a epoch=3 path=\/a\/b\.c why="two words"\n$/,
  )
})

test('pretty: a value can neither end the line nor colour it', () => {
  const nasty = 'x\n\u001b[31mred'
  const [line] = lines({ format: 'pretty' }, (log) => log.error('bad', { nasty }))
  expect(line!.indexOf('\n')).toBe(line!.length - 1)
  expect(line).not.toContain('\u001b')
})

test('pretty: neither can what terminals take for an escape though JSON does not', () => {
  const line = prettyLine(JSON.stringify({ time: 't', level: 'warn', code: 'bad', path: '/\u009b31m\u007f' }), false)
  expect(line).toContain(String.raw`path="/\u009b31m\u007f"`)
})

test('pretty: colours surround the words, and text that is no line of ours passes', () => {
  const raw = '{"level":"warn","time":"2026-01-02T03:04:05.678Z","n":1,"code":"slow"}\n'
  expect(prettyLine(raw, true)).toBe('\x1b[90m03:04:05.678\x1b[0m \x1b[33mwarn \x1b[0m slow \x1b[90mn=\x1b[0m1\n')
  expect(prettyLine('not json\n', false)).toBe('not json\n')
})

test('a disk without room loses lines, and nothing else', () => {
  const full = openSync('/dev/full', 'w')
  const log = written(full)
  for (let line = 0; line < 3; line++) expect(() => log.write('a line\n')).not.toThrow()
  closeSync(full)
})
