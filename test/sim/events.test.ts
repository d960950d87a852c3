/** The heap of events against a sorted list (V1, V2). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue, SimEvent } from '../../src/sim/events.ts'

const command = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), time: fc.integer({ min: 0, max: 200 }) }),
  fc.record({ kind: fc.constant('push' as const), time: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ kind: fc.constant('pop' as const), time: fc.constant(0) }),
  fc.record({ kind: fc.constant('remove' as const), time: fc.nat(1000) }),
)

test('events leave in the order of time, then of asking; a removed one never does', () => {
  fc.assert(
    fc.property(fc.array(command, { minLength: 50, maxLength: 300 }), (commands) => {
      const queue = new EventQueue()
      let model: SimEvent[] = []
      let sequence = 0
      for (const { kind, time } of commands) {
        if (kind === 'push') {
          const event = new SimEvent(time, sequence++, null, () => {})
          queue.push(event)
          model.push(event)
        } else if (kind === 'pop') {
          model.sort((a, b) => a.time - b.time || a.sequence - b.sequence)
          expect(queue.pop()).toBe(model.shift())
        } else if (model.length > 0) {
          const victim = model[time % model.length]!
          queue.remove(victim)
          queue.remove(victim)
          model = model.filter((event) => event !== victim)
        }
        expect(queue.length).toBe(model.length)
      }
      model.sort((a, b) => a.time - b.time || a.sequence - b.sequence)
      for (const event of model) expect(queue.pop()).toBe(event)
      expect(queue.pop()).toBeUndefined()
    }),
    { numRuns: 300 },
  )
})
