import { describe, expect, test } from 'vitest'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import { type Beating, lostOf, mayJoin, standingOf } from '../../src/cluster/standing.ts'

const member = (name: string) => ({ worker: name[0]!, incarnation: name.length > 1 ? name : `${name}1`, address: '' })
const cluster = (...names: string[]): Cluster => ({ ...emptyCluster, generation: 3, members: names.map(member) })

/** Beats of `names`, each hearing those that stand behind its colon: `a:bc`. */
function beats(young: boolean, ...lines: string[]): Beating {
  const all = lines.map((line) => line.split(':') as [string, string])
  const found = all.map(([name, heard]) => {
    const hears = all.flatMap(([other]) => (heard.includes(other[0]!) ? [member(other)] : []))
    return [name[0]!, { ...member(name), heartbeats: '', counter: 0, hears }] as const
  })
  return { beats: new Map(found), young, twice: 'no', late: new Set() }
}

const workers = (...lines: string[]) =>
  standingOf(cluster('a', 'b', 'c'), beats(false, ...lines)).largest.map((one) => one.worker)

describe('the standing of a generation', () => {
  test('is the largest set of its workers that all hear each other, both ways, in any incarnation', () => {
    expect(workers('a:bc', 'b:ac', 'c:ab')).toEqual(['a', 'b', 'c'])
    expect(workers('a:bc', 'b:ac', 'c:b')).toEqual(['a', 'b'])
    expect(workers('a2:bc', 'b:ac', 'c:ab')).toEqual(['a', 'b', 'c'])
  })

  test('counts others only where none of its own workers beats', () => {
    expect(workers('a:', 'd:e', 'e:d')).toEqual(['a'])
    expect(workers('d:e', 'e:d')).toEqual(['d', 'e'])
  })

  test('counts no more of these than a cluster takes, by their names, however many are started at once', () => {
    const many = Array.from({ length: 40 }, (_, i) => String.fromCharCode(0x3b1 + i))
    const lines = many.map((name) => `${name}:${many.join('')}`)
    const standing = standingOf(emptyCluster, beats(false, ...lines.toReversed()), 20)
    expect(standing.largest.map(({ worker }) => worker)).toEqual(many.slice(0, 20))
    expect(standing.contested).toBe(false)
  })

  test('does not count who hears an earlier incarnation only', () => {
    const beating = beats(false, 'a:b', 'b:a')
    const old = { ...beating.beats.get('b')!, hears: [{ worker: 'a', incarnation: 'a0' }] }
    const standing = standingOf(cluster('a', 'b'), { ...beating, beats: new Map(beating.beats).set('b', old) })
    expect(standing.largest.map((one) => one.worker)).toEqual(['a'])
    expect(standing.contested).toBe(true)
  })

  test('says who is missing, whether anyone is left, and whether all are there again', () => {
    const cold = standingOf(cluster('a', 'b'), beats(false, 'a2:b', 'b2:a'))
    expect(cold).toMatchObject({ alive: false, complete: true, contested: false })
    expect(cold.missing.map((one) => one.incarnation)).toEqual(['a1', 'b1'])
    expect(standingOf(cluster('a', 'b'), beats(false, 'a:'))).toMatchObject({ alive: true, complete: false })
  })

  test('is contested by who beats outside the set, and for a young reader by who does not beat', () => {
    expect(standingOf(cluster('a', 'b'), beats(false, 'a:')).contested).toBe(false)
    expect(standingOf(cluster('a', 'b'), beats(true, 'a:')).contested).toBe(true)
    expect(standingOf(cluster('a', 'b'), beats(true, 'a:b', 'b:a')).contested).toBe(false)
  })
})

test('a worker may join that hears every member, and is heard, while all of them are there', () => {
  const two = cluster('a', 'b')
  expect(mayJoin(two, beats(false, 'a:bd', 'b:ad', 'd:ab'), 'd')).toBe(true)
  expect(mayJoin(two, beats(false, 'a:b', 'b:ad', 'd:ab'), 'd')).toBe(false)
  expect(mayJoin(two, beats(false, 'a:bd', 'b:ad', 'd:a'), 'd')).toBe(false)
  expect(mayJoin(two, beats(false, 'a2:bd', 'b:ad', 'd:ab'), 'd')).toBe(false)
})

test('a change of owners loses who is missing, who has another incarnation, and a newcomer that is cut off', () => {
  const two = cluster('a', 'b')
  const next = ['a', 'b', 'd'].map(member)
  expect(lostOf(two, beats(false, 'a:bd', 'b:ad', 'd:ab'), next)).toBeNull()
  expect(lostOf(two, beats(false, 'a:d', 'd:a'), next)).toBe('b')
  expect(lostOf(two, beats(false, 'a:bd', 'b:ad', 'd2:ab'), next)).toBe('d')
  expect(lostOf(two, beats(false, 'a:b', 'b:ad', 'd:ab'), next)).toBe('d')
  // Who leaves by the change is no part of what follows, but still of what stands.
  expect(lostOf(two, beats(false, 'a:b', 'b:a'), [member('a')])).toBeNull()
})
