/**
 * How far a data folder has seen the chain (`src/worker/high-water.ts`):
 * - nothing is noted of a store before it has been checked
 * - the greatest generation stays, also where the store that is gone on with knows lesser ones; another one may have
 *   begun unseen
 * - a loss that is accepted is asked about again until there is a record behind it
 * - a generation is noted at once, also one that began while the worker was away, or while another note was on its way
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ChainReader } from '../../src/checkpoint/chain-reader.ts'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import type { ChainRecord } from '../../src/checkpoint/record.ts'
import { realEnv } from '../../src/env/real/env.ts'
import type { Seen } from '../../src/worker/belonging.ts'
import { HighWater } from '../../src/worker/high-water.ts'

const seen: Seen = { n: 9, nonce: 'nine', generation: 7 }

class Folder {
  readonly data = mkdtempSync(join(tmpdir(), 'potoroo-water-'))
  readonly water: HighWater

  constructor(acceptLoss: boolean, noteChainMs = 0) {
    onTestFinished(() => rmSync(this.data, { recursive: true }))
    const env = realEnv({ log: { level: 'silent' } })
    const options = { env, data: this.data, root: `${this.data}/store`, noteChainMs, acceptLoss }
    this.water = new HighWater(options, { store: 's', seen })
  }

  /** A record is read in a chain that has only just come to it. */
  read(n: number, generation: number): void {
    this.water.read(recordOf(n), this.cluster(n, generation))
  }

  /**
   * Answers the code of the refusal, or `null`; `stood` is the nonce of the record that was read, as far as the chain
   * knows.
   */
  check(end: number, generation: number, stood: string | null = null): string | null | undefined {
    let code: string | null | undefined
    const chain: Pick<ChainReader, 'cluster' | 'nonces' | 'exclusively' | 'nonceOf'> = {
      cluster: this.cluster(end, generation),
      nonces: [recordOf(end).nonce],
      exclusively: (use) => use(() => {}),
      nonceOf: (_, done) => done(null, stood),
    }
    this.water.check(chain as ChainReader, (error) => {
      code = error?.code ?? null
    })
    return code
  }

  /** What is noted once nothing is under way, and nothing more is noted. */
  async noted(): Promise<Seen | null> {
    await new Promise<void>((resolve) => this.water.close(resolve))
    return this.note()
  }

  note(): Seen | null {
    try {
      return (JSON.parse(readFileSync(`${this.data}/member`, 'utf8').split('\n')[1]!) as { seen: Seen }).seen
    } catch {
      return null
    }
  }

  private cluster(n: number, generation: number): Cluster {
    return { ...emptyCluster, next: n + 1, generation }
  }
}

function recordOf(n: number): ChainRecord {
  return { n, nonce: `n${n}` } as ChainRecord
}

test('a store that is refused leaves no note', async () => {
  const folder = new Folder(false)
  folder.read(5, 4)
  expect(folder.check(5, 4)).toBe('E_STORE_BACK')
  expect(await folder.noted()).toBeNull()
})

test('the greatest generation is kept over one that others have numbered lower', async () => {
  const folder = new Folder(true)
  expect(folder.check(5, 4)).toBeNull()
  folder.read(6, 5)
  expect(await folder.noted()).toEqual({ n: 6, nonce: 'n6', generation: 8 })
})

test('no further number is left out of a store that others have gone on with', () => {
  const folder = new Folder(true)
  expect(folder.check(50, 16, 'other')).toBeNull()
  expect(folder.water.generation).toBe(16)
})

test('a loss that was accepted is not noted before a record stands behind it', async () => {
  const folder = new Folder(true)
  expect(folder.check(5, 4)).toBeNull()
  expect(await folder.noted()).toBeNull()
})

test('a generation is noted at once, and what else is read after a while', async () => {
  const folder = new Folder(false, 60_000)
  expect(folder.check(9, 7)).toBeNull()
  folder.read(10, 7)
  folder.read(11, 8)
  expect(await folder.noted()).toEqual({ n: 11, nonce: 'n11', generation: 8 })
})

test('a generation that began while the worker was away is noted as soon as the store has been checked', async () => {
  const folder = new Folder(false, 60_000)
  expect(folder.check(12, 8)).toBeNull()
  expect(await folder.noted()).toEqual({ n: 12, nonce: 'n12', generation: 8 })
})

test('a generation is noted that is read while another note is on its way', async () => {
  const folder = new Folder(false, 60_000)
  expect(folder.check(12, 8)).toBeNull()
  folder.read(13, 9)
  await expect.poll(() => folder.note()).toEqual({ n: 13, nonce: 'n13', generation: 9 })
})

test('where only epochs are gone a number is left out all the same', () => {
  const folder = new Folder(true)
  expect(folder.check(5, 7)).toBeNull()
  expect(folder.water.generation).toBe(8)
})

test('another record in the place of the one that was read is refused, one of which nobody knows is not', () => {
  expect(new Folder(false).check(5000, 9, 'other')).toBe('E_STORE_BACK')
  expect(new Folder(false).check(5000, 9, 'nine')).toBeNull()
  expect(new Folder(false).check(5000, 9, null)).toBeNull()
})
