/**
 * `potoroo dead-letters`: the records that did not get through. Those of a pipeline that has ended are read from the
 * checkpoint that it ended with.
 */
import { existsSync } from 'node:fs'
import { Command } from 'commander'
import { type LetterView, pageOfLetters, viewLetter } from '../admin/letters-view.ts'
import { fail, PotorooError } from '../base/errors.ts'
import { realEnv } from '../env/real/env.ts'
import type { DeadLetter } from '../worker/letters/dead-letter.ts'
import { keptLetters } from '../worker/letters/kept-letters.ts'
import { addControlOptions, type ControlFlags, dataSetting, FOLDERS } from './control-client.ts'
import { Letters } from './letters.ts'
import { wholeNumber } from './numbers.ts'
import { counted, print, printJson, say, showRaw, table } from './terminal.ts'

interface SelectFlags extends ControlFlags {
  readonly all?: true
}

/** Columns of an error in the list. */
const ERROR_WIDTH = 60

export function deadLettersCommand(): Command {
  const command = new Command('dead-letters').description(
    'list, show, replay or purge records that did not get through',
  )
  const inner = (name: string, description: string) => {
    const made = new Command(name).description(description).argument('<pipeline>', 'its name')
    command.addCommand(made)
    return addControlOptions(made)
  }
  inner('list', 'list them, oldest first')
    .option('--limit <letters>', 'so many at most', '20')
    .action(async (pipeline: string, flags: ControlFlags & { readonly limit: string }) => {
      const limit = wholeNumber('--limit', flags.limit)
      const page = await ask(
        pipeline,
        flags,
        (letters) => letters.list(limit),
        (kept) => pageOfLetters(pipeline, kept.length, kept.slice(0, limit)),
      )
      if (flags.json) return printJson(page)
      const rows = page.letters.map((one) => [one.id, new Date(one.timeMs).toISOString(), cut(one.error)])
      print(table(['ID', 'TIME', 'ERROR'], rows, 'no dead letters'))
      say(`${page.letters.length} of ${counted(page.count, 'dead letter')}`)
    })
  inner('show', 'show one with what its step was given and the error')
    .argument('<id>', 'its id')
    .action(async (pipeline: string, id: string, flags: ControlFlags) => {
      const letter = await ask(
        pipeline,
        flags,
        (letters) => letters.show(id),
        (kept) =>
          viewLetter(
            pipeline,
            id,
            kept.find((one) => one.id === id),
          ),
      )
      if (flags.json) printJson(letter)
      else show(letter)
    })
  inner('replay', 'give them back to the steps that they failed in; they have no order against other records')
    .argument('[id...]', 'their ids')
    .option('--all', 'all of them')
    .action(async (pipeline: string, ids: string[], flags: SelectFlags) => {
      const chosen = chosenBy(ids, flags)
      const result = await (await Letters.of(pipeline, flags)).replay(chosen)
      if (flags.json) return printJson(result)
      const left = result.left === 0 ? '' : `; ${result.left} cannot be tried again`
      print(`${pipeline}: ${counted(result.tried, 'dead letter')} tried again${left}`)
    })
  inner('purge', 'forget them for good')
    .argument('[id...]', 'their ids')
    .option('--all', 'all of them')
    .action(async (pipeline: string, ids: string[], flags: SelectFlags) => {
      const chosen = chosenBy(ids, flags)
      const purged = await (await Letters.of(pipeline, flags)).purge(chosen)
      if (flags.json) printJson({ purged })
      else print(`${pipeline}: ${counted(purged, 'dead letter')} purged`)
    })
  return command
}

/** Asks the workers that run the pipeline; where none does, `kept` answers from the letters of its last checkpoint. */
async function ask<T>(
  pipeline: string,
  flags: ControlFlags,
  running: (letters: Letters) => Promise<T>,
  kept: (letters: readonly DeadLetter[]) => unknown,
): Promise<T> {
  try {
    return await running(await Letters.of(pipeline, flags))
  } catch (error) {
    const store = `${flags.data ?? dataSetting() ?? `${FOLDERS}/${pipeline}`}/store`
    const silent = error instanceof PotorooError && ['E_NO_WORKER', 'E_WORKER_SILENT'].includes(error.code)
    if (!silent || !existsSync(store)) throw error
    const letters = await keptLetters(realEnv(), store, pipeline)
    say(`no worker that runs ${pipeline} answers: as its last checkpoint has them`)
    // What a worker answers comes as JSON.
    return JSON.parse(JSON.stringify(kept(letters))) as T
  }
}

/** Letters by their ids; `null`: all of them. */
function chosenBy(ids: readonly string[], { all }: SelectFlags): readonly string[] | null {
  if (ids.length > 0 === (all === true)) {
    throw fail('E_USAGE', { reason: 'name dead letters by their ids, or say --all' })
  }
  return all === true ? null : ids
}

function show({ id, step, split, position, timeMs, again, given, content, error }: LetterView): void {
  print(id)
  print('')
  print(`step      ${step}`)
  print(`source    ${split.replaceAll('\0', ' ')}, position ${position}`)
  print(`time      ${new Date(timeMs).toISOString()}`)
  if (content.key !== undefined) print(`key       ${JSON.stringify(content.key)}`)
  if (given.kind === 'bytes') print(`bytes     ${showRaw(Buffer.from(given.base64!, 'base64'))}`)
  else print(`given     ${JSON.stringify(content.value)}`)
  if (!again) print('          cannot be tried again')
  print(`\n${error.code === null ? '' : `${error.code}: `}${error.message}`)
  const frames = error.stack.split('\n').slice(1)
  if (frames.length > 0) print(frames.join('\n'))
}

function cut(text: string): string {
  const line = text.split('\n')[0]!
  return line.length <= ERROR_WIDTH ? line : `${line.slice(0, ERROR_WIDTH - 1)}…`
}
