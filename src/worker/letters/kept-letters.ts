/** The dead letters that the last checkpoint of a pipeline has: for whoever asks while it does not run. */
import { fail } from '../../base/errors.ts'
import { makeLimits } from '../../base/limits.ts'
import { ChainReader } from '../../checkpoint/chain-reader.ts'
import { lastEpoch, type PipelineEntry } from '../../checkpoint/cluster.ts'
import type { Examined } from '../../checkpoint/damage.ts'
import { FileStore } from '../../checkpoint/file-store.ts'
import { type Identity, readCluster } from '../../checkpoint/identity.ts'
import { decodeManifest, letterFilesOf } from '../../checkpoint/manifest.ts'
import type { Store } from '../../checkpoint/store.ts'
import type { Env } from '../../env/env.ts'
import { settle, settleVoid } from '../settle.ts'
import type { DeadLetter } from './dead-letter.ts'
import { decodeLetters } from './dead-letters.ts'

/**
 * Letters, oldest first, from the store in `folder`. Rejects with `E_NO_PIPELINE`, and with `E_STORE…` where the store
 * cannot be read.
 */
export async function keptLetters(
  { disk, random }: Env,
  folder: string,
  pipeline: string,
): Promise<readonly DeadLetter[]> {
  const store = new FileStore(disk, random, folder, { worker: '', incarnation: '' }, () => {})
  const { chainEra } = await settle<Identity>((done) => readCluster(store, done))
  const reader = new ChainReader(store, { ...makeLimits(), chainEra }, { onRecord() {}, onJump() {} })
  await settleVoid((done) => reader.follow(done))
  const { pipelines } = reader.cluster
  const entry = pipelines.get(pipeline)
  if (entry === undefined) {
    throw fail('E_NO_PIPELINE', { pipeline, known: `there is ${[...pipelines.keys()].join(', ') || 'none'}` })
  }
  return lettersOf(store, entry)
}

/**
 * All letters of the last checkpoint of `entry`, oldest first. Rejects where the store cannot be
 * read.
 */
export async function lettersOf(store: Store, entry: PipelineEntry): Promise<readonly DeadLetter[]> {
  const epoch = lastEpoch(entry)
  if (epoch === null) return []
  const { sinks } = await read(store, epoch.manifest, decodeManifest)
  const files = sinks.flatMap(letterFilesOf).map((path) => read(store, path, decodeLetters))
  return (await Promise.all(files)).flat().toSorted((a, b) => a.timeMs - b.timeMs)
}

async function read<T>(
  store: Store,
  path: string,
  decode: (path: string, bytes: Buffer | null) => Examined<T>,
): Promise<T> {
  const examined = decode(path, await settle<Buffer | null>((done) => store.read(path, done)))
  if (examined.kind === 'intact') return examined.value
  if (examined.kind === 'failed') throw examined.error
  throw fail('E_STORE_DAMAGED', { path, reason: examined.damage.reason })
}
