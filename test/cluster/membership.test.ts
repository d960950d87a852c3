import { describe, expect, test } from 'vitest'
import { type Cluster, emptyCluster } from '../../src/checkpoint/cluster.ts'
import type { Beat } from '../../src/cluster/beats.ts'
import { LAST_EPOCH } from '../../src/cluster/generation.ts'
import { coordinates, stepMembership } from '../../src/cluster/membership.ts'
import {
  type MembershipEffect,
  type MembershipEvent,
  type MembershipState,
  startMembership,
} from '../../src/cluster/membership-state.ts'
import type { Twice } from '../../src/cluster/namesake.ts'
import { noPlacement, placementToJson } from '../../src/cluster/splits.ts'

const settings = {
  ...{ worker: 'b', startGraceMs: 5000, expected: 1, workers: 3 },
  ...{ turnMs: 1000, settleMs: 3000, askMs: 500 },
}
const members = (...names: string[]) =>
  names.map((name) => ({ worker: name[0]!, incarnation: name.length > 1 ? name : `${name}1`, address: '' }))

/** The cluster of a generation; a name such as `a2` is worker a in its second incarnation. */
const cluster = (generation: number, names: readonly string[]): Cluster => ({
  ...emptyCluster,
  ...{ generation, members: members(...names), coordinator: names[0]?.[0] ?? '', owners: new Uint16Array(4) },
  splits: placementToJson(noPlacement),
})

/** Worker b in a cluster, told what happens. */
class Life {
  state: MembershipState = startMembership(settings, 'b1')
  nowMs = 0

  see(...events: MembershipEvent[]): string[] {
    const effects: MembershipEffect[] = []
    for (const event of events) {
      const step = stepMembership(this.state, event)
      this.state = step.next
      effects.push(...step.effects)
    }
    return effects.map(show)
  }

  chain(generation: number, names: readonly string[]): string[] {
    return this.see({ kind: 'chain', cluster: cluster(generation, names), nowMs: this.nowMs })
  }

  /** Beats of these workers, who hear each other but for the pairs in `deaf`; `afterMs` later. */
  beats(
    names: readonly string[],
    afterMs = 0,
    options: { deaf?: string; reread?: boolean; young?: boolean; twice?: Twice } = {},
  ): string[] {
    this.nowMs += afterMs
    const { deaf = '', reread = false, young = false, twice = 'no' } = options
    const all = members(...names)
    const beats = new Map<string, Beat>()
    for (const one of all) {
      const hears = all.filter((other) => other !== one && !deaf.includes(`${one.worker}${other.worker}`))
      beats.set(one.worker, { ...one, heartbeats: '', counter: 0, hears })
    }
    return this.see({ kind: 'beats', beating: { beats, young, twice, late: new Set() }, reread, nowMs: this.nowMs })
  }

  /** Active in generation 4 of a, b and c, which a coordinates. */
  static active(names: readonly string[] = ['a', 'b', 'c']): Life {
    const life = new Life()
    life.chain(3, ['a'])
    life.chain(4, names)
    life.see({ kind: 'restored', generation: 4 }, { kind: 'activate', generation: 4 })
    return life
  }

  get phase(): string {
    return this.state.phase
  }
}

function show(effect: MembershipEffect): string {
  switch (effect.kind) {
    case 'propose':
      return `propose after ${effect.after}: ${effect.members.map((one) => one.incarnation)} ${effect.bases}`.trim()
    case 'restore':
    case 'tellReady':
    case 'begin':
    case 'tellGeneration':
      return `${effect.kind} ${effect.generation}`
    case 'stopWork':
    case 'exit':
      return `${effect.kind} ${effect.reason}`
    case 'askToJoin':
      return `askToJoin ${effect.coordinator.incarnation}`
    case 'askToLeave':
      return 'askToLeave'
    default:
      return effect.kind
  }
}

