/** `potoroo query PIPELINE STEP [KEY]`: the state of a key, or keys with their states. */
import { Command, Option } from 'commander'
import { addControlOptions, type ControlFlags, findWorker, part } from './control-client.ts'
import { wholeNumber } from './numbers.ts'
import { counted, print, printJson, say, table } from './terminal.ts'

interface Found {
  readonly key: unknown
  readonly keyGroup: number
  readonly state: unknown
}

interface Answer<F> {
  readonly read: string
  readonly epoch: number
  /** Of the whole step; not known of a committed read. */
  readonly keys: number | null
  readonly found: F
  readonly next?: string | null
}

interface Options extends ControlFlags {
  readonly limit: string
  readonly read: string
}

const READ = 'the state as it is now, which a failure may roll back, or as of the last complete epoch'

export function queryCommand(): Command {
  const command = new Command('query')
    .description('show the state of a key, or list keys')
    .argument('<pipeline>', 'its name')
    .argument('<step>', 'a step with state')
    .argument('[key]', 'a key; all keys up to --limit where none is given')
    .option('--limit <keys>', 'list so many keys at most', '20')
    .addOption(new Option('--read <level>', READ).choices(['live', 'committed']).default('live'))
  return addControlOptions(command).action(
    async (pipeline: string, step: string, key: string | undefined, options: Options) => {
      const worker = await findWorker(options)
      const path = `/v1/pipelines/${part(pipeline)}/state/${part(step)}`
      if (key === undefined)
        await list(
          worker.get,
          `${path}?read=${options.read}`,
          wholeNumber('--limit', options.limit),
          options.json === true,
        )
      else {
        const answer = await worker.get<Answer<Found>>(`${path}?read=${options.read}&key=${part(key)}`)
        if (options.json) printJson(answer)
        else print(JSON.stringify(answer.found.state))
        say(asOf(answer))
      }
    },
  )
}

/** Pages until `limit` keys have come. */
async function list(get: <T>(path: string) => Promise<T>, path: string, limit: number, json: boolean): Promise<void> {
  const found: Found[] = []
  let answer: Answer<Found[]>
  let cursor: string | null = null
  do {
    const after = cursor === null ? '' : `&cursor=${cursor}`
    answer = await get<Answer<Found[]>>(`${path}&limit=${limit - found.length}${after}`)
    found.push(...answer.found)
    cursor = answer.next ?? null
  } while (cursor !== null && found.length < limit)
  if (json) printJson({ ...answer, found })
  else {
    const rows = found.map(({ key, keyGroup, state }) => [String(key), keyGroup, JSON.stringify(state)])
    print(table(['KEY', 'GROUP', 'STATE'], rows, 'no keys'))
  }
  const shown =
    answer.keys === null ? counted(found.length, 'key') : `${found.length} of ${counted(answer.keys, 'key')}`
  say(`${shown}, ${asOf(answer)}`)
}

function asOf({ read, epoch }: Answer<unknown>): string {
  if (read === 'committed') return epoch === 0 ? 'committed: no epoch is complete yet' : `committed, of epoch ${epoch}`
  return `live, after epoch ${epoch}`
}
