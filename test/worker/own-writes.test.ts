/** What a worker says to readers of what was acknowledged (`src/worker/pipelines/own-writes.ts`). */
import { expect, test } from 'vitest'
import { writeToken } from '../../src/protocol/read-token.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import type { Execution } from '../../src/worker/execution/execution.ts'
import { type Behind, barrierBehind, letGo } from '../../src/worker/pipelines/own-writes.ts'

test('who waits for a step to let go asks for an epoch no more often than he looks, where each request is refused at once', async () => {
  const world = new World(1, calm)
  const { clock } = world.machine('m').start('w').env
  let asked = 0
  const execution = {
    term: '1.1',
    isOpen: true,
    progress: { letGo: () => null, isLettingGo: () => true },
    whenNextEpoch: (done: (failure: string) => void) => {
      if (++asked === 1000) execution.isOpen = false
      clock.soon(() => done('the pipeline holds'))
      return () => {}
    },
  }
  let answer: Behind | null | undefined
  void letGo(clock, execution as unknown as Execution, 'hold', 1, 500).then((behind) => {
    answer = behind
  })
  while (answer === undefined) {
    world.run(world.now + 1)
    await Promise.resolve()
  }
  expect(answer).toBeNull()
  expect(asked).toBeLessThan(100)
})

test('who waits for a barrier asks for an epoch again where the request was refused: the pipeline held for a change of owners', async () => {
  const world = new World(1, calm)
  const { clock } = world.machine('m').start('w').env
  let asked = 0
  let barrier: number | null = null
  const execution = {
    term: '1.1',
    isOpen: true,
    plan: { pipeline: 'p', tasks: [{ kind: 'source', step: 'in' }] },
    progress: { barrierBehind: () => barrier, takenOf: () => 7, watch: () => () => {} },
    whenNextEpoch: (done: (failure: string | null) => void) => {
      if (++asked < 4) clock.soon(() => done('the pipeline holds'))
      else barrier = 3
      return () => {}
    },
  }
  const token = writeToken({ source: 'in', producer: 'a', incarnation: 'b', sequence: 7 })
  let answer: Behind | null | undefined
  void barrierBehind(clock, execution as unknown as Execution, token, 5000).then((behind) => {
    answer = behind
  })
  while (answer === undefined) {
    world.run(world.now + 1)
    await Promise.resolve()
  }
  expect(answer).toEqual({ term: '1.1', epoch: 3 })
})
