/** `potoroo checkpoint make | list | verify`: what the pipeline can go back to, and whether it is whole. */
import { Command } from 'commander'
import { showDuration } from '../base/time.ts'
import { type Damage, describeDamage } from '../checkpoint/damage.ts'
import type { CheckpointContent, CheckpointEntry } from '../worker/pipelines/checkpoints.ts'
import { addControlOptions, type ControlFlags, findWorker, forCheckpoint, part } from './control-client.ts'
import { EXIT_FAILED } from './exit.ts'
import { wholeNumber } from './numbers.ts'
import { Waiting } from './progress.ts'
import { counted, print, printJson, showBytes, table } from './terminal.ts'

const path = (pipeline: string, rest = ''): string => `/v1/pipelines/${part(pipeline)}/checkpoints${rest}`

export function checkpointCommand(): Command {
  const command = new Command('checkpoint').description('make a checkpoint, list what there is, verify one')
  const inner = (name: string, description: string, options = {}) => {
    const made = new Command(name).description(description).argument('<pipeline>', 'its name')
    command.addCommand(addControlOptions(made), options)
    return made
  }
  inner('make', 'make a checkpoint now; `checkpoint PIPELINE` does the same', { isDefault: true }).action(make)
  inner('list', 'list the checkpoints that are kept, and the savepoints made of them').action(list)
  inner('verify', 'read every byte of a checkpoint and say whether it is whole')
    .argument('[epoch]', 'its number; the newest when left out')
    .action(verify)
  return command
}

async function make(pipeline: string, flags: ControlFlags): Promise<void> {
  const worker = await findWorker(flags, { pipeline })
  const at = `/v1/pipelines/${part(pipeline)}/checkpoint`
  const made = await worker.post<{ epoch: number }>(at, null, undefined, forCheckpoint(pipeline))
  if (flags.json) printJson(made)
  else print(`${pipeline}: epoch ${made.epoch} is complete`)
}

async function list(pipeline: string, flags: ControlFlags): Promise<void> {
  const entries = await (await findWorker(flags, { pipeline })).get<CheckpointEntry[]>(path(pipeline))
  if (flags.json) return printJson(entries)
  const rows = entries.map((one) => [
    one.epoch,
    one.generation,
    one.damage === null ? age(one) : 'damaged',
    one.keys,
    showBytes(one.bytes),
    showBytes(one.newBytes),
    one.savepoints.join(', '),
  ])
  print(table(['EPOCH', 'GENERATION', 'AGE', 'KEYS', 'BYTES', 'NEW', 'SAVEPOINTS'], rows, 'no checkpoints'))
}

function age({ timeMs }: CheckpointEntry): string {
  return showDuration(Math.max(0, Date.now() - timeMs))
}

/** Asks for one object after another, so that it is seen how far it has come. */
async function verify(pipeline: string, given: string | undefined, flags: ControlFlags): Promise<void> {
  const wanted = given === undefined ? 'latest' : wholeNumber('EPOCH', given, Number.MAX_SAFE_INTEGER)
  const worker = await findWorker(flags, { pipeline })
  const { entry, objects } = await worker.get<CheckpointContent>(path(pipeline, `/${wanted}`))
  const { epoch, damage } = entry
  const damages: Damage[] = damage === null ? [] : [{ path: `manifest of epoch ${epoch}`, part: null, reason: damage }]
  let [done, bytes] = [0, 0]
  const shown = new Waiting(
    () => `read ${done} of ${counted(objects.length, 'file')}, ${showBytes(bytes)} of ${showBytes(entry.bytes)}`,
  )
  for (const object of objects) {
    damages.push(...(await worker.get<Damage[]>(path(pipeline, `/${epoch}/objects/${done}`))))
    done++
    bytes += object.bytes
  }
  shown.end()
  if (flags.json) printJson({ entry, files: objects.length, damages })
  else if (damages.length === 0) {
    print(
      `${pipeline}: epoch ${epoch} is whole: ${counted(entry.keys, 'key')}, ${showBytes(bytes)} in ${counted(done, 'file')}`,
    )
  } else {
    for (const one of damages) print(`${pipeline}: epoch ${epoch}: ${describeDamage(one)}`)
  }
  if (damages.length > 0) process.exitCode = EXIT_FAILED
}
