import { expect, test } from 'vitest'
import { Picture, type Screen } from '../../src/cli/picture.ts'

const ESCAPE = '\x1b['

/** A terminal: what stands on it. It knows one thing: up by lines, and clear to the end. */
class Terminal implements Screen {
  readonly isTTY = true
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
  expect(terminal.lines).toEqual(['w1 starts', 'one', 'two', HEAD, ROW, '', ''])
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
