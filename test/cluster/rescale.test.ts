import { describe, expect, test } from 'vitest'
import { startRescale, stepRescale } from '../../src/cluster/rescale.ts'
import type { RescaleEffect, RescaleEvent, RescaleState, Round } from '../../src/cluster/rescale-state.ts'
import type { Request, Room } from '../../src/cluster/target.ts'

const member = (worker: string) => ({ worker, incarnation: `${worker}1`, address: '' })
const settings = { gatherMs: 100, copyMs: 1000, freshMs: 50, holdMs: 2000, handMs: 500, workers: 3 }
const join = (worker: string, skipStalled = false): Request => joinWith(1, worker, skipStalled)
const joinWith = (sessions: number, worker: string, skipStalled = false): Request => ({
  ...{ kind: 'join', member: member(worker), sessions, skipStalled },
})

const from = { worker: 'a', number: 1 }

/** A cluster of a and b with two groups each, and the pipelines p and q. */
class Rescale {
  state: RescaleState = startRescale({
    ...{
      generation: 4,
      members: [member('a'), member('b')],
      owners: Uint16Array.of(0, 0, 1, 1),
      settings,
    },
  })
  effects: RescaleEffect[] = []
  nowMs = 0

  see(...events: RescaleEvent[]): string[] {
    this.effects = []
    for (const event of events) {
      const { next, effects } = stepRescale(this.state, event)
      this.state = next
      this.effects.push(...effects)
    }
    return this.effects.map((effect) => this.show(effect))
  }

  private show(effect: RescaleEffect): string {
    switch (effect.kind) {
      case 'answer':
        return `answer ${effect.answer}${effect.reason && `: ${effect.reason}`}`
      case 'requestEpoch':
        return `${effect.holds ? 'hold' : 'epoch'} ${effect.pipeline}`
      case 'askRound':
        return `read ${effect.round}`
      case 'release':
        return `release ${effect.pipelines}`.trim()
      case 'announce':
        return `announce ${effect.moves.map((move) => `${move.from}>${move.to}`)}`
      case 'appendRescale':
        return `append after ${effect.after}: ${effect.target.members.map((one) => one.worker)} ${effect.target.owners}`
    }
  }

  ask(request: Request, obstacle: string | null = null, room: Room | null = null): string[] {
    return this.see({ kind: 'request', request, obstacle, room, nowMs: this.nowMs })
  }

  wait(ms: number): string[] {
    this.nowMs += ms
    return this.see({ kind: 'tick', nowMs: this.nowMs, pipelines: ['p', 'q'] })
  }

  arrived(round: Round, attempt = 1, worker = 'c', incarnation = `${worker}1`): string[] {
    return this.see({ kind: 'arrived', worker, incarnation, attempt, round, nowMs: this.nowMs })
  }

  complete(pipeline: string, holds = false): string[] {
    return this.see({ kind: 'epochComplete', pipeline, holds, nowMs: this.nowMs })
  }

  failed(pipeline: string): string[] {
    return this.see({ kind: 'epochFailed', pipeline, reason: 'full', nowMs: this.nowMs })
  }

  /** Up to the phase in which pipelines are asked to hold. */
  toHold(skipStalled = false): string[] {
    this.ask(join('c', skipStalled))
    this.wait(100)
    this.arrived('base')
    this.complete('p')
    this.complete('q')
    return this.arrived('recent')
  }
}

