/** The decision what to restore, against a model that knows every epoch's state; and the rotation below it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Damage, inBrief } from '../../src/checkpoint/damage.ts'
import type { PackChunk } from '../../src/checkpoint/pack-format.ts'
import { type Facts, type Resolution, resolve } from '../../src/checkpoint/resolve.ts'
import { hasTurned, isFull, isNeeded } from '../../src/checkpoint/rotation.ts'
import { type Change, History, withoutEmpty } from './history.ts'

const KEY_GROUPS = 6
const ROTATION = 4
const HORIZON = 4

const change: fc.Arbitrary<Change> = fc.record({
  keyGroup: fc.nat(KEY_GROUPS - 1),
  key: fc.constantFrom('a', 'b', 'c'),
  value: fc.option(fc.nat(9), { freq: 3 }),
})
const epoch = fc.record({
  changes: fc.array(change, { maxLength: 4 }),
  owners: fc.integer({ min: 1, max: 3 }),
  completes: fc.boolean(),
})
const life = fc.array(epoch, { minLength: 1, maxLength: 16 }).map((epochs) => {
  const history = new History(KEY_GROUPS, ROTATION)
  for (const { changes, owners, completes } of epochs) {
    for (const one of changes) history.change(one)
    history.epoch(owners, completes)
  }
  return history
})

/** What is damaged: shares of everything there is, from 0 to 1. */
const harm = fc.record({
  manifests: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 2 }),
  packs: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 2 }),
  chunks: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 2 }),
})
type Harm = typeof harm extends fc.Arbitrary<infer T> ? T : never

const damage = (path: string, part: Damage['part'] = null): Damage => ({ path, part, reason: 'a bit has turned' })

/** The facts about `history` with some harm done, and a predicate for what is whole, found on another way. */
function factsOf(history: History, harmed: Harm, acceptLoss: boolean) {
  const paths = [...history.manifests.keys()]
  const packPaths = [...history.packs.keys()]
  const all = packPaths.flatMap((path) => history.packs.get(path)!.map((chunk) => ({ path, chunk })))
  const pick = <T>(from: readonly T[], shares: readonly number[]) =>
    new Set(from.length === 0 ? [] : shares.map((share) => from[Math.floor(share * from.length)]!))
  const lostManifests = pick(paths, harmed.manifests)
  const lostPacks = pick(packPaths, harmed.packs)
  const lostChunks = pick(all, harmed.chunks)
  const lost = new Set<PackChunk>([...lostChunks].map(({ chunk }) => chunk))
  const facts: Facts = {
    ...{ pipeline: 'p', entry: history.entry(HORIZON), acceptLoss },
    manifests: new Map(
      paths.map((path) => [path, lostManifests.has(path) ? damage(path) : history.manifests.get(path)!]),
    ),
    packs: new Map(packPaths.map((path) => [path, lostPacks.has(path) ? damage(path) : history.packs.get(path)!])),
    chunks: [...lostChunks].map(({ path, chunk }) => damage(path, { step: chunk.step, keyGroup: chunk.keyGroup })),
  }
  const whole = (one: History['epochs'][number]) => {
    const needs = history.needs(one.manifest)
    const intact = !needs.packs.some((pack) => lostPacks.has(pack.path)) && ![...needs.chunks].some((c) => lost.has(c))
    return intact && !lostManifests.has(one.entry.manifest)
  }
  return { facts, whole, lost }
}