describe('at its start a worker', () => {
  test('founds a cluster that has none, after it has read the store again', () => {
    const life = new Life()
    life.chain(0, [])
    expect(life.beats(['b'])).toEqual(['reread'])
    expect(life.beats(['b'], 10, { reread: true })).toEqual(['propose after 0: b1'])
    expect(life.chain(1, ['b'])).toEqual(['restore 1'])
    expect(coordinates(life.state)).toBe(true)
    expect(life.see({ kind: 'restored', generation: 1 })).toEqual(['tellReady 1'])
    expect(life.see({ kind: 'activate', generation: 1 })).toEqual(['begin 1'])
  })

  test('asks a cluster that lives to be taken in, again and again, and comes with a record', () => {
    const life = new Life()
    life.chain(3, ['a'])
    expect(life.beats(['a', 'b'])).toEqual(['askToJoin a1'])
    expect(life.beats(['a', 'b'], 100)).toEqual([])
    expect(life.beats(['a', 'b'], 500)).toEqual(['askToJoin a1'])
    expect(life.chain(4, ['a', 'b'])).toEqual(['restore 4'])
  })

  test('ends where another process works under its name, before and after it has asked to be taken in', () => {
    for (const asked of [[], ['a', 'b']]) {
      const life = new Life()
      life.chain(3, ['a', 'b2'])
      life.beats(asked)
      expect(life.beats(['a', 'b2'], 100, { twice: 'yes' })).toEqual(['exit twice'])
    }
  })

  test('waits where another one has just written under its name, and takes no seat from it', () => {
    const life = new Life()
    life.chain(3, ['b2'])
    for (let i = 0; i < 50; i++) expect(life.beats(['b'], 100, { twice: 'perhaps' })).toEqual([])
    const asking = new Life()
    asking.chain(3, ['a'])
    for (let i = 0; i < 50; i++) expect(asking.beats(['a', 'b'], 100, { twice: 'perhaps' })).toEqual([])
    expect(asking.beats(['a', 'b'])).toEqual(['askToJoin a1'])
  })

  test('as a member it lets the other one end', () => {
    const life = Life.active()
    expect(life.beats(['a', 'b', 'c'], 100, { twice: 'yes' })).toEqual([])
  })

  test('does not ask a coordinator that is silent, and turns to the next one', () => {
    const life = new Life()
    life.chain(3, ['a', 'c'])
    expect(life.beats(['b', 'c'])).toEqual([])
    expect(life.chain(4, ['c'])).toEqual([])
    expect(life.beats(['b', 'c'], 1000)).toEqual(['askToJoin c1'])
  })

  test('never resumes an earlier life of its own: that generation is over, and the others propose first', () => {
    const life = new Life()
    life.chain(3, ['b0', 'c'])
    expect(life.beats(['b', 'c'])).toEqual(['reread'])
    const second = new Life()
    second.chain(3, ['c', 'b0', 'a'])
    expect(second.beats(['b', 'c', 'a'])).toEqual([])
    expect(second.beats(['b', 'c', 'a'], 1900)).toEqual([])
    expect(second.beats(['b', 'c', 'a'], 200)).toEqual(['reread'])
  })

  test('waits at a cold start for those of the last generation, and then no longer', () => {
    const life = new Life()
    life.chain(3, ['a0', 'b0'])
    expect(life.beats(['b'], 4900)).toEqual([])
    expect(life.beats(['b'], 200)).toEqual(['reread'])
    const complete = new Life()
    complete.chain(3, ['a0', 'b0'])
    expect(complete.beats(['a', 'b'], 100)).toEqual([])
    expect(complete.beats(['a', 'b'], 1100)).toEqual(['reread'])
  })

  test('is a member at once where others have made it one before it had read anything', () => {
    expect(new Life().chain(3, ['a', 'b'])).toEqual(['restore 3'])
  })

  test('ends where it is refused', () => {
    const life = new Life()
    life.chain(3, ['a'])
    life.beats(['a', 'b'])
    expect(life.see({ kind: 'joinAnswered', answer: 'later', reason: '' })).toEqual([])
    expect(life.see({ kind: 'joinAnswered', answer: 'refused', reason: 'full' })).toEqual(['exit refused'])
  })
})

