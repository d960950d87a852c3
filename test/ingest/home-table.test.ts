import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decide } from '../../src/base/table.ts'
import { type HomeEffect, type HomeEvent, type HomeState, homeTable } from '../../src/ingest/home-table.ts'

const worker = fc.constantFrom('w1', 'w2', '')
const event: fc.Arbitrary<HomeEvent> = fc.oneof(
  fc.record({ kind: fc.constant('wanted' as const), present: fc.boolean(), insists: fc.boolean() }),
  fc.record({ kind: fc.constant('named' as const), home: worker, mine: fc.boolean() }),
  fc.record({ kind: fc.constant('moved' as const), home: worker, mine: fc.boolean() }),
  fc.record({ kind: fc.constant('read' as const) }),
  fc.record({ kind: fc.constant('asked' as const), from: worker, useful: fc.boolean() }),
  fc.record({ kind: fc.constant('completed' as const), to: worker }),
)

function step(state: HomeState, event: HomeEvent): { next: HomeState; effects: readonly HomeEffect[] } {
  return decide<HomeState, HomeEvent, HomeEffect>('home', homeTable, state, event)
}

test('a member becomes home by a grant or a hand-over, and ceases to be one by a complete epoch alone', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      let state: HomeState = { phase: 'away', home: '' }
      for (const event of events) {
        const { next, effects } = step(state, event)
        if (next.phase === 'reading' && state.phase !== 'reading') {
          expect(state.phase === 'asking' ? event.kind : state.phase).toBe(
            state.phase === 'asking' ? 'named' : 'wanting',
          )
          expect('mine' in event && event.mine).toBe(true)
        }
        if (next.phase === 'home' && state.phase !== 'home') expect(event.kind).toBe('read')
        if (effects.some(({ kind }) => kind === 'give')) {
          expect([state.phase, event.kind, next.phase]).toEqual(['leaving', 'completed', 'away'])
        }
        // Every question of another member is answered, at once or with the stream itself.
        if (event.kind === 'asked' && next.phase !== 'leaving')
          expect(effects.map(({ kind }) => kind)).toEqual(['tell'])
        state = next
      }
    }),
  )
})

test('a producer is sent to the home first, and the stream asked for when it comes back', () => {
  const away: HomeState = { phase: 'away', home: 'w2' }
  expect(step(away, { kind: 'wanted', present: true, insists: false })).toEqual({ next: away, effects: [] })
  expect(step(away, { kind: 'wanted', present: true, insists: true })).toEqual({
    next: { phase: 'wanting', home: 'w2' },
    effects: [{ kind: 'askHome', home: 'w2', present: true }],
  })
})
