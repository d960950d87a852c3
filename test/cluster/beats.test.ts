import { describe, expect, test } from 'vitest'
import {
  type Beat,
  type BeatView,
  beatingOf,
  decodeBeat,
  encodeBeat,
  isYoung,
  lateOf,
  startBeatView,
  watchBeats,
} from '../../src/cluster/beats.ts'

const settings = { silenceMs: 3000, lookMs: 1500 }
const beat = (worker: string, counter: number, incarnation = 'i'): Beat => ({
  ...{ worker, incarnation, address: '', heartbeats: '', counter, hears: [] },
})
/** A look of a reader that finds its own beat moved. */
const read = (view: BeatView, atMs: number, ...beats: Beat[]) =>
  watchBeats(view, [...beats, beat('me', atMs)], atMs, settings)
const workers = (view: BeatView, gone: readonly string[] = []) =>
  beatingOf(view, new Set(gone), settings).map((one) => one.worker)

describe('a beat', () => {
  test('counts once it has moved, and until it has stood still for as long as a silence', () => {
    let view = read(startBeatView('me', 0), 10, beat('a', 7))
    expect(workers(view)).toEqual([])
    view = read(view, 1000, beat('a', 8))
    expect(workers(view)).toEqual(['a'])
    view = read(view, 2000, beat('a', 8))
    view = read(view, 3900, beat('a', 8))
    expect(workers(view)).toEqual(['a'])
    view = read(view, 5000, beat('a', 8))
    expect(workers(view)).toEqual([])
    expect(workers(read(view, 6000, beat('a', 9)))).toEqual(['a'])
  })

  test('of a new incarnation has moved, though its counter may be the same', () => {
    const view = read(read(startBeatView('me', 0), 10, beat('a', 1, 'i')), 20, beat('a', 1, 'j'))
    expect(workers(view)).toEqual(['a'])
    expect(workers(view, ['j'])).toEqual([])
  })

  test('does not stop while its reader is stopped', () => {
    let view = read(read(startBeatView('me', 0), 10, beat('a', 1)), 1000, beat('a', 2))
    view = read(view, 60_000, beat('a', 2))
    expect(workers(view)).toEqual(['a'])
    view = read(view, 61_600, beat('a', 2))
    expect(workers(view)).toEqual([])
  })

  test('that cannot be read has not moved, and is forgotten in the end', () => {
    let view = read(read(startBeatView('me', 0), 10, beat('a', 1)), 1000, beat('a', 2))
    for (let atMs = 2000; atMs < 40_000; atMs += 1000) view = read(view, atMs)
    expect([...view.watched.keys()]).toEqual(['me'])
  })

  test('does not stop for a reader whose own beat does not move in the store either', () => {
    const own = beat('me', 1)
    const look = (view: BeatView, atMs: number, ...beats: Beat[]) => watchBeats(view, beats, atMs, settings)
    let view = look(startBeatView('me', 0), 10, beat('me', 0), beat('a', 1))
    view = look(view, 1000, own, beat('a', 2))
    for (let atMs = 2000; atMs < 60_000; atMs += 1000) view = look(view, atMs, own, beat('a', 2))
    // Nothing is found at all.
    for (let atMs = 60_000; atMs < 90_000; atMs += 1000) view = look(view, atMs)
    expect(workers(view)).toEqual(['a'])
    // The store is there again: the others have as long as ever to say so.
    view = look(view, 90_000, beat('me', 2), beat('a', 2))
    expect(workers(view)).toEqual(['a'])
    view = look(view, 91_600, beat('me', 3), beat('a', 2))
    expect(workers(view)).toEqual([])
  })
})

describe('whoever wants to be taken in', () => {
  const late = (view: BeatView) => lateOf(view, settings).has('a')
  /** A reader that looks each second, and beats of `a` that come `everyMs`, up to `untilMs`. */
  const beating = (view: BeatView, everyMs: number, untilMs: number, incarnation = 'i'): BeatView => {
    for (let atMs = view.readMs + 1000; atMs <= untilMs; atMs += 1000)
      view = read(view, atMs, beat('a', Math.floor(atMs / everyMs), incarnation))
    return view
  }

  test('has to beat in time, more than once, and in one incarnation', () => {
    let view = beating(startBeatView('me', 0), 1000, 2000)
    expect(late(view)).toBe(true)
    view = beating(view, 1000, 3000)
    expect(late(view)).toBe(false)
    view = beating(view, 1000, 4000, 'j')
    expect(late(view)).toBe(true)
    expect(late(beating(view, 1000, 5000, 'j'))).toBe(false)
  })

  test('never does where each beat takes longer than it may be silent', () => {
    let view = startBeatView('me', 0)
    for (let atMs = 1000; atMs < 200_000; atMs += 1000) {
      view = beating(view, 4500, atMs)
      expect(late(view), `${atMs}`).toBe(true)
    }
  })

  test('has to do so for longer each time that its beats have stopped, until they have come for long', () => {
    let view = beating(startBeatView('me', 0), 1000, 10_000)
    const steady = (): number => {
      view = beating(view, 1000, view.readMs + 1000)
      const fromMs = view.readMs
      while (late(view)) view = beating(view, 1000, view.readMs + 1000)
      return view.readMs - fromMs
    }
    const takes: number[] = []
    for (let i = 0; i < 8; i++) {
      view = beating(view, 1e9, view.readMs + 6000)
      takes.push(steady())
    }
    expect(takes).toEqual([3000, 6000, 9000, 12_000, 15_000, 15_000, 15_000, 15_000])
    view = beating(view, 1000, view.readMs + 60_000)
    view = beating(view, 1e9, view.readMs + 6000)
    expect(steady()).toBe(3000)
  })

  test('is not blamed for an earlier process that is known to have ended', () => {
    let view = beating(startBeatView('me', 0), 1000, 10_000)
    for (let i = 0; i < 8; i++) view = beating(view, 1e9, view.readMs + 1000)
    const atMs = view.readMs + 1000
    view = watchBeats(view, [beat('a', 0, 'j'), beat('me', atMs)], atMs, settings, new Set(['i']))
    expect(late(beating(view, 1000, atMs + 1000, 'j'))).toBe(false)
  })
})

test('a reader is young until it has watched for as long as a silence, stops left out', () => {
  let view = startBeatView('me', 0)
  expect(isYoung(view, settings)).toBe(true)
  view = read(view, 50_000)
  expect(isYoung(view, settings)).toBe(true)
  view = read(view, 51_600)
  expect(isYoung(view, settings)).toBe(false)
})

test('a beat comes back from its bytes; cut short it is none', () => {
  const one: Beat = { ...beat('wörker', 3), hears: [{ worker: 'b', incarnation: 'x' }] }
  const bytes = encodeBeat(one)
  expect(decodeBeat('beat/w', bytes)).toEqual(one)
  for (let length = 0; length < bytes.length; length++)
    expect(decodeBeat('beat/w', bytes.subarray(0, length))).toBeNull()
  expect(decodeBeat('beat/w', null)).toBeNull()
})