describe('a rescale', () => {
  test('goes through the seven steps, and commits when everyone holds and has everything', () => {
    const rescale = new Rescale()
    expect(rescale.ask(join('c'))).toEqual(['answer accepted'])
    expect(rescale.wait(50)).toEqual([])
    expect(rescale.wait(50)).toEqual(['announce b>c', 'read base'])
    expect(rescale.arrived('base')).toEqual(['epoch p', 'epoch q'])
    expect(rescale.complete('p')).toEqual([])
    expect(rescale.complete('q')).toEqual(['read recent'])
    expect(rescale.arrived('recent')).toEqual(['hold p', 'hold q'])
    expect(rescale.complete('p')).toEqual([])
    expect(rescale.complete('p', true)).toEqual([])
    expect(rescale.complete('q', true)).toEqual(['read last'])
    expect(rescale.arrived('recent')).toEqual([])
    expect(rescale.arrived('last')).toEqual(['append after 4: a,b,c 0,0,1,2'])
    expect(rescale.see({ kind: 'lost', worker: 'b', reason: 'b is lost' })).toEqual([])
    expect(rescale.see({ kind: 'stop' })).toEqual(['answer later: another generation has begun'])
  })

  test('makes another epoch as long as the last one, with the copying of it, was slow, and three at most', () => {
    const rescale = new Rescale()
    rescale.ask(join('c'))
    rescale.wait(100)
    rescale.wait(500)
    const slowly = (round: Round, ms: number): string[] => {
      rescale.complete('p')
      expect(rescale.complete('q')).toEqual([`read ${round}`])
      rescale.wait(ms)
      return rescale.arrived(round)
    }
    expect(rescale.arrived('base')).toEqual(['epoch p', 'epoch q'])
    expect(slowly('recent', 51)).toEqual(['epoch p', 'epoch q'])
    expect(rescale.arrived('recent')).toEqual([])
    expect(slowly('newer', 51)).toEqual(['epoch p', 'epoch q'])
    expect(slowly('newest', 51)).toEqual(['hold p', 'hold q'])
    const quick = new Rescale()
    quick.ask(join('c'))
    quick.wait(100)
    quick.arrived('base')
    quick.wait(20)
    quick.complete('p')
    quick.complete('q')
    quick.wait(30)
    expect(quick.arrived('recent')).toEqual(['hold p', 'hold q'])
  })

  test('several that come together come in one generation', () => {
    const rescale = new Rescale()
    rescale.ask(join('c'))
    rescale.ask({ kind: 'leave', worker: 'a', skipStalled: false })
    expect(rescale.wait(100)[0]).toBe('announce a>c')
  })

  test('who is lost before it begins is forgotten, and the others come', () => {
    const rescale = new Rescale()
    rescale.ask(join('c'))
    rescale.ask({ kind: 'leave', worker: 'a', skipStalled: false })
    rescale.see({ kind: 'lost', worker: 'c', reason: '' })
    expect(rescale.wait(100)[0]).toBe('announce a>b')
    const alone = new Rescale()
    alone.ask(join('c'))
    alone.see({ kind: 'lost', worker: 'x', reason: '' })
    expect(alone.state.phase).toBe('gathering')
    alone.see({ kind: 'lost', worker: 'c', reason: '' })
    expect(alone.state.phase).toBe('idle')
    const load = Float64Array.of(5, 5, 1, 1)
    alone.ask({ kind: 'rebalance', ...from, load, budget: 1, skipStalled: false })
    alone.see({ kind: 'lost', worker: 'c', reason: '' })
    expect(alone.wait(100)[0]).toBe('announce a>b')
  })

  test('of all who would leave together the last one has to wait until another comes', () => {
    const leave = (worker: string): Request => ({ kind: 'leave', worker, skipStalled: false })
    const rescale = new Rescale()
    rescale.ask(leave('a'))
    expect(rescale.ask(leave('b'))).toEqual([
      'answer later: nobody would stay to take what it owns; stop the cluster instead',
    ])
    expect(rescale.ask(leave('a'))).toEqual(['answer accepted'])
    rescale.ask(join('c'))
    expect(rescale.ask(leave('b'))).toEqual(['answer accepted'])
    expect(rescale.wait(100).slice(0, 1)).toEqual(['announce a>c,b>c'])
  })

  test('takes no more workers than a cluster may have', () => {
    const rescale = new Rescale()
    const members = ['a', 'b', 'e'].map(member)
    const owners = Uint16Array.of(0, 0, 1, 2)
    rescale.state = startRescale({ generation: 4, members, owners, settings })
    expect(rescale.ask(join('c'))).toEqual(['answer refused: the cluster has 3 workers and takes no more'])
  })

  test('takes no more workers than what runs has memory for, also of those that come together', () => {
    const two = { workers: 2, reason: 'too much' }
    expect(new Rescale().ask(join('c'), null, two)).toEqual(['answer refused: too much'])
    const three = { workers: 3, reason: 'too much' }
    const rescale = new Rescale()
    expect(rescale.ask(join('c'), null, three)).toEqual(['answer accepted'])
    expect(rescale.ask(join('d'), null, three)).toEqual(['answer later: too much'])
    const many = { workers: 9, reason: 'too much' }
    expect(rescale.ask(join('d'), null, many)).toEqual(['answer later: the cluster has 3 workers and takes no more'])
  })

  test('goes on without what is stalled where one of several asks for it', () => {
    const rescale = new Rescale()
    rescale.ask(join('c', true))
    rescale.ask({ kind: 'leave', worker: 'a', skipStalled: false })
    rescale.wait(100)
    rescale.arrived('base')
    rescale.arrived('base', 1, 'b')
    expect(rescale.wait(2000)[0]).toBe('read recent')
  })

  test('who comes while one is under way is told to come later, or that it is part of it', () => {
    const rescale = new Rescale()
    rescale.toHold()
    expect(rescale.ask(join('d'))).toEqual(['answer later: another change of owners is under way'])
    expect(rescale.ask(join('c'))).toEqual(['answer accepted'])
  })

  test('refuses what cannot be, and puts off what cannot be yet', () => {
    const rescale = new Rescale()
    expect(rescale.ask(join('c'), 'it is not heard')).toEqual(['answer later: it is not heard'])
    expect(rescale.ask({ kind: 'leave', worker: 'x', skipStalled: false })).toEqual(['answer refused: x is no member'])
    const load = new Float64Array(3)
    expect(rescale.ask({ kind: 'rebalance', ...from, load, budget: 1, skipStalled: false })[0]).toContain(
      'answer refused',
    )
  })

  type Steps = readonly ((rescale: Rescale) => string[])[]
  const toHold: Steps[number] = (r) => r.toHold()
  const begun: Steps = [(r) => r.ask(join('c')), (r) => r.wait(100)]
  const held: Steps = [toHold, (r) => r.complete('p', true), (r) => r.complete('q', true)]
  const failures: readonly (readonly [name: string, steps: Steps, released: string, reason: string])[] = [
    ['the base is late', [...begun, (r) => r.wait(1000)], '', 'c did not get everything'],
    [
      'an ordinary checkpoint is late',
      [...begun, (r) => r.arrived('base'), (r) => r.complete('p'), (r) => r.wait(2000)],
      '',
      'pipeline q did not complete',
    ],
    ['pipelines do not hold', [toHold, (r) => r.wait(2000)], 'p,q', 'pipeline p, q did not complete'],
    ['its checkpoint fails', [toHold, (r) => r.failed('q')], 'p,q', 'pipeline q: full'],
    ['the last part is late', [...held, (r) => r.wait(500)], 'p,q', 'c did not get everything'],
    ['the newcomer dies', [toHold, (r) => r.see({ kind: 'lost', worker: 'c', reason: 'gone' })], 'p,q', 'gone'],
    [
      'nothing was appended',
      [...held, (r) => r.arrived('last'), (r) => r.see({ kind: 'notAppended', reason: 'withdrawn' })],
      'p,q',
      'withdrawn',
    ],
  ]

  describe.each(failures)('before the commit, when %s', (_, steps, released, reason) => {
    test('lets go of what holds, and can begin anew', () => {
      const rescale = new Rescale()
      const [release, answer] = steps.map((step) => step(rescale)).at(-1)!
      expect(release).toBe(`release ${released}`.trim())
      expect(answer).toContain(`answer later: ${reason}`)
      expect(rescale.state.phase).toBe('idle')
      rescale.ask(join('c'))
      rescale.wait(100)
      expect(rescale.arrived('base', 1)).toEqual([])
      expect(rescale.arrived('base', 2, 'c', 'c0')).toEqual([])
      expect(rescale.arrived('base', 2)).toEqual(['epoch p', 'epoch q'])
    })
  })

  test('what comes to hold for an earlier attempt is let go, and what was handed over in the next one stays', () => {
    const rescale = new Rescale()
    rescale.toHold()
    rescale.see({ kind: 'lost', worker: 'c', reason: 'gone' })
    rescale.ask(join('c'))
    rescale.wait(100)
    rescale.complete('p', true)
    expect(rescale.effects).toEqual([{ kind: 'release', attempt: 1, pipelines: ['p'] }])
    rescale.arrived('base', 2)
    rescale.complete('q', true)
    expect(rescale.effects).toEqual([{ kind: 'release', attempt: 1, pipelines: ['q'] }])
  })

  test('is given up where a link of the newcomer has begun anew, for what was on the way is gone (H7)', () => {
    const steps: ((rescale: Rescale) => unknown)[] = [
      (rescale) => rescale.arrived('base'),
      (rescale) => [rescale.complete('p'), rescale.complete('q'), rescale.arrived('recent')],
      (rescale) => [rescale.complete('p', true), rescale.complete('q', true)],
    ]
    for (let n = 0; n <= steps.length; n++) {
      const rescale = new Rescale()
      rescale.ask(joinWith(1, 'c'))
      rescale.wait(100)
      for (const step of steps.slice(0, n)) step(rescale)
      expect(rescale.ask(joinWith(1, 'c'))).toEqual(['answer accepted'])
      expect(rescale.ask(joinWith(2, 'd'))).toEqual(['answer later: another change of owners is under way'])
      const given = ['answer later: a link of c has begun anew']
      expect(rescale.ask(joinWith(2, 'c')).slice(1)).toEqual(given)
      expect(rescale.effects[0]).toMatchObject({ kind: 'release', attempt: 1, pipelines: n < 2 ? [] : ['p', 'q'] })
      expect(rescale.ask(joinWith(2, 'c'))).toEqual(['answer accepted'])
      expect(rescale.wait(100)).toEqual(['announce b>c', 'read base'])
    }
  })

  test('what comes to hold after it was given up is let go', () => {
    const rescale = new Rescale()
    rescale.toHold()
    rescale.see({ kind: 'lost', worker: 'c', reason: '' })
    expect(rescale.complete('q', true)).toEqual(['release q'])
    expect(rescale.complete('q')).toEqual([])
  })

  test('with skipStalled goes on without what is stalled, and lets that go too if it is given up', () => {
    const rescale = new Rescale()
    rescale.toHold(true)
    rescale.complete('p', true)
    expect(rescale.wait(2000)).toEqual(['read last'])
    expect(rescale.complete('q', true)).toEqual([])
    expect(rescale.wait(500)[0]).toBe('release p,q')
  })

  test('goes on without one that failed, and lets it go too where it holds after all while the others are waited for', () => {
    const rescale = new Rescale()
    rescale.toHold(true)
    expect(rescale.failed('p')).toEqual([])
    // Of an attempt before.
    expect(rescale.complete('p', true)).toEqual([])
    expect(rescale.see({ kind: 'lost', worker: 'c', reason: 'gone' })[0]).toBe('release q,p')
  })

  test('a pipeline that ends is waited for no longer', () => {
    const rescale = new Rescale()
    rescale.toHold()
    rescale.complete('p', true)
    expect(rescale.see({ kind: 'pipelineEnded', pipeline: 'q', nowMs: 0 })).toEqual(['read last'])
  })

  test('a failed ordinary checkpoint is asked for again, with the next tick', () => {
    const rescale = new Rescale()
    rescale.ask(join('c'))
    rescale.wait(100)
    rescale.arrived('base')
    expect(rescale.failed('p')).toEqual([])
    expect(rescale.wait(10)).toEqual(['epoch p'])
    expect(rescale.wait(10)).toEqual([])
  })

  test('a leaver gives everything away with its seat', () => {
    const rescale = new Rescale()
    rescale.ask({ kind: 'leave', worker: 'b', skipStalled: false })
    expect(rescale.wait(100)[0]).toBe('announce b>a')
    expect(rescale.arrived('base', 1, 'a')).not.toEqual([])
  })

  test('what changes nothing is over at once', () => {
    const rescale = new Rescale()
    rescale.ask({ kind: 'rebalance', ...from, load: Float64Array.of(1, 1, 1, 1), budget: 4, skipStalled: false })
    expect(rescale.wait(100)).toEqual([])
    expect(rescale.state.phase).toBe('idle')
  })
})
