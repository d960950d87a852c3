/**
 * What every sink that serves subscribers owes them and its pipeline, whatever they speak: the tests that such sinks
 * share.
 */
import { expect, test } from 'vitest'
import type { Weather } from '../../src/sim/weather.ts'
import type { Bench } from './bench.ts'
import { slow } from './dialling.contract.ts'

/** Somebody who has connected to the sink. */
export interface Subscribed {
  /** All that it was given. */
  readonly text: string
  /** Whether its connection is over. */
  readonly closed: boolean
  pause(): void
  resume(): void
}

export interface Serving {
  /**
   * Opens the sink, which holds 2000 bytes for each subscriber; `slow`: what becomes of one that falls behind.
   * `subscribe` connects one to it.
   */
  open(settings?: { readonly slow?: 'wait' }, weather?: Weather): Bench & { subscribe(): Subscribed }
}

/** `count` bytes that end a line. */
const line = (count: number): string => `${'x'.repeat(count - 1)}\n`

export function servesItsSubscribers({ open }: Serving): void {
  test('writes each record to everyone who is there then', () => {
    const on = open()
    on.write('nobody\n')
    const a = on.subscribe()
    on.write('a\n')
    on.pass(10)
    const b = on.subscribe()
    on.write('both\n')
    on.pass(10)
    expect([a.text, b.text]).toEqual(['a\nboth\n', 'both\n'])
    expect(on.writer.status).toMatchObject({ state: 'ready', peers: 2, records: 3, queuedBytes: 0, dropped: 0 })
  })

  test('drops a subscriber that falls behind, and serves the others', () => {
    const on = open({}, slow)
    const [late, other] = [on.subscribe(), on.subscribe()]
    late.pause()
    for (let i = 0; i < 60; i++) {
      expect(on.write(line(99))).toBe(true)
      on.pass(100)
    }
    expect(on.warnings).toEqual(['E_SUBSCRIBER_DROPPED'])
    expect(on.writer.status).toMatchObject({ peers: 1, dropped: 1, queuedBytes: 0 })
    expect(other.text).toHaveLength(60 * 99)
    const next = on.subscribe()
    on.write('x\n')
    on.pass(1000)
    expect(next.text).toBe('x\n')
  })

  test('waits for a slow subscriber where it is told to, and goes on when it reads again', () => {
    const on = open({ slow: 'wait' }, slow)
    const late = on.subscribe()
    late.pause()
    let written = 1
    while (written < 100 && on.write(line(100))) written++
    expect(on.writer.room).toBe(false)
    const answer = on.barrier()
    on.pass(60_000)
    expect([on.writer.room, on.wakes, on.writer.status.dropped, answer.snapshot]).toEqual([false, 0, 0, undefined])
    late.resume()
    on.pass(60_000)
    expect([on.writer.room, on.writer.status.dropped, answer.snapshot]).toEqual([true, 0, null])
    expect(on.wakes).toBeGreaterThan(0)
    expect(late.text).toHaveLength(written * 100)
  })

  test('answers a barrier when every subscriber has been given what was before it', () => {
    const on = open({}, slow)
    const reading = on.subscribe()
    on.write(line(500))
    const answer = on.barrier()
    on.pass(20)
    expect(answer.snapshot).toBeUndefined()
    on.pass(4000)
    expect(answer.snapshot).toBeNull()
    expect(reading.text).toHaveLength(500)
  })

  test('drops a subscriber that holds a barrier back for too long', () => {
    const on = open({}, slow)
    const late = on.subscribe()
    late.pause()
    on.write(line(1000))
    const answer = on.barrier()
    on.pass(20_000)
    expect(answer.snapshot).toBeNull()
    expect(on.warnings).toEqual(['E_SUBSCRIBER_DROPPED'])
  })

  test('drops no other subscriber for one that holds barriers back', () => {
    const on = open({}, slow)
    const [late, other] = [on.subscribe(), on.subscribe()]
    late.pause()
    on.write(line(900))
    on.barrier()
    on.pass(4900)
    expect(other.text).toHaveLength(900)
    on.write(line(900))
    on.barrier()
    on.pass(5000)
    expect(on.writer.status).toMatchObject({ peers: 1, dropped: 1 })
    expect(other.text).toHaveLength(1800)
  })

  test('lets subscribers in again where the pipeline goes back on its way to the end', () => {
    const on = open({ slow: 'wait' }, slow)
    const [late, quick] = [on.subscribe(), on.subscribe()]
    late.pause()
    on.write(line(1000))
    on.writer.end(() => {})
    on.pass(1000)
    expect(quick.closed).toBe(true)
    on.writer.restore({ generation: 2, epoch: 0, back: false, snapshots: [] }, () => {})
    on.pass(10)
    const next = on.subscribe()
    on.write('again\n')
    late.resume()
    on.pass(10_000)
    expect(next.text).toBe('again\n')
    expect(late.text.endsWith('again\n')).toBe(true)
    expect([on.failures, on.writer.status.peers]).toEqual([[], 2])
  })

  test('lets subscribers in again where the pipeline goes back while the port is being opened', () => {
    const on = open()
    const back = (): void => on.writer.restore({ generation: 2, epoch: 0, back: false, snapshots: [] }, () => {})
    const end = (): void => on.writer.end(() => {})
    end()
    on.pass(1)
    back()
    end()
    back()
    on.pass(10)
    end()
    back()
    on.pass(10)
    const next = on.subscribe()
    on.write('again\n')
    on.pass(10)
    expect([on.failures, next.text]).toEqual([[], 'again\n'])
  })

  test('ends its subscribers behind the last record', () => {
    const on = open({}, slow)
    const a = on.subscribe()
    for (let i = 0; i < 5; i++) on.write(line(99))
    let ended = false
    on.writer.end(() => {
      ended = true
    })
    on.pass(20_000)
    expect(a.text).toHaveLength(5 * 99)
    expect([a.closed, ended]).toEqual([true, true])
  })

  test('fails where somebody has its port', () => {
    const on = open()
    const other = on.another()
    other.restore({ generation: 1, epoch: 0, back: false, snapshots: [] }, () => {})
    on.pass(10)
    expect(on.failures).toEqual(['E_PORT_IN_USE'])
  })
}
