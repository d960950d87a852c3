/**
 * Reads packs (PROTOCOLS 5). What does not fit its checksum is answered as damage, by file and chunk, never as data.
 *
 * P6. A pack is the one of its handle: its length, the CRC of its index and its own name must agree.
 * P7. What cannot be read for other reasons than damage counts as damaged too, in the end (`patience.ts`).
 */
import { assert } from '../base/assert.ts'
import { ByteReader } from '../base/bytes.ts'
import { crc32 } from '../base/crc.ts'
import type { Limits } from '../base/limits.ts'
import { type Damage, damagedWhole, type Examined } from './damage.ts'
import {
  decodeEnd,
  decodeIndex,
  END_BYTES,
  HEADER,
  type PackChunk,
  type PackHandle,
  packNameOf,
} from './pack-format.ts'
import { type ReadSeams, tryAgain } from './patience.ts'
import type { Store } from './store.ts'

export type ChunkSeams = ReadSeams

/** The first read of a pack's end, which holds the whole index of most packs. */
const TAIL_BYTES = 64 << 10

/** The chunks of the pack that `handle` names (P6). */
export function openPack(
  store: Store,
  handle: PackHandle,
  done: (outcome: Examined<readonly PackChunk[]>) => void,
): void {
  readIndex(store, handle, (outcome) => done(outcome.kind === 'intact' ? chunksOf(handle, outcome.value) : outcome))
}

/** The index of the pack that `handle` names, as its checksum says (P6). Its beginning and its end are read at once. */
export function readIndex(store: Store, handle: PackHandle, done: (outcome: Examined<Buffer>) => void): void {
  let begins: Examined<null> | null = null
  let ends: Examined<Buffer> | null = null
  const settle = (): void => {
    if (begins === null || ends === null) return
    done(ends.kind === 'intact' && begins.kind !== 'intact' ? begins : ends)
  }
  readHeader(store, handle.path, (outcome) => {
    begins = outcome
    settle()
  })
  readEnd(store, handle, (outcome) => {
    ends = outcome
    settle()
  })
}

function readHeader(store: Store, path: string, done: (outcome: Examined<null>) => void): void {
  store.readRange(path, 0, HEADER.length, (error, bytes) => {
    if (error) done({ kind: 'failed', error })
    else if (bytes?.equals(HEADER)) done({ kind: 'intact', value: null })
    else done(damagedWhole(path, 'it does not begin as a pack does'))
  })
}

function readEnd(store: Store, handle: PackHandle, done: (outcome: Examined<Buffer>) => void): void {
  const { path } = handle
  const damaged = (reason: string) => done(damagedWhole(path, reason))
  const readTail = (length: number): void => {
    const position = Math.max(0, handle.bytes - length)
    // One byte more than there should be, so that a longer file is seen.
    store.readRange(path, position, handle.bytes - position + 1, (error, tail) => {
      if (error) return done({ kind: 'failed', error })
      if (tail === null) return damaged('it is absent')
      if (position + tail.length !== handle.bytes) return damaged('its length is not the one it was written with')
      const end = decodeEnd(tail.subarray(-END_BYTES))
      if (end === null || end.crc !== handle.crc) return damaged('its end is not the one it was written with')
      if (position > 0 && tail.length < end.indexBytes + END_BYTES) return readTail(end.indexBytes + END_BYTES)
      const start = tail.length - END_BYTES - end.indexBytes
      if (start < 0) return damaged('its index is longer than itself')
      const index = tail.subarray(start, tail.length - END_BYTES)
      if (crc32(index) === handle.crc) done({ kind: 'intact', value: index })
      else damaged('the checksum of its index does not match')
    })
  }
  readTail(TAIL_BYTES)
}

/** The chunks of the pack that `handle` names, by its `index`. */
export function chunksOf({ path, bytes }: PackHandle, index: Buffer): Examined<readonly PackChunk[]> {
  const chunks = decodeIndex(new ByteReader(index), packNameOf(path), bytes - END_BYTES - index.length)
  return typeof chunks === 'string' ? damagedWhole(path, chunks) : { kind: 'intact', value: chunks }
}

/**
 * Reads `chunks`, at least one, of the pack at `path`, those that lie close together at once, and gives each intact one
 * to `each`, in the order of the pack; a chunk's bytes are a view of at most `packWriteBytes`, or of itself where it is
 * longer. Answers what is damaged (P7).
 */
export function readChunks(
  seams: ChunkSeams,
  path: string,
  chunks: readonly PackChunk[],
  each: (chunk: PackChunk, bytes: Buffer) => void,
  done: (damages: readonly Damage[]) => void,
): void {
  const { store, limits } = seams
  const damages: Damage[] = []
  const runs = neighbours(chunks, limits)
  const readRun = (run: readonly PackChunk[], rest: readonly PackChunk[][], left: number): void => {
    const start = run[0]!.position
    const last = run.at(-1)!
    store.readRange(path, start, last.position + last.length - start, (error, bytes) => {
      const take = (): void => {
        const missing = error?.message ?? (bytes === null ? 'it is absent' : 'its checksum does not match')
        for (const chunk of run) {
          const from = chunk.position - start
          const found = bytes?.subarray(from, from + chunk.length)
          if (found?.length === chunk.length && crc32(found) === chunk.crc) each(chunk, found)
          else damages.push(damageOf(path, chunk, missing))
        }
        const [next, ...after] = rest
        // Where patience has not helped it is not tried at each run anew.
        if (next === undefined) done(damages)
        else readRun(next, after, error === null ? limits.storeReads : 0)
      }
      if (error === null) take()
      else tryAgain(seams, left, (still) => readRun(run, rest, still), take)
    })
  }
  const [first, ...rest] = runs
  assert(first !== undefined, 'something is to be read')
  readRun(first, rest, limits.storeReads)
}

function damageOf(path: string, { step, keyGroup }: PackChunk, reason: string): Damage {
  return { path, part: { step, keyGroup }, reason }
}

/** `chunks` in the order of their pack, cut into runs with small gaps, of at most `packWriteBytes` or one chunk. */
function neighbours(chunks: readonly PackChunk[], { packGapBytes, packWriteBytes }: Limits): PackChunk[][] {
  const runs: PackChunk[][] = []
  let start = 0
  let end = Number.NEGATIVE_INFINITY
  for (const chunk of chunks.toSorted((a, b) => a.position - b.position)) {
    const after = chunk.position + chunk.length
    if (chunk.position - end > packGapBytes || after - start > packWriteBytes) {
      runs.push([])
      start = chunk.position
    }
    runs.at(-1)!.push(chunk)
    end = after
  }
  return runs
}
