import { expect, test } from 'vitest'
import { Picture, type Screen } from '../../src/cli/picture.ts'

const ESCAPE = '\x1b['

/** A terminal: what stands on it. It knows one thing: up by lines, and clear to the end. */
class Terminal implements Screen {
  readonly isTTY = true
  columns = 80
  readonly rows = 6
  readonly stdout = this
  readonly stderr = this
  private text = ''

  write(text: string): void {
    const [before, ...drawn] = text.split(`\r${ESCAPE}`)
    this.text += before
    for (const part of drawn) {
      const [, up, rest] = /^(\d+)A.\[J(.*)$/s.exec(part)!
      this.text = `${this.text
        .split('\n')
        .slice(0, -1 - Number(up))
        .join('\n')}\n${rest}`
    }
  }

  get lines(): readonly string[] {
    return this.text
      .replaceAll(/\d\d:\d\d:\d\d {2}/g, '')
      .replaceAll(/ +\n/g, '\n')
      .split('\n')
  }
}

const processes = [{ worker: 'w1', pid: 7, phase: 'running', restarts: 0 }] as const
const HEAD = 'WORKER  STATE     PROCESS  KEY GROUPS  KEYS  RECORDS/S  RESTARTS'
const ROW = 'w1      starting  7                 0     0          0         0'

test('what is told and what pipelines write stays, and the table stands below it once', () => {
  const terminal = new Terminal()
  const picture = new Picture(terminal)
  picture.tell('w1 starts')
  for (let time = 0; time < 3; time++) picture.show(null, processes)
  picture.output!('one\ntwo\n')
  picture.show(null, processes)
  expect(terminal.lines).toEqual(['w1 starts', 'one', 'two', HEAD, ROW, ''])
  // The terminal shows what was typed.
  terminal.write('^C')
  picture.end()
  picture.tell('SIGINT: ends')
  picture.output!('three\n')
  expect(terminal.lines).toEqual(['w1 starts', 'one', 'two', 'SIGINT: ends', 'three', ''])
})

test('where standard output is no terminal, pipelines write to it themselves', () => {
  const stderr = new Terminal()
  expect(new Picture({ stdout: { write() {} }, stderr }).output).toBeNull()
})

test('no line of the table is wider than the terminal, nor the table higher: it could not be drawn again', () => {
  const terminal = new Terminal()
  terminal.columns = 20
  const picture = new Picture(terminal)
  const many = Array.from({ length: 9 }, (_, i) => ({ ...processes[0], worker: `w${i}` }))
  picture.tell('w0 starts')
  for (let time = 0; time < 2; time++) picture.show(null, many)
  const row = (worker: number) => `w${worker}      starting  7…`
  expect(terminal.lines).toEqual(['w0 starts', 'WORKER  STATE     P…', row(0), row(1), row(2), '…', ''])
})