describe('resolve', () => {
  test('restores the newest epoch that is whole, as it was, or refuses', () => {
    fc.assert(
      fc.property(life, harm, fc.boolean(), (history, harmed, acceptLoss) => {
        const { facts, whole, lost } = factsOf(history, harmed, acceptLoss)
        const candidates = history.epochs.slice(-HORIZON)
        const newest = candidates.findLast(whole)
        const last = candidates.at(-1)
        const resolution = resolve(facts)
        if (last === undefined) {
          expect(resolution.kind).toBe('fresh')
          return
        }
        if (newest !== undefined) {
          if (resolution.kind !== 'restore') throw new Error(resolution.kind)
          expect(resolution.manifest.epoch).toBe(newest.entry.epoch)
          expect(resolution.instead).toBe(newest === last ? null : last.entry.epoch)
          expect(withoutEmpty(history.restore(resolution.chains))).toEqual(withoutEmpty(newest.state))
        } else if (acceptLoss && candidates.some(({ entry }) => 'serial' in facts.manifests.get(entry.manifest)!)) {
          if (resolution.kind !== 'restore') throw new Error(resolution.kind)
          const read = [...resolution.chains.flatMap(({ chunks }) => chunks), ...resolution.rows]
          expect(read.filter(({ chunk }) => lost.has(chunk))).toEqual([])
        } else {
          expect(resolution.kind).toBe('refuse')
          if (resolution.kind === 'refuse') expect(resolution.damages.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('every epoch within the horizon can be restored', () => {
    fc.assert(
      fc.property(life, (history) => {
        for (const { manifest, state } of history.epochs) {
          const only = { ...history.entry(HORIZON), epochs: [], from: `manifests/${manifest.epoch}` }
          const { facts } = factsOf(history, { manifests: [], packs: [], chunks: [] }, false)
          const resolution = resolve({ ...facts, entry: only })
          if (resolution.kind !== 'restore') throw new Error(resolution.kind)
          expect(withoutEmpty(history.restore(resolution.chains))).toEqual(withoutEmpty(state))
          const own = manifest.packs.filter((pack) => pack.epoch === manifest.epoch)
          expect(resolution.rows.map(({ pack }) => pack)).toEqual(own)
        }
      }),
    )
  })

  test('V3: a group that no pack holds in full, though all have had their turn, is damaged', () => {
    const history = new History(KEY_GROUPS, ROTATION)
    for (let i = 0; i < 8; i++) {
      history.change({ keyGroup: 1, key: 'a', value: i })
      history.epoch(1, true)
    }
    const { facts } = factsOf(history, { manifests: [], packs: [], chunks: [] }, false)
    const packs = new Map(facts.packs)
    for (const [path, chunks] of history.packs)
      packs.set(
        path,
        chunks.filter(({ kind }) => kind !== 'full'),
      )
    const refusal = resolve({ ...facts, packs })
    expect(refusal).toMatchObject({ kind: 'refuse' })
    expect(refusal.kind === 'refuse' && refusal.damages[0]).toMatchObject({ reason: 'no pack holds it in full' })
  })

  test('a chain of a group is never longer than the rotation', () => {
    fc.assert(
      fc.property(life, (history) => {
        const resolution = resolve(factsOf(history, { manifests: [], packs: [], chunks: [] }, false).facts)
        if (resolution.kind !== 'restore') return
        for (const { chunks } of resolution.chains) expect(chunks.length).toBeLessThanOrEqual(ROTATION)
        for (const { serial } of resolution.manifest.packs) {
          expect(serial).toBeGreaterThan(resolution.manifest.serial - ROTATION)
        }
      }),
    )
  })

  test('what is missing is asked for, one epoch at a time, the newest first', () => {
    const history = new History(KEY_GROUPS, ROTATION)
    for (let i = 0; i < 5; i++) {
      history.change({ keyGroup: 1, key: 'a', value: i })
      history.epoch(1, true)
    }
    const { facts } = factsOf(history, { manifests: [], packs: [], chunks: [] }, false)
    const manifests = new Map(facts.manifests)
    const blind: Facts = { ...facts, manifests: new Map(), packs: new Map() }
    expect(resolve(blind)).toEqual({ kind: 'look', manifests: ['manifests/5'], packs: [] })
    const look = resolve({ ...blind, manifests })
    if (look.kind !== 'look') throw new Error(look.kind)
    expect(look.packs.map(({ path }) => path)).toEqual(['packs/2-0', 'packs/3-0', 'packs/4-0', 'packs/5-0'])
    const damaged = new Map([['manifests/5', damage('manifests/5')]])
    expect(resolve({ ...blind, manifests: damaged })).toEqual({ kind: 'look', manifests: ['manifests/4'], packs: [] })
  })

  test('a refusal names the damage and what accepting the loss would mean', () => {
    const history = new History(KEY_GROUPS, ROTATION)
    for (let i = 0; i < 3; i++) {
      history.change({ keyGroup: 1, key: 'a', value: i })
      history.epoch(1, true)
    }
    const { facts } = factsOf(history, { manifests: [], packs: [], chunks: [] }, false)
    const all = new Map([...facts.packs.keys()].map((path) => [path, damage(path)]))
    const hopeless = resolve({ ...facts, packs: all }) as Extract<Resolution, { kind: 'refuse' }>
    expect(hopeless.error.message).toMatch(/^pipeline "p" cannot go back to epoch 3: packs\/1-0: a bit has turned; /)
    expect(hopeless.error.remedy).toMatch(/restores epoch 3 without the changes in 3 packs$/)
  })

  test('a bad disk, which damages hundreds of objects, is told in one sentence', () => {
    expect(inBrief(['a', 'b', 'c'])).toBe('a; b; c')
    expect(inBrief([...'abcde'])).toBe('a; b; c; and 2 more like these')
  })

  test('a manifest of another epoch under the name is not believed', () => {
    const history = new History(KEY_GROUPS, ROTATION)
    history.epoch(1, true)
    history.epoch(1, true)
    const { facts } = factsOf(history, { manifests: [], packs: [], chunks: [] }, false)
    const manifests = new Map(facts.manifests).set('manifests/2', history.manifests.get('manifests/1')!)
    expect(resolve({ ...facts, manifests })).toMatchObject({ kind: 'restore', instead: 2, manifest: { epoch: 1 } })
  })
})

describe('the rotation', () => {
  test('writes every key group in full once in so many complete epochs', () => {
    for (const rotation of [2, 3, 30]) {
      for (let serial = rotation; serial < 3 * rotation; serial++) {
        for (let keyGroup = 0; keyGroup < 64; keyGroup++) {
          const serials = Array.from({ length: serial }, (_, i) => i + 1).filter((s) => isNeeded(s, serial, rotation))
          expect(serials.filter((s) => isFull(keyGroup, s, rotation))).toHaveLength(1)
        }
      }
    }
  })

  test('has turned for a step when all its key groups have been written in full', () => {
    for (let since = 1; since < 10; since++) {
      for (let serial = since; serial < 20; serial++) {
        const serials = Array.from({ length: serial - since + 1 }, (_, i) => since + i)
        const all = [0, 1, 2, 3].every((keyGroup) => serials.some((s) => isFull(keyGroup, s, 4)))
        expect(hasTurned(since, serial, 4)).toBe(all)
      }
    }
  })
})
