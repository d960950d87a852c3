import { describe, expect, test } from 'vitest'
import {
  type Beat,
  type BeatView,
  beatingOf,
  decodeBeat,
  encodeBeat,
  isYoung,
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
