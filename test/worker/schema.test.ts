/** A program whose state has another shape than the one in the checkpoint, or stems from a store of another kind. */
import { cpSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { hashKey } from '../../src/base/hash.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { loadPipeline } from '../../src/worker/loading/load.ts'
import type { Pipelines, Resident, SubmitOptions } from '../../src/worker/pipelines/pipelines.ts'
import { sendLines, Workshop } from './workshop.ts'

const limits = { checkpointIntervalMs: 50_000, horizonEpochs: 3 }
/** As many lines as `sendLines` sends. */
const keys = Array.from({ length: 100 }, (_, n) => `key ${n}`)

/** Version `version` counts under the name `n<version>`; `from` are those that it knows how to go on with. */
async function run(
  { folder }: Workshop,
  worker: Pipelines,
  version: number,
  migrates: boolean,
  options: SubmitOptions = {},
  name = `n${version}`,
): Promise<Resident> {
  const migrate = `migrate: (old, from) => ({ ${name}: old['n' + from] })`
  const text = `import { nullSink, pipeline, tcpSource } from 'potoroo'
export default pipeline('sums', (p) => {
  p.source('in', tcpSource({ port: 0 }))
    .keyBy('by', (line) => line)
    .mapWithState('count', {
      init: () => ({ ${name}: 0 }) as any,
      step: (state) => { state.${name}++ },
      schema: { version: ${version}, ${migrates ? migrate : ''} },
    })
    .sink('out', nullSink())
})`
  const file = `${folder}/sums.ts`
  writeFileSync(file, text)
  const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
  const resident = await worker.submit(pipeline, bundle, {}, options)
  await expect.poll(() => resident.phase).toBe('running')
  return resident
}

function states({ execution }: Resident): object[] {
  const store = execution.stores.get('count')!
  return keys.map((key) => store.peek(hashKey(key), key)!)
}

test('no program is taken on that could not take on the oldest state that is left', async () => {
  const desk = new Workshop()
  const worker = await desk.start(limits)
  const first = await run(desk, worker, 1, false)
  await sendLines(first, `${keys.join('\n')}\n`)
  await worker.checkpoint('sums')
  const second = await run(desk, worker, 2, true)
  await worker.checkpoint('sums')
  const refused = run(desk, worker, 2, false)
  await expect(refused).rejects.toMatchObject({ code: 'E_SCHEMA', details: { before: 1, now: 2 } })
  expect(second.phase).toBe('running')
  for (let epoch = 0; epoch < limits.horizonEpochs; epoch++) await worker.checkpoint('sums')
  const third = await run(desk, worker, 2, false)
  expect(states(third)).toEqual(keys.map(() => ({ n2: 1 })))
  expect(desk.failed).toEqual([])
})

test('a program whose init makes a field that the states there lack says so once, and nothing where it is the same', async () => {
  const desk = new Workshop()
  const worker = await desk.start(limits)
  const first = await run(desk, worker, 1, false)
  await sendLines(first, `${keys.join('\n')}\n`)
  await worker.checkpoint('sums')
  const renamed = await run(desk, worker, 1, false, {}, 'total')
  // All key groups are opened, of which one would do.
  states(renamed)
  expect(desk.warned).toEqual(['E_STATE_FIELDS'])
  await worker.checkpoint('sums')
  await desk.stop(worker)
  const again = await desk.start(limits)
  await again.resume()
  await expect.poll(() => again.find('sums').phase).toBe('running')
  states(again.find('sums')!)
  expect(desk.warned).toEqual(['E_STATE_FIELDS'])
})

test('nothing is said of states that migrate has given what they lacked', async () => {
  const desk = new Workshop()
  const worker = await desk.start(limits)
  const first = await run(desk, worker, 1, false)
  await sendLines(first, `${keys.join('\n')}\n`)
  await worker.checkpoint('sums')
  states(await run(desk, worker, 2, true))
  expect(desk.warned).toEqual([])
})

test('a program of before does not take the place of one whose states it cannot know', async () => {
  const desk = new Workshop()
  const worker = await desk.start(limits)
  const newer = await run(desk, worker, 3, true)
  await worker.checkpoint('sums')
  for (const migrates of [true, false]) {
    const older = run(desk, worker, 2, migrates)
    await expect(older).rejects.toMatchObject({ code: 'E_STATE_NEWER', details: { from: 3, version: 2 } })
  }
  expect(newer.phase).toBe('running')
})

test('a savepoint of a store with another number of key groups is refused: no key would be found again', async () => {
  const [desk, other] = [new Workshop(), new Workshop()]
  const worker = await desk.start(limits)
  await run(desk, worker, 1, false)
  await worker.savepoint('sums', 's')
  const finer = await other.start({ ...limits, keyGroups: 64 })
  cpSync(`${desk.folder}/data/store/pipelines`, `${other.folder}/data/store/pipelines`, { recursive: true })
  const begun = run(other, finer, 1, false, { savepoint: 's' })
  await expect(begun).rejects.toMatchObject({ code: 'E_STATE_KEY_GROUPS', details: { theirs: 16, ours: 64 } })
})
