import { describe, expect, test } from 'vitest'
import {
  type ChildEvent,
  type ChildState,
  CRASHES,
  MEMORY_MS,
  started,
  superviseChild,
} from '../../src/cli/supervise.ts'

/** A child that lives through events; answers what was done, in words. */
class Watched {
  state: ChildState = started
  readonly done: string[] = []

  see(...events: ChildEvent[]): this {
    for (const event of events) {
      const { next, effects } = superviseChild(this.state, event)
      this.state = next
      for (const effect of effects) this.done.push(effect.kind === 'wait' ? `wait ${effect.ms}` : effect.kind)
    }
    return this
  }

  /** Crashes at these times, and starts again in between where it may. */
  crash(...times: number[]): this {
    for (const nowMs of times) {
      this.see({ kind: 'exited', status: null, nowMs })
      if (this.state.phase === 'waiting') this.see({ kind: 'due' })
    }
    return this
  }
}

describe('a supervised process', () => {
  test('is started again when it ends, later each time', () => {
    const child = new Watched().crash(0, 1000, 2000)
    expect(child.done).toEqual(['wait 200', 'start', 'wait 400', 'start', 'wait 800', 'start'])
    expect(child.state).toMatchObject({ phase: 'running', restarts: 3 })
  })

  test('is left alone when it keeps ending, and crashes long ago do not count', () => {
    const often = Array.from({ length: CRASHES }, (_, i) => i)
    expect(new Watched().crash(...often.slice(1)).state.phase).toBe('running')
    expect(new Watched().crash(...often).state).toMatchObject({ phase: 'givenUp', wrong: false })
    const seldom = often.map((i) => i * (MEMORY_MS / 2))
    const child = new Watched().crash(...seldom, ...seldom.map((ms) => ms + CRASHES * MEMORY_MS))
    expect(child.state.phase).toBe('running')
    expect(child.done.at(-2)).toBe('wait 400')
  })

  test('is started again for as long as it says that the world has failed it', () => {
    const child = new Watched()
    for (let nowMs = 0; nowMs < 10 * MEMORY_MS; nowMs += 10_000) {
      child.see({ kind: 'exited', status: 1, nowMs }, { kind: 'due' })
    }
    expect(child.state).toMatchObject({ phase: 'running', restarts: 60 })
    expect(child.done.slice(-4)).toEqual(['wait 6400', 'start', 'wait 6400', 'start'])
  })

  test('is not started again where it says that its request is wrong', () => {
    const child = new Watched().see({ kind: 'exited', status: 2, nowMs: 0 })
    expect(child.state).toMatchObject({ phase: 'givenUp', wrong: true })
    expect(child.done).toEqual([])
  })

  test('has left when it ends in order, and is ended when it is told to', () => {
    expect(new Watched().see({ kind: 'exited', status: 0, nowMs: 0 }).state.phase).toBe('left')
    const stopped = new Watched().see({ kind: 'stop' }, { kind: 'stop' }, { kind: 'exited', status: 0, nowMs: 0 })
    expect(stopped).toMatchObject({ state: { phase: 'ended', inOrder: true }, done: ['dismiss'] })
    const failed = new Watched().see({ kind: 'stop' }, { kind: 'exited', status: 1, nowMs: 0 })
    expect(failed).toMatchObject({ state: { phase: 'ended', inOrder: false }, done: ['dismiss'] })
    const waiting = new Watched().see({ kind: 'exited', status: 1, nowMs: 0 }, { kind: 'stop' }, { kind: 'due' })
    expect(waiting).toMatchObject({ state: { phase: 'ended' }, done: ['wait 200'] })
  })
})