describe('a member', () => {
  test('takes over when the coordinator is gone, in its turn, and only what still holds on a second look', () => {
    const life = Life.active()
    expect(life.beats(['b', 'c'], 100)).toEqual(['reread'])
    expect(life.beats(['a', 'b', 'c'], 10, { reread: true })).toEqual([])
    expect(life.beats(['b', 'c'], 100)).toEqual(['reread'])
    expect(life.beats(['b', 'c'], 100)).toEqual([])
    expect(life.beats(['b', 'c'], 10, { reread: true })).toEqual(['propose after 4: b1,c1'])
    expect(life.beats(['b', 'c'], 9000, { reread: true })).toEqual([])
    expect(life.see({ kind: 'notAppended', nowMs: life.nowMs })).toEqual([])
    expect(life.beats(['b', 'c'], 100)).toEqual(['reread'])
  })

  test('leaves it to the coordinator to leave another out, for a while', () => {
    const life = Life.active()
    expect(life.beats(['a', 'b'], 100)).toEqual([])
    expect(life.beats(['a', 'b'], 1100)).toEqual(['reread'])
  })

  test('ends a generation whose member has come back in another incarnation', () => {
    const life = Life.active(['b', 'c'])
    expect(life.beats(['b', 'c2'], 100)).toEqual(['reread'])
    expect(life.beats(['b', 'c2'], 10, { reread: true })).toEqual(['propose after 4: b1,c2'])
  })

  test('waits while the set is contested, and from the beginning where it changes', () => {
    const life = Life.active(['b', 'a', 'c'])
    expect(life.beats(['a', 'b', 'c'], 100, { deaf: 'cb bc ac ca' })).toEqual([])
    expect(life.beats(['a', 'b', 'c'], 2000, { deaf: 'ab ba cb bc' })).toEqual([])
    expect(life.beats(['a', 'b', 'c'], 2000, { deaf: 'cb bc ac ca' })).toEqual([])
    expect(life.beats(['a', 'b', 'c'], 2900, { deaf: 'cb bc ac ca' })).toEqual([])
    expect(life.beats(['a', 'b', 'c'], 200, { deaf: 'cb bc ac ca' })).toEqual(['reread'])
  })

  test('accuses nobody while it has hardly begun to watch', () => {
    const life = Life.active(['b', 'c'])
    expect(life.beats(['b'], 100, { young: true })).toEqual([])
    expect(life.beats(['b'], 1000)).toEqual(['reread'])
  })

  test('stops in a minority, and goes on where the others have not gone on without it', () => {
    const life = Life.active()
    const alone = { deaf: 'ba ab bc cb' }
    expect(life.beats(['a', 'b', 'c'], 100, alone)).toEqual([])
    expect(life.beats(['a', 'b', 'c'], 3000, alone)).toEqual(['stopWork minority'])
    expect(life.phase).toBe('minority')
    expect(life.beats(['a', 'b', 'c'], 100)).toEqual(['resumeWork'])
    life.beats(['a', 'b', 'c'], 100, alone)
    life.beats(['a', 'b', 'c'], 3000, alone)
    expect(life.chain(5, ['a', 'c'])).toEqual(['stopWork fenced', 'beginAnew'])
    expect(life.see({ kind: 'reborn', incarnation: 'b2' })).toEqual([])
    life.chain(5, ['a', 'c'])
    expect(life.beats(['a', 'b2', 'c'], 100)).toEqual(['askToJoin a1'])
  })

  test('proposes from a minority once it is in the largest set and others are missing', () => {
    const life = Life.active()
    life.beats(['a', 'b', 'c'], 100, { deaf: 'ba ab bc cb' })
    life.beats(['a', 'b', 'c'], 3000, { deaf: 'ba ab bc cb' })
    expect(life.beats(['b', 'c'], 1000)).toEqual(['reread'])
  })

  test('goes on restoring in a minority, and begins, but does not work there', () => {
    const alone = { deaf: 'ba ab bc cb' }
    const life = new Life()
    life.chain(4, ['a', 'b', 'c'])
    life.beats(['a', 'b', 'c'], 100, alone)
    life.beats(['a', 'b', 'c'], 3000, alone)
    expect(life.see({ kind: 'restored', generation: 3 })).toEqual([])
    expect(() => life.see({ kind: 'activate', generation: 4 })).toThrow('a generation begins')
    expect(life.see({ kind: 'restored', generation: 4 })).toEqual(['tellReady 4'])
    expect(life.see({ kind: 'restored', generation: 4 }, { kind: 'activate', generation: 3 })).toEqual([])
    expect(life.see({ kind: 'activate', generation: 4 })).toEqual(['begin 4', 'stopWork minority'])
    expect(life.see({ kind: 'activate', generation: 4 })).toEqual([])
    expect(life.beats(['a', 'b', 'c'], 100)).toEqual(['resumeWork'])
    expect(life.phase).toBe('active')
  })

  test('works from its beginning when it is back from a minority before its generation begins', () => {
    const alone = { deaf: 'ba ab bc cb' }
    const life = new Life()
    life.chain(4, ['a', 'b', 'c'])
    life.see({ kind: 'restored', generation: 4 })
    life.beats(['a', 'b', 'c'], 100, alone)
    expect(life.beats(['a', 'b', 'c'], 3000, alone)).toEqual(['stopWork minority'])
    expect(life.beats(['a', 'b', 'c'], 100)).toEqual(['resumeWork'])
    expect(life.phase).toBe('ready')
    expect(life.see({ kind: 'activate', generation: 4 })).toEqual(['begin 4'])
  })

  test('leaves where it was about to, when it is back from a minority', () => {
    const alone = { deaf: 'ba ab bc cb' }
    const life = Life.active()
    life.see({ kind: 'leave' })
    life.beats(['a', 'b', 'c'], 100, alone)
    life.beats(['a', 'b', 'c'], 3000, alone)
    life.beats(['a', 'b', 'c'], 100)
    expect(life.phase).toBe('leaving')
  })

  test('bids anew where nothing came of what it had read once more, whatever that was', () => {
    const alone = { deaf: 'ba ab bc cb', reread: true }
    const member = Life.active()
    expect(member.beats(['b', 'c'], 100)).toEqual(['reread'])
    expect(member.beats(['a', 'b', 'c'], 10, alone)).toEqual([])
    expect(member.beats(['b', 'c'], 100)).toEqual(['reread'])
    const founder = new Life()
    founder.chain(0, [])
    expect(founder.beats(['b'])).toEqual(['reread'])
    expect(founder.beats(['b'], 10, { twice: 'perhaps', reread: true })).toEqual([])
    expect(founder.beats(['b'], 10)).toEqual(['reread'])
    const stranger = new Life()
    stranger.chain(4, ['a', 'c'])
    expect(stranger.beats(['b'], 5000)).toEqual(['reread'])
    expect(stranger.beats(['b', 'c'], 10, { reread: true })).toEqual([])
    expect(stranger.beats(['b'], 10)).toEqual(['reread'])
  })

  test('gives a bid up in a minority, but not what it is appending', () => {
    const alone = { deaf: 'ba bc ab cb' }
    for (const [appends, bid] of [
      [false, 'none'],
      [true, 'appending'],
    ] as const) {
      const life = Life.active()
      life.beats(['b', 'c'], 100)
      if (appends) life.beats(['b', 'c'], 10, { reread: true })
      life.beats(['a', 'b', 'c'], 100, alone)
      life.beats(['a', 'b', 'c'], 3000, alone)
      expect(life.state).toMatchObject({ phase: 'minority', bid })
    }
  })

  test('draws a new incarnation, not the old one again, after a seal', () => {
    const life = Life.active()
    expect(life.see({ kind: 'sealed' })).toEqual(['stopWork fenced', 'beginAnew'])
    expect(() => life.see({ kind: 'reborn', incarnation: 'b1' })).toThrow('M3')
  })

  test('draws another incarnation before it joins, where its journal is sealed', () => {
    const life = new Life()
    life.chain(4, ['a', 'c'])
    expect(life.phase).toBe('following')
    expect(life.see({ kind: 'sealed' })).toEqual(['stopWork fenced', 'beginAnew'])
  })

  test('stops for the next generation before it restores its part of it', () => {
    expect(Life.active().chain(5, ['b', 'c'])).toEqual(['stopWork generation', 'restore 5'])
  })

  test('counts neither what it restored for an earlier generation nor what is said of one', () => {
    const life = Life.active()
    life.chain(5, ['a', 'b'])
    expect(life.see({ kind: 'restored', generation: 4 }, { kind: 'activate', generation: 4 })).toEqual([])
    expect(() => life.see({ kind: 'activate', generation: 5 })).toThrow(
      'a generation begins when every member is ready',
    )
  })

  test('says again that it is ready until it is told to begin', () => {
    const life = new Life()
    life.chain(4, ['a', 'b'])
    life.see({ kind: 'restored', generation: 4 })
    expect(life.beats(['a', 'b'], 1000)).toEqual(['tellReady 4'])
    expect(life.beats(['a', 'b'], 100)).toEqual([])
    life.see({ kind: 'activate', generation: 4 })
    expect(life.beats(['a', 'b'], 1000)).toEqual([])
  })

  test('proposes an older base where a member has found damage', () => {
    const life = new Life()
    life.chain(4, ['b', 'c'])
    life.see({ kind: 'restored', generation: 4 }, { kind: 'startOver', pipeline: 'p', epoch: 41 })
    expect(life.beats(['b', 'c'], 100)).toEqual(['reread', 'tellReady 4'])
    expect(life.beats(['b', 'c'], 10, { reread: true })).toEqual(['propose after 4: b1,c1 p,41'])
  })

  test('proposes the last base once more where a state was spoiled, unless an older one is needed anyway', () => {
    const spoiled = { kind: 'startOver', pipeline: 'p', epoch: LAST_EPOCH } as const
    const life = Life.active()
    life.see(spoiled)
    expect(life.beats(['b', 'c'], 100)).toContain('reread')
    expect(life.beats(['b', 'c'], 10, { reread: true })).toEqual([expect.stringMatching(/^propose after .* p,0$/)])
    for (const order of [
      [spoiled, { ...spoiled, epoch: 41 }],
      [{ ...spoiled, epoch: 41 }, spoiled],
    ]) {
      const both = Life.active()
      both.see(...order)
      both.beats(['b', 'c'], 100)
      expect(both.beats(['b', 'c'], 10, { reread: true })).toEqual([expect.stringMatching(/^propose after .* p,41$/)])
    }
  })

  test('names it also where it has heard of that in a minority, from which it is back', () => {
    const life = new Life()
    life.chain(4, ['b', 'a'])
    life.see({ kind: 'restored', generation: 4 })
    life.beats(['a', 'b'], 100, { deaf: 'ab ba' })
    life.beats(['a', 'b'], 3000, { deaf: 'ab ba' })
    expect(life.phase).toBe('minority')
    life.see({ kind: 'startOver', pipeline: 'p', epoch: 41 })
    expect(life.beats(['a', 'b'], 100)).toEqual(['resumeWork'])
    expect(life.beats(['a', 'b'], 100)).toEqual(['reread', 'tellReady 4'])
    expect(life.beats(['a', 'b'], 10, { reread: true })).toEqual(['propose after 4: a1,b1 p,41'])
  })

  test('ends where it cannot learn whether its record stands', () => {
    expect(Life.active().see({ kind: 'storeTimeout', reason: 'full' })).toEqual(['exit storeTimeout'])
  })
})

