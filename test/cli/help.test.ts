/** What the program says of itself: examples that are commands, and completion that knows every one. */
import { execFileSync } from 'node:child_process'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { examples } from '../../src/cli/examples.ts'
import { makeProgram } from '../../src/cli/program.ts'

/** Commands that do something, by the path that a person types. */
function leaves(command: Command, path = ''): readonly (readonly [string, Command])[] {
  return command.commands
    .filter((one) => one.name() !== 'help')
    .flatMap((one) => {
      const name = `${path}${one.name()}`
      return one.commands.length > 0 ? leaves(one, `${name} `) : [[name, one] as const]
    })
}

const all = new Map(leaves(makeProgram()))

test('every command has an example, and no example is of another one', () => {
  expect(Object.keys(examples).toSorted()).toEqual([...all.keys()].toSorted())
})

test.each(Object.entries(examples))('the examples of %s are what it takes', (path, lines) => {
  const command = all.get(path)!
  const flags = new Set(command.options.map(({ long }) => long))
  for (const [line] of lines) {
    expect(`${line} `.startsWith(`${path} `), line).toBe(true)
    for (const [flag] of line.matchAll(/--[a-z-]+/g)) expect(flags, line).toContain(flag)
  }
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  expect(help).toContain(`potoroo ${lines[0]![0]}`)
})

function script(shell: string): string {
  let text = ''
  const { write } = process.stdout
  process.stdout.write = ((chunk: string) => (text += chunk) !== '') as typeof write
  try {
    makeProgram().parse(['completion', shell], { from: 'user' })
  } finally {
    process.stdout.write = write
  }
  return text
}

/** What bash proposes for the last of `words`. */
function proposed(...words: readonly string[]): readonly string[] {
  const set = `COMP_WORDS=(potoroo ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}`
  const input = `${script('bash')}\n${set}; _potoroo; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-s'], { input, encoding: 'utf8' }).trim().split('\n')
}

test('bash completes commands, those below them, options and choices', () => {
  expect(proposed('sav')).toEqual(['savepoint'])
  expect(proposed('savepoint', '')).toEqual(['make', 'list', 'verify', 'remove', '--help'])
  expect(proposed('savepoint', 'make', '--to')).toEqual(['--token-file'])
  expect(proposed('run', 'x.ts', '--log-level', 'w')).toEqual(['warn'])
  expect(proposed('completion', '--')).toEqual(['--help'])
})

test('bash completes files where they are taken, and nothing for the names of pipelines', () => {
  expect(proposed('run', 'package.j')).toEqual(['package.json'])
  expect(proposed('status', '--data', 'package.j')).toEqual(['package.json'])
  expect(proposed('status', 'package.j')).toEqual([''])
})

test.each(['zsh', 'fish'])('%s is told of every command and option', (shell) => {
  const text = script(shell)
  for (const [path, command] of all) {
    for (const name of path.split(' ')) expect(text).toContain(shell === 'fish' ? ` -a ${name} ` : `'${name}:`)
    for (const { long } of command.options)
      expect(text).toContain(shell === 'fish' ? ` -l ${long!.slice(2)}` : `'${long}:`)
  }
})
