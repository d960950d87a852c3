/**
 * `potoroo completion SHELL`: a script that completes commands, their options and the choices of these. It is made from
 * the commands themselves and starts no process when it is used.
 */
import { Argument, Command, type Option } from 'commander'
import { print } from './terminal.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof SHELLS)[number]

/** A command as the shells see it. */
interface Node {
  /** `savepoint make`; empty for the program itself. */
  readonly path: string
  /** It takes files or folders; names of pipelines and steps are no files, and not completed. */
  readonly files: boolean
  /** What its arguments may be, where that is known. */
  readonly values: readonly string[]
  readonly commands: readonly { readonly name: string; readonly about: string }[]
  readonly options: readonly {
    readonly name: string
    readonly about: string
    /** `null` where it takes no value. */
    readonly choices: readonly string[] | null
  }[]
}

export function completionCommand(): Command {
  return new Command('completion')
    .description('print what makes a shell complete the commands')
    .addArgument(new Argument('<shell>', 'which').choices(SHELLS))
    .action((shell: Shell, _options, command: Command) => {
      const nodes = nodesOf(command.parent!, '')
      print({ bash, zsh, fish }[shell](nodes))
    })
}

function nodesOf(command: Command, path: string): readonly Node[] {
  const inner = command.commands.filter((one) => one.name() !== 'help')
  const below = inner.flatMap((one) => nodesOf(one, path === '' ? one.name() : `${path} ${one.name()}`))
  const node = {
    path,
    files: command.registeredArguments.some((one) => /^(files?|folder)$/.test(one.name())),
    values: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    commands: inner.map((one) => ({ name: one.name(), about: one.description() })),
    options: [...command.options.map(optionOf), { name: '--help', about: 'show what it takes', choices: null }],
  }
  return [node, ...below]
}

function optionOf({ long, description, required, optional, argChoices }: Option): Node['options'][number] {
  return { name: long!, about: description, choices: required || optional ? (argChoices ?? []) : null }
}

/** `'it'\''s'`. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

const paths = (nodes: readonly Node[]): readonly string[] => nodes.map(({ path }) => path).filter((path) => path !== '')

function bash(nodes: readonly Node[]): string {
  const cases = nodes.map(({ path, files, values, commands, options }) => {
    const words = [...values, ...[...commands, ...options].map(({ name }) => name)]
    return `    ${quoted(path)}) words=${quoted(words.join(' '))}${files ? ' files=yes' : ''} ;;`
  })
  const choices = choicesOf(nodes, (words) => `words=${quoted(words)}`)
  return `# bash completion of potoroo
_potoroo() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} at='' word words='' files=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${at:+$at }$word" in
      ${paths(nodes).map(quoted).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  case "$at $before" in
${choices.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ $before == --* ]] && files=yes
  [ \${#COMPREPLY[@]} -gt 0 ] || [ -z "$files" ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _potoroo potoroo`
}

/** A case for each option that has choices; `then` is done with them. */
function choicesOf(nodes: readonly Node[], then: (words: string) => string): readonly string[] {
  return nodes.flatMap(({ path, options }) =>
    options
      .filter((option) => (option.choices?.length ?? 0) > 0)
      .map(({ name, choices }) => `    ${quoted(`${path} ${name}`)}) ${then(choices!.join(' '))} ;;`),
  )
}

function zsh(nodes: readonly Node[]): string {
  const item = (name: string, about: string) => quoted(`${name.replaceAll(':', '\\:')}:${about}`)
  const cases = nodes.map(({ path, files, values, commands, options }) => {
    const items = [...values.map(quoted), ...[...commands, ...options].map(({ name, about }) => item(name, about))]
    return `    ${quoted(path)}) found=(${items.join(' ')})${files ? ' files=yes' : ''} ;;`
  })
  return `#compdef potoroo
_potoroo() {
  local at='' word files=''
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${at:+$at }$word" in
      ${paths(nodes).map(quoted).join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at $words[CURRENT-1]" in
${choicesOf(nodes, (words) => `compadd -- ${words}; return`).join('\n')}
  esac
  case "$at" in
${cases.join('\n')}
  esac
  _describe 'potoroo' found
  [[ -n "$files" || "$words[CURRENT-1]" == --* ]] && _files
}
# In a folder of fpath this file is read when it is first asked, and has to answer.
if [[ $funcstack[1] == _potoroo ]]; then _potoroo "$@"; else compdef _potoroo potoroo; fi`
}

function fish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, files, values, commands, options }) => {
    const names = path === '' ? [] : path.split(' ')
    const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`)
    const none =
      commands.length === 0 ? [] : [`not __fish_seen_subcommand_from ${commands.map(({ name }) => name).join(' ')}`]
    const when = (conditions: readonly string[]) =>
      conditions.length === 0 ? '' : ` -n ${quoted(conditions.join('; and '))}`
    return [
      ...(files ? [`complete -c potoroo${when(seen)} -F`] : []),
      ...(values.length > 0 ? [`complete -c potoroo${when(seen)} -a ${quoted(values.join(' '))}`] : []),
      ...commands.map(
        ({ name, about }) => `complete -c potoroo${when([...seen, ...none])} -a ${name} -d ${quoted(about)}`,
      ),
      ...options.map(({ name, about, choices }) => {
        const values = choices === null ? '' : choices.length === 0 ? ' -rF' : ` -x -a ${quoted(choices.join(' '))}`
        return `complete -c potoroo${when([...seen, ...none])} -l ${name.slice(2)}${values} -d ${quoted(about)}`
      }),
    ]
  })
  return ['# fish completion of potoroo', 'complete -c potoroo -f', ...lines].join('\n')
}
