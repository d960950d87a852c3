/**
 * Files that a pipeline writes, over several runs of it in one worker, on the real disk:
 * - a run that begins anew begins its files anew: what the one before wrote is gone, and nothing of the two is mixed
 * - a run that begins with a savepoint goes on behind the output of its epoch
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import type { Pipelines, Resident, SubmitOptions } from '../../src/worker/pipelines/pipelines.ts'
import { sendLines, Workshop } from './workshop.ts'

const limits = { checkpointIntervalMs: 50_000 }

class Desk extends Workshop {
  async run(worker: Pipelines, append: boolean, options: SubmitOptions = {}): Promise<Resident> {
    const file = `${this.folder}/lines.ts`
    const text = `import { fileSink, lines, pipeline, tcpSource } from 'potoroo'
export default pipeline('lines', (p) => {
  p.source('in', tcpSource({ port: 0 }))
    .keyBy('by', () => 0)
    .mapWithState('count', { init: () => ({ n: 0 }), step: (state, line) => \`\${line} \${++state.n}\` })
    .sink('out', fileSink({ path: '${this.folder}/out/lines', append: ${append}, framing: lines(), encode: (text) => text }))
})`
    writeFileSync(file, text)
    const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
    const resident = await worker.submit(pipeline, bundle, {}, options)
    await expect.poll(() => resident.phase).toBe('running')
    return resident
  }

  /** What a reader sees: committed files in the order of their names. */
  get shown(): string[] {
    const names = readdirSync(`${this.folder}/out`).filter((name) => !name.endsWith('.pending'))
    const text = names.toSorted().map((name) => readFileSync(`${this.folder}/out/${name}`, 'utf8'))
    return text.join('').split('\n').slice(0, -1)
  }
}

function numbered(label: string, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${label} ${from + i}`)
}

/** Sends 100 lines and makes a checkpoint. */
async function epoch(worker: Pipelines, resident: Resident, label: string): Promise<void> {
  await sendLines(resident, `${label}\n`.repeat(100))
  await worker.checkpoint('lines')
}

test.each([false, true])('a run that begins anew begins its files anew (append: %s)', async (append) => {
  const desk = new Desk()
  const worker = await desk.start(limits)
  const first = await desk.run(worker, append)
  for (let i = 0; i < 3; i++) await epoch(worker, first, 'a')
  await expect.poll(() => desk.shown).toEqual(numbered('a', 1, 300))

  const second = await desk.run(worker, append, { fresh: true })
  for (let i = 0; i < 2; i++) await epoch(worker, second, 'b')
  const kept = append ? numbered('a', 1, 300) : []
  await expect.poll(() => desk.shown).toEqual([...kept, ...numbered('b', 1, 200)])
  expect(desk.failed).toEqual([])
})

test.each([false, true])(
  'a run that begins with a savepoint goes on behind its output (append: %s)',
  async (append) => {
    const desk = new Desk()
    const worker = await desk.start(limits)
    const first = await desk.run(worker, append)
    await epoch(worker, first, 'a')
    await worker.savepoint('lines', 's')
    for (let i = 0; i < 2; i++) await epoch(worker, first, 'late')

    const second = await desk.run(worker, append, { fresh: true, savepoint: 's' })
    await epoch(worker, second, 'b')
    await expect.poll(() => desk.shown).toEqual([...numbered('a', 1, 100), ...numbered('b', 101, 200)])
    expect(desk.failed).toEqual([])
  },
)
