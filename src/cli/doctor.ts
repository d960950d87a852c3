/**
 * `potoroo doctor [FILE…]`: what of this machine, its folders and its ports would keep a worker from running well, each
 * with its remedy. Changes nothing. Ends with status 1 where something is wrong; what is merely to be known is no
 * failure.
 */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Command } from 'commander'
import { readControlFile } from '../admin/control-file.ts'
import { PotorooError } from '../base/errors.ts'
import { defaultLimits } from '../base/limits.ts'
import { CLUSTER } from '../checkpoint/layout.ts'
import { belongingFile } from '../worker/belonging.ts'
import { FOLDERS, subfolders } from './control-client.ts'
import { type Finding, good, notice, wrong } from './doctor/finding.ts'
import { examineData, examineStore } from './doctor/folder.ts'
import { examineMachine } from './doctor/machine.ts'
import { examinePipeline } from './doctor/ports.ts'
import { examineTokenVariables } from './doctor/tokens.ts'
import { EXIT_FAILED } from './exit.ts'
import type { Settings } from './settings.ts'
import { counted, print, printJson } from './terminal.ts'
import { settingsOf } from './worker-options.ts'

interface Options {
  readonly data?: string
  readonly store?: string
  readonly config?: string
  readonly json?: true
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say what is wrong on this machine, and what to do about it')
    .argument('[file...]', 'pipeline files, whose ports are looked at too')
    .option('--data <folder>', 'the data folder of a worker (default: those below .potoroo)')
    .option('--store <path>', 'the store that the workers of a cluster share')
    .option('--config <file>', 'settings in YAML (default: potoroo.yaml where it is there)')
    .option('--json', 'as JSON')
    .action(async (files: string[], options: Options) => {
      const findings = await examine(files, options)
      const wrongs = findings.filter(({ verdict }) => verdict === 'wrong').length
      if (options.json) printJson({ wrong: wrongs, findings: findings.map(({ error: _, ...finding }) => finding) })
      else print(`${findings.map(show).join('')}\n${verdict(wrongs)}`)
      if (wrongs > 0) process.exitCode = EXIT_FAILED
    })
}

async function examine(files: readonly string[], options: Options): Promise<readonly Finding[]> {
  const settings = examineSettings(options)
  const known = settings instanceof Error ? null : settings
  const limits = known?.limits ?? defaultLimits
  const folders = dataFolders(known?.data ?? options.data)
  const store = known?.store ?? options.store
  const controls = folders.flatMap((data) => readControlFile(data) ?? [])
  const workers = new Set(controls.map(({ pid }) => pid))
  // `up` puts the store of a cluster beside its workers.
  const ofUp = folders.map((data) => join(dirname(data), 'store')).filter((path) => existsSync(join(path, CLUSTER)))
  const named = [store, ...controls.map((control) => control.store), ...ofUp].filter((path) => path != null)
  // However it is written, each is looked at once.
  const stores = new Map(named.map((path) => [resolve(path), path])).values()
  const found: Finding[] = [...examineMachine(), ...settingsFindings(settings), ...examineTokenVariables()]
  for (const data of folders) found.push(...(await examineData(data, limits)))
  for (const path of stores) found.push(...examineStore(path, limits))
  if (store !== undefined) found.push(...reachable(known))
  for (const file of files) found.push(...(await examinePipeline(file, workers)))
  return found
}

function examineSettings({ data, store, config }: Options): Settings | PotorooError {
  try {
    return settingsOf({ ...(data && { data }), ...(store && { store }), ...(config && { config }) })
  } catch (error) {
    if (error instanceof PotorooError) return error
    throw error
  }
}

function settingsFindings(settings: Settings | PotorooError): readonly Finding[] {
  if (settings instanceof Error) return [wrong('settings', settings.message, settings.remedy)]
  const places = [...new Set(settings.given.values())].filter((place) => !place.startsWith('--'))
  const open = /^(127\.|localhost$|::1$)/.test(settings.control.host)
    ? []
    : [
        notice(
          'settings',
          `the control API listens on ${settings.control.host}, without encryption`,
          'put it behind TLS of your own: its admin token runs code',
        ),
      ]
  return [good('settings', places.length === 0 ? 'none but the defaults' : `from ${places.join(', ')}`), ...open]
}

/** Whether the other workers of a cluster find this one. */
function reachable(settings: Settings | null): readonly Finding[] {
  if (settings === null || settings.expected <= 1 || settings.reach !== undefined) return []
  if (!settings.listen.startsWith('127.')) return []
  const remedy = 'on several machines give --listen an address that the others reach'
  return [notice('cluster', `other workers reach this one at ${settings.listen}, which is this machine alone`, remedy)]
}

/** The folder that is named, or every one below `.potoroo`, of clusters too; else where one would be made. */
function dataFolders(named: string | undefined): readonly string[] {
  if (named !== undefined) return [named]
  const found = subfolders(FOLDERS).flatMap((folder) => [folder, ...subfolders(folder)])
  const used = found.filter((folder) => existsSync(belongingFile(folder)) || readControlFile(folder) !== null)
  return used.length > 0 ? used : [FOLDERS]
}

const MARKS = { good: 'good  ', notice: 'notice', wrong: 'wrong ' } as const
const INDENT = ' '.repeat(21)

function show({ verdict, check, what, remedy }: Finding): string {
  const line = `${MARKS[verdict]}  ${check.padEnd(11)}  ${what}\n`
  return remedy === '' ? line : `${line}${INDENT}→ ${remedy}\n`
}

function verdict(wrongs: number): string {
  return wrongs === 0 ? 'nothing is wrong' : `${counted(wrongs, 'thing')} ${wrongs === 1 ? 'is' : 'are'} wrong`
}
