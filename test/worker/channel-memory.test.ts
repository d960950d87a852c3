/** What channels may hold is known at submission, and what does not fit is refused with both numbers and what to do. */
import { expect, test } from 'vitest'
import { lines, nullSink, pipeline, tcpSource } from '../../src/index.ts'
import { plan } from '../../src/model/planner.ts'
import { channelsInto, requireChannelMemory, roomForWorkers } from '../../src/worker/pipelines/channel-memory.ts'

const sizes = { channelBytes: 1000, channelCreditBytes: 100 }

/** A pipeline with so many exchanges one behind another. */
function planOf(name: string, exchanges: number) {
  const built = pipeline(name, (p) => {
    let stream = p.source('in', tcpSource({ port: 0, framing: lines() })).map('first', (text) => text)
    for (let i = 0; i < exchanges; i++) {
      stream = stream
        .keyBy(`by-${i}`, (text) => text)
        .mapWithState(`step-${i}`, { init: () => ({ n: 0 }), step: (state, text) => `${text} ${++state.n}` })
    }
    stream.sink('out', nullSink())
  })
  return plan(built.build())
}

test('one channel leads into a worker from each other one, for each exchange of each pipeline', () => {
  expect(channelsInto([planOf('a', 3)], 1)).toBe(0)
  expect(channelsInto([planOf('a', 3)], 4)).toBe(9)
  expect(channelsInto([planOf('a', 3), planOf('b', 2)], 3)).toBe(10)
})

test('what fits is let in, up to the last byte', () => {
  requireChannelMemory(planOf('a', 5), [], 3, sizes)
  requireChannelMemory(planOf('a', 3), [planOf('b', 2)], 3, sizes)
  requireChannelMemory(planOf('a', 99), [planOf('b', 99)], 1, sizes)
})

test('what does not is refused with both numbers, and with a window that would do', () => {
  const refused = () => requireChannelMemory(planOf('a', 4), [planOf('b', 2)], 3, sizes)
  const details = { pipeline: 'a', channels: 12, workers: 3, bytes: 1200, limit: 1000 }
  expect(refused).toThrow(
    expect.objectContaining({ code: 'E_CHANNEL_MEMORY', details: expect.objectContaining(details) }),
  )
  expect(refused).toThrow(/may hold 1200 bytes there, and limits.channelBytes allows 1000/)
  const remedy = (fn: () => void): string => {
    try {
      fn()
    } catch (error) {
      return (error as { remedy: string }).remedy
    }
    return ''
  }
  const window = Number(/lower limits.channelCreditBytes to (\d+) or less/.exec(remedy(refused))![1])
  requireChannelMemory(planOf('a', 4), [planOf('b', 2)], 3, { ...sizes, channelCreditBytes: window })
  const wider = { ...sizes, channelCreditBytes: window + 1 }
  expect(() => requireChannelMemory(planOf('a', 4), [planOf('b', 2)], 3, wider)).toThrow()
})

test('a worker too many is told what its channels would need, and who allows less', () => {
  expect(roomForWorkers([planOf('a', 0)], sizes, 'w1')).toBeNull()
  const plans = [planOf('a', 2), planOf('b', 1)]
  const room = roomForWorkers(plans, sizes, 'w1')!
  requireChannelMemory(plans[0]!, plans.slice(1), room.workers, sizes)
  expect(() => requireChannelMemory(plans[0]!, plans.slice(1), room.workers + 1, sizes)).toThrow()
  expect(room.reason).toContain(
    'with 5 workers 12 channels would lead into each, whose windows may hold 1200 bytes, and limits.channelBytes of w1 allows 1000',
  )
})
