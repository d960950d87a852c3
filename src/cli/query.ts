/** `potoroo query PIPELINE STEP [KEY]`: the state of a key, or keys with their states. */
import { Command, Option } from 'commander'
import type { KeyView } from '../admin/part.ts'
import type { StateAnswer } from '../admin/state-query.ts'
import { fail, PotorooError } from '../base/errors.ts'
import { addControlOptions, type ControlFlags, findWorker, part } from './control-client.ts'
import { portion, positive, wholeNumber } from './numbers.ts'
import { counted, print, printJson, say, table } from './terminal.ts'

interface Options extends ControlFlags {
  readonly limit: string
  readonly read: string
  readonly minCompleteness?: string
  readonly after?: string
  readonly wait?: string
}

const READ =
  'the state as it is now, which a failure may roll back; as of the last complete epoch; or, of one key, as it is now and for good'

export function queryCommand(): Command {
  const command = new Command('query')
    .description('show the state of a key, or list keys')
    .argument('<pipeline>', 'its name')
    .argument('<step>', 'a step with state')
    .argument(
      '[key]',
      'a key, a text rather than a number where both are there; all keys up to --limit where none is given',
    )
    .option('--limit <keys>', 'list so many keys at most', '20')
    .addOption(new Option('--read <level>', READ).choices(['live', 'committed', 'linearizable']).default('live'))
    .option(
      '--after <token>',
      'wait until it shows what this acknowledgement covers: a token of the client or of a request',
    )
    .option('--wait <seconds>', 'how long to wait for that at most (default: 2)')
    .option('--min-completeness <key groups>', 'fail where fewer key groups answer: a number, or a share such as 99%')
  return addControlOptions(command).action(
    async (pipeline: string, step: string, key: string | undefined, options: Options) => {
      refuseOdd(options, key)
      const worker = await findWorker(options, { pipeline })
      const path = `/v1/pipelines/${part(pipeline)}/state/${part(step)}?read=${options.read}${waiting(options)}`
      if (key === undefined) await list(worker.get, path, options)
      else {
        const answer = await worker.get<StateAnswer<KeyView>>(`${path}&key=${part(key)}`)
        if (options.json) return printJson(answer)
        print(JSON.stringify(answer.found.state))
        say(`${whichOf(answer.found)}${asOf(answer)}`)
      }
    },
  )
}

/** Throws `E_USAGE` for options that would mean nothing. */
function refuseOdd({ after, wait, minCompleteness }: Options, key: string | undefined): void {
  if (wait !== undefined && after === undefined) {
    throw fail('E_USAGE', { reason: '--wait is for --after: without it there is nothing to wait for' })
  }
  if (minCompleteness === undefined) return
  portion('--min-completeness', minCompleteness)
  if (key === undefined) return
  throw fail('E_USAGE', { reason: '--min-completeness is for lists: one key is there, or its owner does not answer' })
}

/** What the answer has to wait for, and how long. */
function waiting({ after, wait }: Options): string {
  const ms = wait === undefined ? '' : `&wait=${Math.ceil(positive('--wait', wait) * 1000)}`
  return (after === undefined ? '' : `&after=${part(after)}`) + ms
}

type Page = StateAnswer<readonly KeyView[]>

/** How often a list is begun anew where it cannot go on. */
const LISTS = 5

/** Pages until as many keys have come as were asked for. */
async function list(get: <T>(path: string) => Promise<T>, path: string, options: Options): Promise<void> {
  const limit = wholeNumber('--limit', options.limit)
  const pages = await pagesOf((page) => get<Page>(page), path, limit)
  const found = pages.flatMap((one) => one.found)
  // What has been missing from one of them is missing from the list.
  const [answer] = pages.toSorted((a, b) => covered(a) - covered(b)) as [Page]
  requireCompleteness(answer, options)
  if (options.json) return printJson({ ...answer, found, next: pages.at(-1)!.next })
  const rows = found.map(({ key, keyGroup, state }) => [showKey(key), keyGroup, JSON.stringify(state)])
  print(table(['KEY', 'GROUP', 'STATE'], rows, 'no keys'))
  const shown =
    answer.keys === null ? counted(found.length, 'key') : `${found.length} of ${counted(answer.keys, 'key')}`
  say(`${shown}, ${asOf(answer)}`)
  const { keyGroups, missing } = answer.completeness ?? { keyGroups: '', missing: [] }
  if (missing.length > 0)
    say(`of ${keyGroups} key groups; nothing from ${[...new Set(missing.map((run) => run.worker))].join(', ')}`)
}

/**
 * A key, in quotes where it is a text that reads like a number or a truth value, which may be a key as well, or of
 * which not all would be seen.
 */
export function showKey(key: unknown): string {
  const unseen = typeof key === 'string' && (key === '' || key !== key.trim())
  return unseen || isTwofold(key) ? JSON.stringify(key) : String(key)
}

/** Which key it is that was found, of two that are written alike: the text comes first. */
export function whichOf({ key }: Pick<KeyView, 'key'>): string {
  return typeof key !== 'string' || isTwofold(key) ? `of the ${typeof key} ${showKey(key)}, ` : ''
}

function isTwofold(key: unknown): boolean {
  if (typeof key !== 'string') return false
  return key === 'true' || key === 'false' || (key.trim() !== '' && !Number.isNaN(Number(key)))
}

/** The pages of one list. */
async function pagesOf(get: (path: string) => Promise<Page>, path: string, limit: number): Promise<readonly Page[]> {
  for (let list = 1; ; list++) {
    try {
      const pages: Page[] = []
      let left = limit
      let cursor: string | null = null
      do {
        const after: string = cursor === null ? '' : `&cursor=${part(cursor)}`
        const page = await get(`${path}&limit=${left}${after}`)
        pages.push(page)
        left -= page.found.length
        cursor = page.next ?? null
      } while (cursor !== null && left > 0)
      return pages
    } catch (error) {
      if (!(error instanceof PotorooError && error.code === 'E_LIST_CHANGED') || list === LISTS) throw error
    }
  }
}

/** How many key groups a page covers. */
function covered({ completeness }: Page): number {
  return completeness === undefined ? 0 : Number(completeness.keyGroups.split('/')[0])
}

/** Throws `E_INCOMPLETE` where fewer key groups have answered than `minCompleteness` says. */
function requireCompleteness({ completeness }: StateAnswer, { minCompleteness: least }: Options): void {
  if (completeness === undefined || least === undefined) return
  const [there, all] = completeness.keyGroups.split('/').map(Number) as [number, number]
  if (there < portion('--min-completeness', least)(all)) {
    throw fail('E_INCOMPLETE', { keyGroups: completeness.keyGroups, least })
  }
}

function asOf({ read, epoch }: StateAnswer): string {
  if (read === 'committed') return epoch === 0 ? 'committed: no epoch is complete yet' : `committed, of epoch ${epoch}`
  return `${read}, after epoch ${epoch}`
}
