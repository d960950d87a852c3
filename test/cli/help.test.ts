/** What the program says of itself: examples that are commands, and completion that knows every one. */
import { execFileSync, spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { examples } from '../../src/cli/examples.ts'
import { framingName, framingOf } from '../../src/cli/framing.ts'
import { makeProgram, ofCommand } from '../../src/cli/program.ts'

/** Commands that do something, by the path that a person types. */
function leaves(command: Command, path = ''): readonly (readonly [string, Command])[] {
  return command.commands
    .filter((one) => one.name() !== 'help')
    .flatMap((one) => {
      const name = `${path}${one.name()}`
      return one.commands.length > 0 ? leaves(one, `${name} `) : [[name, one] as const]
    })
}

const all = new Map(leaves(await makeProgram()))

test.each(['--version', '-V'])('%s reads no command', async (flag) => {
  const program = await makeProgram([flag])
  expect(program.commands).toEqual([])
  program.configureOutput({ writeOut: () => {} })
  expect(() => program.parse([flag], { from: 'user' })).toThrow(expect.objectContaining({ exitCode: 0 }))
})

test('every command has an example, and no example is of another one', () => {
  expect(Object.keys(examples).toSorted()).toEqual([...all.keys()].toSorted())
})

test.each(Object.entries(examples))('the examples of %s are what it takes', (path, lines) => {
  const command = all.get(path)!
  const flags = new Set(command.options.map(({ long }) => long))
  for (const [line] of lines) {
    expect(`${line} `.startsWith(`${path} `), line).toBe(true)
    for (const [flag] of line.matchAll(/--[a-z-]+/g)) expect(flags, line).toContain(flag)
    for (const [, framing] of line.matchAll(/--framing (\S+)/g)) expect(() => framingOf(framing!), line).not.toThrow()
  }
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  expect(help).toContain(`potoroo ${lines[0]![0]}`)
})

test.each(['lines', 'csv-lines', 'length-prefix:2:little', 'length-prefix:4:big', 'fixed:16'])(
  'a source that reads %s is named as `send` takes it',
  (name) => expect(framingName(framingOf(name))).toBe(name),
)

async function script(shell: string): Promise<string> {
  let text = ''
  const { write } = process.stdout
  process.stdout.write = ((chunk: string) => (text += chunk) !== '') as typeof write
  try {
    const args = ['completion', shell]
    await (await makeProgram(args)).parseAsync(args, { from: 'user' })
  } finally {
    process.stdout.write = write
  }
  return text
}

const [inBash, inZsh, inFish] = [await script('bash'), await script('zsh'), await script('fish')]

/** What bash proposes for the last of `words`. */
function proposed(...words: readonly string[]): readonly string[] {
  const set = `COMP_WORDS=(potoroo ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}`
  const input = `${inBash}\n${set}; _potoroo; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-s'], { input, encoding: 'utf8' }).trim().split('\n')
}

test('bash completes commands, those below them, options and choices', () => {
  expect(proposed('sav')).toEqual(['savepoint'])
  expect(proposed('savepoint', '')).toEqual(['make', 'list', 'verify', 'remove', '--help'])
  expect(proposed('savepoint', 'make', '--to')).toEqual(['--token-file'])
  expect(proposed('run', 'x.ts', '--log-level', 'w')).toEqual(['warn'])
  expect(proposed('completion', '')).toEqual(['bash', 'zsh', 'fish', '--help'])
  expect(proposed('completion', '--')).toEqual(['--help'])
})

test('zsh and fish are told of choices', () => {
  expect(inZsh).toContain("'run --log-level') compadd -- debug info warn error silent; return ;;")
  expect(inZsh).toMatch(/'completion'\) found=\('bash' 'zsh' 'fish' /)
  expect(inFish).toMatch(/ -l log-level -x -a 'debug info warn error silent' /)
  expect(inFish).toMatch(/seen_subcommand_from completion' -a 'bash zsh fish'$/m)
})

test('zsh answers the first time that it is asked, and fish proposes what is of the whole program before a command only', () => {
  expect(inZsh).toMatch(/== _potoroo \]\]; then _potoroo "\$@"; else compdef _potoroo potoroo; fi\n$/)
  expect(inFish).toMatch(/ -n 'not __fish_seen_subcommand_from init .*' -l version /)
})

test('bash completes files where they are taken, and nothing for the names of pipelines', () => {
  expect(proposed('run', 'package.j')).toEqual(['package.json'])
  expect(proposed('status', '--data', 'package.j')).toEqual(['package.json'])
  expect(proposed('status', 'package.j')).toEqual([''])
})

test.each([
  ['zsh', inZsh],
  ['fish', inFish],
])('%s is told of every command and option', (shell, text) => {
  for (const [path, command] of all) {
    for (const name of path.split(' ')) expect(text).toContain(shell === 'fish' ? ` -a ${name} ` : `'${name}:`)
    for (const { long } of command.options)
      expect(text).toContain(shell === 'fish' ? ` -l ${long!.slice(2)}` : `'${long}:`)
  }
})

test('who asks for one command reads no other', async () => {
  const named = async (...args: readonly string[]) => (await makeProgram(args)).commands.map((one) => one.name())
  expect(await named('list', '--json')).toEqual(['list'])
  const every = await named()
  expect(every.length).toBeGreaterThan(20)
  for (const args of [['help', 'list'], ['completion', 'bash'], ['lits'], ['--help'], ['toString']]) {
    expect(await named(...args)).toEqual(every)
  }
})

/** Fails where a module of what a worker is made of is read. */
const WATCH = `import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    if (/src\\/(worker|dataflow|ingest)\\//.test(url)) throw new Error(url)
    return next(url, context)
  },
})`

test('a command that looks at a worker reads nothing of what a worker is made of', () => {
  const launcher = resolve(import.meta.dirname, '../../src/launch.js')
  const hooks = `data:text/javascript,${encodeURIComponent(WATCH)}`
  const status = (name: string) => spawnSync(process.execPath, ['--import', hooks, launcher, name, '--help']).status
  expect([status('list'), status('send')]).toEqual([0, 0])
  expect(status('verify')).not.toBe(0)
})

test.each([
  [['status', '--jsn'], "unknown option '--jsn' (Did you mean --json?)"],
  [['lits'], "unknown command 'lits' (Did you mean list?)"],
  [['savepoint', 'mak'], "unknown command 'mak' (Did you mean make?)"],
  [['query'], "missing required argument 'pipeline'"],
])('%j is refused as every request that is wrong', async (args, reason) => {
  const refused = (await makeProgram(args)).parseAsync(args, { from: 'user' })
  await expect(refused).rejects.toMatchObject({ code: 'E_USAGE', message: reason })
})

test.each([
  [['query'], '`potoroo help query` says how it is used'],
  [['lits'], '`potoroo help` says how it is used'],
  [['--jsn'], '`potoroo help` says how it is used'],
])('%j is answered with the help that says how', async (args, remedy) => {
  const refused = await makeProgram(args)
    .then((program) => program.parseAsync(args, { from: 'user' }))
    .catch((error) => error)
  expect(ofCommand(refused, args)).toMatchObject({ code: 'E_USAGE', remedy })
})
