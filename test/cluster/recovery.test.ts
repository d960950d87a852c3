import { describe, expect, test } from 'vitest'
import {
  type RecoveryEffect,
  type RecoveryEvent,
  type RecoveryState,
  startRecovery,
  stepRecovery,
} from '../../src/cluster/recovery.ts'

const members = ['a', 'b'].map((worker) => ({ worker, incarnation: `${worker}1`, address: '' }))
const ready = (worker: string, generation = 5, incarnation = `${worker}1`): RecoveryEvent => ({
  ...{ kind: 'ready', worker, incarnation, generation },
})

class Recovery {
  state: RecoveryState
  readonly told: RecoveryEffect[]

  constructor() {
    const started = startRecovery({ generation: 5, members })
    this.state = started.next
    this.told = [...started.effects]
  }

  see(...events: RecoveryEvent[]): readonly RecoveryEffect[] {
    const before = this.told.length
    for (const event of events) {
      const { next, effects } = stepRecovery(this.state, event)
      this.state = next
      this.told.push(...effects)
    }
    return this.told.slice(before)
  }
}

describe('a recovery', () => {
  test('tells everyone of the record, and to begin once every member is ready', () => {
    const recovery = new Recovery()
    expect(recovery.told).toEqual([{ kind: 'tellGeneration', generation: 5 }])
    expect(recovery.see(ready('a'), ready('a'))).toEqual([])
    expect(recovery.see(ready('b'))).toEqual([{ kind: 'tellActivate', generation: 5, workers: ['a', 'b'] }])
    expect(recovery.see(ready('a'))).toEqual([{ kind: 'tellActivate', generation: 5, workers: ['a'] }])
  })

  test('counts no other generation, incarnation or worker', () => {
    const recovery = new Recovery()
    recovery.see(ready('a'), ready('b', 4), ready('b', 5, 'b0'), ready('c'))
    expect(recovery.state.phase).toBe('restoring')
  })

  test('asks for an older base where a member finds damage, and is over', () => {
    const recovery = new Recovery()
    const damaged = {
      kind: 'damaged',
      worker: 'b',
      incarnation: 'b1',
      generation: 5,
      pipeline: 'p',
      instead: 41,
    } as const
    expect(recovery.see({ ...damaged, generation: 4 })).toEqual([])
    expect(recovery.see(damaged)).toEqual([{ kind: 'startOver', pipeline: 'p', epoch: 41 }])
    expect(recovery.see(ready('a'), ready('b'))).toEqual([])
  })

  test('is over when a newer record stands', () => {
    const recovery = new Recovery()
    expect(recovery.see({ kind: 'superseded' }, ready('a'), ready('b'))).toEqual([])
    expect(recovery.state.phase).toBe('over')
  })
})
