/** What a system has left: the states of its stores, and what its sinks have given. */

import type { Key } from '../../src/base/hash.ts'
import { isPending } from '../../src/connectors/file/segment.ts'
import type { Volume } from '../../src/sim/volume.ts'
import type { KeyedStore } from '../../src/state/keyed-store.ts'
import { type CommittedSeams, listCommitted } from '../../src/worker/pipelines/committed.ts'
import { PageRoom } from '../../src/worker/pipelines/query.ts'
import type { Drain } from './cases.ts'
import type { FinalState, Output } from './checkers/evidence.ts'
import type { Posted } from './hook.ts'
import type { Outside } from './outside.ts'
import type { Kept } from './witness.ts'

/** The states that `stores` hold, by step: those of all workers of a system together. */
export function statesOf(workers: readonly ReadonlyMap<string, KeyedStore>[]): Map<string, Map<Key, FinalState>> {
  const states = new Map<string, Map<Key, FinalState>>()
  for (const stores of workers) for (const [step, store] of stores) collect(store, emptied(states, step))
  return states
}

/** Those of the last epoch of a pipeline that was drained for good, which no worker holds any more. */
export async function statesOfEpoch(seams: CommittedSeams): Promise<Map<string, Map<Key, FinalState>>> {
  const states = new Map<string, Map<Key, FinalState>>()
  for (const { kind, step } of seams.plan.tasks) {
    if (kind !== 'keyed') continue
    const { keys } = (await listCommitted(seams, step, () => new PageRoom(Number.POSITIVE_INFINITY), null)).found
    states.set(step, new Map(keys.map(({ key, state }) => [key, finalOf(state)])))
  }
  return states
}

function finalOf(kept: object): FinalState {
  const { at, state } = kept as Kept
  return { at, state }
}

function emptied(states: Map<string, Map<Key, FinalState>>, step: string): Map<Key, FinalState> {
  const known = states.get(step) ?? new Map<Key, FinalState>()
  states.set(step, known)
  return known
}

function collect(store: KeyedStore, found: Map<Key, FinalState>): void {
  while (store.loadNext()) {}
  for (const table of store.tables) {
    for (let entry = 0; entry < (table?.top ?? 0); entry++) {
      const key = table!.key(entry)
      if (key === undefined) continue
      found.set(key, finalOf(table!.state(entry)))
    }
  }
}

/** What has come out of `drains`, on `volume` and at those outside. */
export function outputsOf(
  drains: readonly Drain[],
  volume: Volume,
  { consumers, receivers, hooks }: Outside,
): Output[] {
  return drains.flatMap(({ step, kind, path, caused }): Output[] => {
    if (kind === 'append' || kind === 'segments')
      return [{ step, promise: 'exactly', lines: linesIn(volume, path, kind === 'append') }]
    if (kind === 'server') return []
    if (kind === 'acked' || kind === 'acked-websocket') {
      const { handed } = receivers.find((one) => one.step === step)!.receiver
      const lines = handed.map(({ text }) => text)
      return [{ step, promise: caused ? 'once' : 'at-least', lines, ids: handed.map(({ id }) => id) }]
    }
    if (kind === 'webhook') {
      const { handed } = hooks.find((one) => one.step === step)!.receiver
      return [{ step, promise: 'at-least', lines: handed.map(({ text }) => text), ids: caused ? idsOf(handed) : [] }]
    }
    const { consumer } = consumers.find((one) => one.step === step)!
    const lines = consumer.deliveries.flatMap(({ chunks }) => linesOf(Buffer.concat(chunks)))
    return [{ step, promise: 'some', lines }]
  })
}

function idsOf(posted: readonly Posted[]): string[] {
  return posted.map(({ id }) => id ?? 'none')
}

/** What a file sink has made visible: in one file that grows, or in segments, in the order of their names. */
export function linesIn(volume: Volume, path: string, grows: boolean): string[] {
  const files = grows ? [path] : segmentsOf(volume, path)
  return files.flatMap((file) => linesOf(contentOf(volume, file)))
}

/**
 * The lines that somebody reads in the files of `drains` now, each behind the name of its step: what a sink makes
 * visible it must never take back. What the weather has spoiled is no line: after a sync that failed there may be zeros
 * in a growing file, until its sink has written that part once more.
 */
export function readableIn(drains: readonly Drain[], volume: Volume): string[] {
  return drains.flatMap(({ step, kind, path }) => {
    const files = kind === 'append' ? [path] : kind === 'segments' ? segmentsOf(volume, path) : []
    return files.flatMap((file) => soundLinesOf(volume, file)).map((line) => `${step} ${line}`)
  })
}

function soundLinesOf(volume: Volume, path: string): string[] {
  const inode = volume.open(path, 'read')
  if (!('sync' in inode)) return []
  let end = 0
  return linesOf(inode.read(0, inode.size)).filter((line) => {
    const begin = end
    end += Buffer.byteLength(line) + 1
    return !inode.isWounded(begin, end)
  })
}

function segmentsOf(volume: Volume, path: string): string[] {
  const folder = path.slice(0, path.lastIndexOf('/'))
  const listed = volume.list(folder)
  const begin = `${path.slice(folder.length + 1)}.`
  const own = (Array.isArray(listed) ? listed : []).filter((name) => name.startsWith(begin))
  return own.filter((name) => !name.endsWith('.pending')).map((name) => `${folder}/${name}`)
}

/** What file sinks have on `volume` that is not visible yet. */
export function pendingIn(volume: Volume): string[] {
  const listed = volume.list('/out')
  return (Array.isArray(listed) ? listed : []).filter(isPending)
}

function contentOf(volume: Volume, path: string): Buffer {
  const inode = volume.open(path, 'read')
  return 'sync' in inode ? inode.read(0, inode.size) : Buffer.alloc(0)
}

/** The whole lines of `bytes`; what a connection broke off at its end is none. */
function linesOf(bytes: Buffer): string[] {
  const text = bytes.toString()
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)
}
