import { describe, expect, test } from 'vitest'
import { type MoverEffect, type MoverEvent, type MoverState, startMover, stepMover } from '../../src/cluster/mover.ts'
import { handedOver } from './handed-over.ts'

class Mover {
  state: MoverState = startMover('b')
  effects: MoverEffect[] = []

  see(...events: MoverEvent[]): MoverEffect[] {
    this.effects = []
    for (const event of events) {
      const { next, effects } = stepMover(this.state, event)
      this.state = next
      this.effects.push(...effects)
    }
    return this.effects
  }
}

const moves = [
  { from: 'b', to: 'd', keyGroups: [1, 2] },
  { from: 'a', to: 'b', keyGroups: [3] },
  { from: 'c', to: 'b', keyGroups: [4] },
]
const announce = (attempt: number) => ({ kind: 'announce', attempt, moves }) as const
const arrived = (attempt: number, from: string, round: 'base' | 'last' = 'last') =>
  ({ kind: 'partsArrived', attempt, round, from }) as const

describe('the mover', () => {
  test('sends what it gives away, round by round', () => {
    const mover = new Mover()
    const epochs = [['p', 7]] as const
    expect(mover.see(announce(1), { kind: 'sendRound', attempt: 1, round: 'last', epochs })).toEqual([
      { kind: 'sendParts', attempt: 1, round: 'last', to: 'd', keyGroups: [1, 2], epochs },
    ])
    expect(mover.see({ kind: 'sendRound', attempt: 2, round: 'base', epochs })).toEqual([])
  })

  test('has a round once all of its givers have sent it, also where they were quicker than the coordinator', () => {
    const mover = new Mover()
    expect(mover.see(arrived(1, 'a'), announce(1), arrived(1, 'a', 'base'))).toEqual([])
    expect(handedOver(mover.state)).toEqual([3])
    expect(mover.see(arrived(1, 'c'))).toEqual([{ kind: 'tellArrived', attempt: 1, round: 'last' }])
    expect(handedOver(mover.state)).toEqual([3, 4])
  })

  test('has what was sent in later attempts, also where the coordinator is heard of several attempts at once', () => {
    const mover = new Mover()
    mover.see(arrived(1, 'a'), arrived(1, 'c'), arrived(2, 'a'), arrived(2, 'c'))
    mover.see(announce(1), { kind: 'release', attempt: 1 })
    expect(mover.see(announce(2))).toEqual([{ kind: 'tellArrived', attempt: 2, round: 'last' }])
  })

  test('counts nothing of an attempt before', () => {
    const mover = new Mover()
    mover.see(announce(1), arrived(1, 'a'), arrived(1, 'c'))
    expect(mover.see({ kind: 'release', attempt: 1 })).toEqual([{ kind: 'dropArrived' }])
    expect(handedOver(mover.state)).toEqual([])
    mover.see(announce(2), arrived(1, 'a'), arrived(2, 'c'))
    expect(handedOver(mover.state)).toEqual([4])
    expect(mover.see({ kind: 'release', attempt: 1 })).toEqual([])
    expect(mover.see(announce(3))).toEqual([{ kind: 'dropArrived' }])
    expect(handedOver(mover.state)).toEqual([])
  })
})
