/**
 * A store that is put back from a backup under data folders that have gone on (`high-water.ts`):
 * - it is refused by name, each time, and nothing is written to it; the one that was there last is taken
 * - one that has gone on another way is refused too
 * - with the loss accepted every record is there once, also in files, whatever generations there were meanwhile
 * - what is lost with the journals does not stay in a file that grows
 * - a backup that lacks nothing of what was seen is no other store
 */
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import type { Pipelines } from '../../src/worker/pipelines/pipelines.ts'
import { sendLines, Workshop } from './workshop.ts'

const limits = { checkpointIntervalMs: 30, noteChainMs: 1 }

/** A worker that copies lines to files of its epochs, or to one that grows. */
class Yard {
  readonly workshop = new Workshop()
  readonly data = `${this.workshop.folder}/data`
  readonly store = `${this.data}/store`
  readonly backup = `${this.workshop.folder}/backup`
  private readonly append: boolean
  private sent = 0
  /** Lines from the first on, and before the second, that nobody has any more. */
  private lost: readonly [number, number] = [0, 0]

  constructor(append = false) {
    this.append = append
  }

  /** The first life of the worker. */
  async begin(): Promise<Pipelines> {
    const { workshop } = this
    const pipelines = await workshop.start(limits)
    const file = `${workshop.folder}/copy.ts`
    const text = `import { fileSink, lines, pipeline, tcpSource } from 'potoroo'
export default pipeline('copy', (p) => {
  p.source('in', tcpSource({ port: 0, framing: lines() }))
    .sink('out', fileSink({ path: '${workshop.folder}/out/rows', append: ${this.append}, framing: lines(), encode: String }))
})`
    writeFileSync(file, text)
    const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
    await pipelines.submit(pipeline, bundle)
    return pipelines
  }

  async again(acceptLoss = false): Promise<Pipelines> {
    const pipelines = await this.workshop.start(limits, acceptLoss)
    await pipelines.resume()
    return pipelines
  }

  /** Sends a hundred lines and waits until they stand in the file. */
  async send(pipelines: Pipelines): Promise<void> {
    const lines = Array.from({ length: 100 }, () => `${this.sent++}\n`)
    await sendLines(pipelines.find('copy'), lines.join(''))
    await this.shown()
  }

  /** Waits until every line that was sent stands there once, and no other. */
  async shown(): Promise<void> {
    const all = Array.from({ length: this.sent }, (_, i) => i).filter((i) => i < this.lost[0] || i >= this.lost[1])
    await expect.poll(() => this.rows()).toEqual(all)
  }

  /** The journal goes, and with it what the store that was put back lacks. */
  loseJournal(): void {
    rmSync(`${this.data}/journal`, { recursive: true })
    this.lost = [100, this.sent]
  }

  private rows(): readonly number[] {
    const folder = `${this.workshop.folder}/out`
    const names = readdirSync(folder).filter((name) => !name.endsWith('.pending'))
    const text = names.map((name) => readFileSync(`${folder}/${name}`, 'utf8')).join('')
    return text
      .split('\n', -1)
      .slice(0, -1)
      .map(Number)
      .sort((a, b) => a - b)
  }

  saveStore(): void {
    cpSync(this.store, this.backup, { recursive: true })
  }

  putBack(): void {
    renameSync(this.store, `${this.workshop.folder}/last`)
    cpSync(this.backup, this.store, { recursive: true })
  }

  putLast(): void {
    rmSync(this.store, { recursive: true })
    renameSync(`${this.workshop.folder}/last`, this.store)
  }

  chain(): readonly string[] {
    return readdirSync(`${this.store}/chain`)
  }
}

/** A yard whose store is an old one: the worker has written more since, also in `lives` that it has had. */
async function wentBack(append = false, lives = 2): Promise<Yard> {
  const yard = new Yard(append)
  const first = await yard.begin()
  await yard.send(first)
  yard.saveStore()
  await yard.send(first)
  await yard.send(first)
  await yard.workshop.stop(first)
  for (let life = 0; life < lives; life++) {
    const next = await yard.again()
    await yard.send(next)
    await yard.workshop.stop(next)
  }
  yard.putBack()
  return yard
}

test('a store from before what the data folder has seen is refused, and the last one taken', async () => {
  const yard = await wentBack()
  const chain = yard.chain()
  for (let time = 0; time < 2; time++) {
    await expect(yard.workshop.start(limits)).rejects.toMatchObject({ code: 'E_STORE_BACK' })
  }
  expect(yard.chain()).toEqual(chain)
  yard.putLast()
  await yard.send(await yard.again())
})

test.each([
  ['files of epochs', false, 2],
  ['one that grows', true, 2],
  ['files of epochs of one life', false, 0],
  ['one that has grown in one life', true, 0],
])(
  'with the loss accepted every record is there once in %s, and from then on the store is the right one',
  async (_, append, lives) => {
    const yard = await wentBack(append, lives)
    const next = await yard.again(true)
    expect(next.worker.cluster.generation).toBe(lives + 3)
    await yard.shown()
    await yard.send(next)
    await yard.workshop.stop(next)
    await yard.send(await yard.again())
  },
)

test.each([2, 0])('what is lost stands in no file that grows, %i lives later', async (lives) => {
  const yard = await wentBack(true, lives)
  yard.loseJournal()
  const next = await yard.again(true)
  await yard.send(next)
  await yard.send(next)
})

test('a store that has gone on another way is refused, however long it is by now', async () => {
  const yard = await wentBack()
  const away = `${yard.workshop.folder}/away`
  const { seen } = JSON.parse(readFileSync(`${yard.data}/member`, 'utf8').split('\n')[1]!) as { seen: { n: number } }
  renameSync(`${yard.data}/member`, away)
  const other = await yard.again()
  await expect.poll(() => other.worker.cluster.next).toBeGreaterThan(seen.n + 1)
  await yard.workshop.stop(other)
  renameSync(away, `${yard.data}/member`)
  await expect(yard.workshop.start(limits)).rejects.toMatchObject({ code: 'E_STORE_BACK' })
})

test('a copy of all that was seen is as good as the store', async () => {
  const yard = new Yard()
  const first = await yard.begin()
  await yard.send(first)
  await yard.workshop.stop(first)
  yard.saveStore()
  yard.putBack()
  await yard.send(await yard.again())
})