describe('who leaves', () => {
  test('works on, and asks to be left out once it has nothing, in each generation anew', () => {
    const life = Life.active()
    expect(life.see({ kind: 'leave' })).toEqual([])
    expect(life.beats(['a', 'b', 'c'], 1000)).toEqual([])
    life.see({ kind: 'emptied' })
    expect(life.beats(['a', 'b', 'c'], 1000)).toEqual(['askToLeave'])
    life.chain(5, ['a', 'b', 'c'])
    life.see({ kind: 'restored', generation: 5 }, { kind: 'activate', generation: 5 })
    expect(life.phase).toBe('leaving')
    expect(life.beats(['a', 'b', 'c'], 1000)).toEqual([])
    life.see({ kind: 'emptied' })
    expect(life.beats(['a', 'b', 'c'], 1000)).toEqual(['askToLeave'])
    expect(life.chain(6, ['a', 'c'])).toEqual(['tellGeneration 6', 'exit left'])
  })

  test('is left out before that: it is fenced like anyone, and leaves when it is back', () => {
    const life = Life.active()
    life.see({ kind: 'leave' })
    expect(life.chain(5, ['a', 'c'])).toEqual(['stopWork fenced', 'beginAnew'])
    life.see({ kind: 'reborn', incarnation: 'b2' })
    life.chain(5, ['a', 'c'])
    life.chain(6, ['a', 'b2', 'c'])
    life.see({ kind: 'restored', generation: 6 }, { kind: 'activate', generation: 6 })
    expect(life.phase).toBe('leaving')
  })

  test('ends before it is a member where it has nothing, and only then', () => {
    const life = new Life()
    life.see({ kind: 'leave' }, { kind: 'emptied' })
    expect(life.phase).toBe('booting')
    life.chain(4, ['a', 'c'])
    expect(life.phase).toBe('following')
    expect(life.see({ kind: 'emptied' })).toEqual(['exit left'])
  })

  test('comes in first where it has something, and leaves as a member', () => {
    const life = new Life()
    life.chain(4, ['a', 'c'])
    expect(life.see({ kind: 'leave' })).toEqual([])
    expect(life.beats(['a', 'b', 'c'], 1000)).toEqual(['askToJoin a1'])
    life.chain(5, ['a', 'b', 'c'])
    life.see({ kind: 'restored', generation: 5 }, { kind: 'activate', generation: 5 })
    expect(life.phase).toBe('leaving')
    life.see({ kind: 'emptied' })
    expect(life.beats(['a', 'b', 'c'], 1000)).toEqual(['askToLeave'])
  })

  test('stays out of what it is not told to leave', () => {
    const life = new Life()
    life.chain(4, ['a', 'c'])
    expect(life.see({ kind: 'emptied' })).toEqual([])
    expect(life.phase).toBe('following')
  })

  test('owned nothing in the generation before, and may own something in the next', () => {
    const life = Life.active()
    life.see({ kind: 'leave' }, { kind: 'emptied' })
    life.chain(5, ['a', 'b', 'c'])
    expect(life.chain(6, ['a', 'c'])).toEqual(['stopWork fenced', 'beginAnew'])
  })
})
