/**
 * The coordinator's table and the participants' together, in random orders of messages, barriers, failures and time.
 * Each worker has a source and a keyed task that aligns the barriers of all sources; the chain is a list.
 */
import { describe, expect, test } from 'vitest'
import { assert } from '../../src/base/assert.ts'
import { Prng } from '../../src/base/prng.ts'
import type { Barrier, Fate, Purpose } from '../../src/checkpoint/barrier.ts'
import { startCoordinator, stepCoordinator, tickAt } from '../../src/checkpoint/coordinator.ts'
import type { CoordinatorEffect, CoordinatorEvent, CoordinatorState } from '../../src/checkpoint/coordinator-state.ts'
import type { Snapshot } from '../../src/checkpoint/manifest.ts'
import {
  type ParticipantEffect,
  type ParticipantEvent,
  type ParticipantState,
  type PartSnapshot,
  startParticipant,
  stepParticipant,
} from '../../src/checkpoint/participant.ts'

const PARTS = new Set(['source', 'keyed'])
const part = (role: PartSnapshot['role'], epoch: number): PartSnapshot => ({
  ...{ role, step: role, snapshot: { epoch }, counts: { keys: 1, records: 1 } },
})

/** One worker: what the effects do, and what must hold of them. */
class Worker {
  readonly name: string
  readonly incarnation = 'i'
  state: ParticipantState = startParticipant(PARTS)
  /** The barrier in the channel from each worker's source to the keyed task, on its way or waiting at its end. */
  readonly channels = new Map<string, { readonly epoch: number; readonly arrived: boolean }>()
  /** Epochs whose barrier has passed each part. */
  readonly passed = { source: 0, keyed: 0 }
  /** What the store has frozen and not settled (D1), and the last complete epoch it knows of. */
  frozen: number | null = null
  dropped = 0
  readonly read: number[] = []
  readonly commits: number[] = []
  private readonly world: World

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
  }

  on(event: ParticipantEvent): void {
    const { next, effects } = stepParticipant(this.state, event)
    this.state = next
    for (const effect of effects) this.execute(effect)
  }

  private answer(event: CoordinatorEvent): void {
    this.world.toCoordinator.get(this.name)!.push(event)
  }

  private execute(effect: ParticipantEffect): void {
    const { name: worker, incarnation, world } = this
    switch (effect.kind) {
      case 'begin':
        this.cut(effect.barrier)
        break
      case 'finishPack':
        world.later(() => {
          const failed = world.random.chance(world.trouble)
          if (failed) this.on({ kind: 'packFailed', epoch: effect.epoch, reason: 'full' })
          else this.on({ kind: 'packed', epoch: effect.epoch, pack: null })
        })
        break
      case 'drop':
        this.dropped = effect.epoch
        break
      case 'settle':
        assert(this.frozen === null || this.frozen === effect.fate.epoch, 'D1: the epoch that is frozen is settled')
        if (effect.fate.outcome === 'complete') {
          assert(this.frozen === effect.fate.epoch, 'D1: what is complete was frozen')
          assert(world.chain.includes(effect.fate.epoch), 'C2: it is complete by its record')
        }
        this.frozen = null
        break
      case 'tellSaved':
        assert(this.passed.source === effect.epoch && this.passed.keyed === effect.epoch, 'D2')
        assert(effect.snapshot.sources.length === 1, 'D2: the source is in the snapshot')
        this.answer({
          kind: 'saved',
          worker,
          incarnation,
          epoch: effect.epoch,
          snapshot: effect.snapshot,
          nowMs: world.now,
        })
        break
      case 'tellRefused':
        this.answer({
          kind: 'refused',
          worker,
          incarnation,
          epoch: effect.epoch,
          reason: effect.reason,
          nowMs: world.now,
        })
        break
      case 'tellPassed':
        assert(this.passed.source >= effect.epoch && this.passed.keyed >= effect.epoch, 'D3')
        this.answer({ kind: 'passed', worker, incarnation, epoch: effect.epoch })
        break
      case 'readChain':
        world.later(() => this.readChain())
        break
      case 'commit':
        assert(this.read.includes(effect.epoch), 'D4: it is read before it is committed')
        this.commits.push(effect.epoch)
        break
    }
  }

  readChain(): void {
    for (const epoch of this.world.chain) {
      if (this.read.includes(epoch)) continue
      this.read.push(epoch)
      this.on({ kind: 'recorded', epoch })
    }
  }

  /** The source cuts and sends the barrier to every keyed task. */
  private cut(barrier: Barrier): void {
    const { epoch } = barrier
    this.passed.source = epoch
    for (const worker of this.world.workers) {
      assert(!worker.channels.has(this.name), 'C3: no channel holds two barriers')
      worker.channels.set(this.name, { epoch, arrived: false })
      this.world.later(() => worker.arrive(this.name, barrier))
    }
    this.on({ kind: 'partPassed', epoch, part: 'source' })
    this.world.later(() => this.save('source', epoch))
  }

  /** A barrier reaches the keyed task; when it has come from every source, it passes. */
  private arrive(from: string, barrier: Barrier): void {
    const { epoch } = barrier
    this.channels.set(from, { epoch, arrived: true })
    this.on({ kind: 'barrier', barrier })
    const aligned = this.world.workers.every(({ name }) => this.channels.get(name)?.arrived)
    if (aligned) this.world.later(() => this.pass(epoch))
  }

  private pass(epoch: number): void {
    this.channels.clear()
    this.passed.keyed = epoch
    if (this.dropped !== epoch) {
      assert(this.frozen === null, 'D1: a store freezes when the epoch before is settled')
      this.frozen = epoch
    }
    this.on({ kind: 'partPassed', epoch, part: 'keyed' })
    this.world.later(() => this.save('keyed', epoch))
  }

  private save(role: 'source' | 'keyed', epoch: number): void {
    if (this.dropped === epoch) return
    if (this.world.random.chance(this.world.trouble)) {
      this.on({ kind: 'partFailed', epoch, part: role, reason: 'broken' })
    } else {
      this.on({ kind: 'partSaved', epoch, part: role, snapshot: part(role, epoch) })
    }
  }
}

class World {
  readonly random: Prng
  readonly workers: readonly Worker[]
  readonly chain: number[] = []
  readonly fates: Fate[] = []
  readonly announced: string[] = []
  readonly refusedRequests: Purpose[] = []
  refusedAll = 0
  /** The worker on which the pipeline has failed. */
  failing: Worker | null = null
  readonly toCoordinator = new Map<string, CoordinatorEvent[]>()
  readonly toWorker = new Map<string, ParticipantEvent[]>()
  coordinator: CoordinatorState
  now = 0
  trouble: number
  /** Time goes by so many milliseconds in a step at most: quick time makes everything late. */
  readonly pace: number
  held = false
  private readonly tasks: (() => void)[] = []

  constructor(seed: number, count: number) {
    this.random = new Prng(seed)
    this.pace = 2 + (seed % 8)
    this.trouble = this.random.chance(0.5) ? this.random.between(0, 0.2) : 0
    this.workers = Array.from({ length: count }, (_, i) => new Worker(this, `w${i}`))
    for (const { name } of this.workers) {
      this.toCoordinator.set(name, [])
      this.toWorker.set(name, [])
    }
    const members = new Map(this.workers.map(({ name, incarnation }) => [name, incarnation]))
    this.coordinator = startCoordinator({ members, intervalMs: 10, timeoutMs: 40, maxAbandoned: 3 }, 0, 0)
  }

  later(fn: () => void): void {
    this.tasks.push(fn)
  }

  on(event: CoordinatorEvent): void {
    const { next, effects } = stepCoordinator(this.coordinator, event)
    this.coordinator = next
    for (const effect of effects) this.execute(effect)
  }

  private execute(effect: CoordinatorEffect): void {
    switch (effect.kind) {
      case 'inject': {
        const { epoch, purpose, previous } = effect
        for (const { passed } of this.workers) {
          assert(passed.source === epoch - 1 && passed.keyed === epoch - 1, 'C3: the barrier before has passed')
        }
        assert(epoch === 1 || previous?.epoch === epoch - 1, 'C1: a barrier carries the fate of the one before')
        for (const queue of this.toWorker.values())
          queue.push({ kind: 'barrier', barrier: { epoch, purpose, previous } })
        break
      }
      case 'writeManifest':
        this.checkSnapshots(effect.epoch, effect.snapshots)
        this.later(() => {
          const failed = this.random.chance(this.trouble)
          if (failed) this.on({ kind: 'manifestFailed', epoch: effect.epoch, reason: 'full', nowMs: this.now })
          else this.on({ kind: 'manifestWritten', epoch: effect.epoch })
        })
        break
      case 'appendEpoch':
        assert(!this.fates.some(({ epoch }) => epoch === effect.epoch), 'C2: its fate is open')
        this.later(() => {
          this.chain.push(effect.epoch)
          this.later(() => this.on({ kind: 'recorded', epoch: effect.epoch, nowMs: this.now }))
        })
        break
      case 'tellFate': {
        const { fate } = effect
        assert(
          (fate.outcome === 'complete') === this.chain.includes(fate.epoch),
          'C2: complete is what stands in the chain',
        )
        this.fates.push(fate)
        for (const queue of this.toWorker.values()) queue.push({ kind: 'fate', fate })
        break
      }
      case 'linkSavepoint':
        assert(this.chain.includes(effect.epoch), 'C6')
        this.later(() => {
          const failed = this.random.chance(this.trouble)
          if (failed) this.on({ kind: 'linkFailed', epoch: effect.epoch, reason: 'full' })
          else this.on({ kind: 'linked', epoch: effect.epoch })
        })
        break
      case 'announceSavepoint':
        this.announced.push(effect.name)
        break
      case 'refuseRequest':
        this.refusedRequests.push(effect.purpose)
        break
      case 'refuseAll':
        this.refusedAll++
        break
      case 'holdSources':
        assert((!this.held || this.coordinator.phase === 'broken') && effect.reason.length > 0, 'C5')
        this.held = true
        break
      case 'releaseSources':
        assert(this.held, 'C5')
        this.held = false
        break
    }
  }

  private checkSnapshots(epoch: number, snapshots: ReadonlyMap<string, Snapshot>): void {
    assert(snapshots.size === this.workers.length, 'C4: every member has saved')
    for (const { sources } of snapshots.values()) {
      assert(JSON.stringify(sources[0]?.snapshot) === `{"epoch":${epoch}}`, 'C4: of this epoch')
    }
  }

  /** It says so at once, and to each barrier that it hears of (`checkpoint/coordinator.ts`, C7). */
  fail(worker: Worker): void {
    this.failing = worker
    this.sayFailed(worker.name)
  }

  private sayFailed(worker: string): void {
    this.toCoordinator.get(worker)!.push({ kind: 'failedOn', worker, incarnation: 'i', reason: 'broken' })
  }

  private hear(worker: Worker, event: ParticipantEvent): void {
    if (worker !== this.failing) worker.on(event)
    else if (event.kind === 'barrier') this.sayFailed(worker.name)
  }

  /** One thing happens: a message, a barrier, something in the background, or time. */
  step(): void {
    const choices: (() => void)[] = []
    for (const worker of this.workers) {
      const inbox = this.toWorker.get(worker.name)!
      if (inbox.length > 0) choices.push(() => this.hear(worker, inbox.shift()!))
      const outbox = this.toCoordinator.get(worker.name)!
      if (outbox.length > 0) choices.push(() => this.on({ ...outbox.shift()!, nowMs: this.now } as CoordinatorEvent))
      if (this.chain.length > worker.read.length) choices.push(() => worker.readChain())
    }
    if (this.tasks.length > 0) {
      const index = this.random.below(this.tasks.length)
      choices.push(() => this.tasks.splice(index, 1)[0]!())
    }
    choices.push(() => {
      this.now += this.random.below(this.pace)
      const { coordinator, now } = this
      this.on({ kind: 'tick', nowMs: now })
      const decided = this.coordinator !== coordinator
      assert(decided === now >= tickAt(coordinator), 'a tick decides something from then on, and not before')
    })
    choices[this.random.below(choices.length)]!()
  }

  ask(purpose: Purpose): void {
    this.on({ kind: 'request', purpose, nowMs: this.now })
  }
}

describe('coordinator and participants', () => {
  test('keep their invariants in any order of events, and go on once the trouble is over', () => {
    let complete = 0
    let abandoned = 0
    let held = 0
    for (let seed = 0; seed < 400; seed++) {
      const world = new World(seed, 1 + (seed % 3))
      for (let i = 0; i < 600; i++) {
        world.step()
        if (world.held) held++
        if (i % 97 === 5) world.ask({ kind: 'savepoint', name: `s${i}` })
        if (i === 300 && seed % 5 === 0) world.ask({ kind: 'rescale' })
        if (i % 100 === 99) world.on({ kind: 'resume', nowMs: world.now })
      }
      abandoned += world.fates.filter(({ outcome }) => outcome === 'abandoned').length
      complete += world.chain.length
      world.trouble = 0
      const before = world.chain.length
      for (let i = 0; i < 60_000 && world.chain.length < before + 3; i++) {
        world.step()
        if (i % 200 === 0) world.on({ kind: 'resume', nowMs: world.now })
      }
      expect(world.chain.length, `seed ${seed}`).toBeGreaterThanOrEqual(before + 3)
      for (const { commits } of world.workers) expect(commits).toEqual(world.chain.slice(0, commits.length))
    }
    expect(complete).toBeGreaterThan(2000)
    expect(abandoned).toBeGreaterThan(500)
    expect(held).toBeGreaterThan(0)
  })

  test('of two requests that make all hold one is served, and nothing holds once it is over', () => {
    const plan = { members: new Map([['a', '1']]), intervalMs: 1000, timeoutMs: 100, maxAbandoned: 3 }
    const effects: CoordinatorEffect[] = []
    let state: CoordinatorState = startCoordinator(plan, 0, 0)
    const raise = (event: CoordinatorEvent): void => {
      const step = stepCoordinator(state, event)
      state = step.next
      effects.push(...step.effects)
    }
    const rescale = { kind: 'request', purpose: { kind: 'rescale' }, nowMs: 0 } as const
    const complete = (epoch: number): void => {
      raise({ kind: 'saved', worker: 'a', incarnation: '1', epoch, snapshot: {} as Snapshot, nowMs: 0 })
      raise({ kind: 'manifestWritten', epoch })
      raise({ kind: 'recorded', epoch, nowMs: 0 })
    }
    raise({ ...rescale, purpose: { kind: 'periodic' } })
    raise(rescale)
    complete(1)
    raise(rescale)
    expect(effects.filter(({ kind }) => kind === 'refuseRequest')).toHaveLength(1)
    complete(2)
    expect(state.phase).toBe('resting')
    raise({ kind: 'resume', nowMs: 0 })
    raise({ kind: 'tick', nowMs: 0 })
    expect(state).toMatchObject({ phase: 'collecting', epoch: 3, purpose: { kind: 'periodic' } })
  })

  test('what is asked for while all hold for a change of owners comes behind that, or ends with the generation', () => {
    const plan = { members: new Map([['a', '1']]), intervalMs: 1000, timeoutMs: 100, maxAbandoned: 3 }
    const request = (purpose: Purpose) => ({ kind: 'request', purpose, nowMs: 5 }) as const
    const run = (events: readonly CoordinatorEvent[]) => {
      const effects: CoordinatorEffect[] = []
      let state: CoordinatorState = startCoordinator(plan, 0, 0)
      for (const event of events) {
        const step = stepCoordinator(state, event)
        state = step.next
        effects.push(...step.effects)
      }
      return { state, last: effects.slice(4) }
    }
    const saved = { worker: 'a', incarnation: '1', epoch: 1, snapshot: {} as Snapshot, nowMs: 5 }
    const held = (purpose: Purpose): readonly CoordinatorEvent[] => [
      request(purpose),
      { kind: 'saved', ...saved },
      { kind: 'manifestWritten', epoch: 1 },
      { kind: 'recorded', epoch: 1, nowMs: 5 },
    ]
    const rescale = { kind: 'rescale' } as const
    const drain = { kind: 'drain', stays: true } as const
    for (const purpose of [{ kind: 'periodic' }, { kind: 'savepoint', name: 's' }, drain] as const) {
      const asked = [...held(rescale), request(purpose)]
      const goesOn = run([...asked, { kind: 'resume', nowMs: 6 }, { kind: 'tick', nowMs: 6 }])
      expect(goesOn.last).toMatchObject([{ kind: 'inject', epoch: 2, purpose }])
      expect(goesOn.state).toMatchObject({ phase: 'collecting', purpose })
      expect(run([...asked, { kind: 'stop' }]).last).toEqual([
        { kind: 'refuseRequest', purpose, reason: 'the generation has ended' },
      ])
      expect(run([...held(drain), request(purpose)]).last).toMatchObject([{ kind: 'refuseRequest', purpose }])
    }
    expect(run([...held(rescale), request(rescale)]).last).toMatchObject([{ kind: 'refuseRequest', purpose: rescale }])
  })

  test('who wants any epoch takes nobody’s place: readers ask for one behind the other, and a drain comes between', () => {
    const plan = { members: new Map([['a', '1']]), intervalMs: 1000, timeoutMs: 100, maxAbandoned: 3 }
    const request = (purpose: Purpose) => ({ kind: 'request', purpose, nowMs: 0 }) as const
    const any = request({ kind: 'periodic' })
    let state: CoordinatorState = startCoordinator(plan, 0, 0)
    const effects = [any, any, request({ kind: 'drain', stays: true }), any].flatMap((event) => {
      const step = stepCoordinator(state, event)
      state = step.next
      return step.effects
    })
    expect(effects.map(({ kind }) => kind)).toEqual(['inject'])
    expect(state).toMatchObject({ phase: 'collecting', epoch: 1, requested: { kind: 'drain' } })
    const { effects: refused } = stepCoordinator(state, request({ kind: 'rescale' }))
    expect(refused).toMatchObject([{ kind: 'refuseRequest', purpose: { kind: 'rescale' } }])
  })

  test('every savepoint that is asked for is announced or refused, however many are', () => {
    for (let seed = 0; seed < 200; seed++) {
      const world = new World(seed, 2)
      const asked = Array.from({ length: 5 }, (_, i) => `s${i}`)
      for (const name of asked) {
        const steps = world.random.below(50)
        for (let i = 0; i < steps; i++) world.step()
        world.ask({ kind: 'savepoint', name })
      }
      const known = () => [
        ...world.announced,
        ...world.refusedRequests.map((purpose) => (purpose as Extract<Purpose, { kind: 'savepoint' }>).name),
      ]
      for (let i = 0; i < 20_000 && known().length < asked.length; i++) world.step()
      expect(known().sort(), `seed ${seed}`).toEqual(asked)
    }
  })

  test('C7: once it has failed on a member no epoch is begun, and what is asked for is refused', () => {
    for (let seed = 0; seed < 300; seed++) {
      const world = new World(seed, 1 + (seed % 3))
      const steps = world.random.below(300)
      for (let i = 0; i < steps; i++) world.step()
      world.fail(world.workers.at(-1)!)
      world.ask({ kind: 'savepoint', name: 's' })
      const isBroken = () => world.coordinator.phase === 'broken'
      for (let i = 0; i < 20_000 && !isBroken(); i++) world.step()
      expect([isBroken(), world.held, world.refusedAll], `seed ${seed}`).toEqual([true, true, 1])
      const { epoch } = world.coordinator
      const chain = world.chain.length
      world.ask({ kind: 'drain', stays: true })
      for (let i = 0; i < 500; i++) world.step()
      world.on({ kind: 'resume', nowMs: world.now })
      expect([world.coordinator.epoch, world.chain.length, world.refusedAll, world.held]).toEqual([
        epoch,
        chain,
        1,
        true,
      ])
      expect(world.refusedRequests.at(-1)).toEqual({ kind: 'drain', stays: true })
    }
  })

  test('a rescale makes every task hold until it is resumed or ended', () => {
    const world = new World(0, 2)
    world.trouble = 0
    world.ask({ kind: 'rescale' })
    for (let i = 0; i < 3000 && world.coordinator.phase !== 'resting'; i++) world.step()
    const epochs = world.chain.length
    for (let i = 0; i < 500; i++) world.step()
    expect(world.chain.length).toBe(epochs)
    world.ask({ kind: 'drain', stays: false })
    for (let i = 0; i < 500; i++) world.step()
    expect([world.chain.length, world.refusedRequests]).toEqual([epochs, []])
    world.on({ kind: 'resume', nowMs: world.now })
    for (let i = 0; i < 3000 && world.chain.length === epochs; i++) world.step()
    expect(world.chain.length).toBe(epochs + 1)
    expect(world.coordinator).toMatchObject({ purpose: { kind: 'drain', stays: false } })
  })
})

describe('the coordinator', () => {
  const plan = {
    members: new Map([
      ['a', '1'],
      ['b', '1'],
    ]),
    intervalMs: 10,
    timeoutMs: 40,
    maxAbandoned: 2,
  }
  const nothing: Snapshot = { pack: null, sources: [], sinks: [], counts: { keys: 0, records: 0 } }
  const run = (events: readonly CoordinatorEvent[]) => {
    let state: CoordinatorState = startCoordinator(plan, 6, 0)
    const effects: CoordinatorEffect[] = []
    for (const event of events) {
      const step = stepCoordinator(state, event)
      state = step.next
      effects.push(...step.effects)
    }
    return { state, effects }
  }
  const saved = (worker: string, incarnation = '1', epoch = 7): CoordinatorEvent => ({
    ...{ kind: 'saved', worker, incarnation, epoch, snapshot: nothing, nowMs: 20 },
  })
  const begun: CoordinatorEvent = { kind: 'tick', nowMs: 10 }

  test('C4: hears only members, in their own incarnation, for the epoch under way', () => {
    const strangers = [saved('c'), saved('b', '0'), saved('b', '1', 6)]
    expect(run([begun, saved('a'), ...strangers]).state.phase).toBe('collecting')
    expect(run([begun, saved('a'), saved('a')]).state.phase).toBe('collecting')
    expect(run([begun, saved('a'), saved('b')]).state.phase).toBe('writing')
  })

  test('C2: waits for the record for ever, without a barrier or a fate', () => {
    const late = Array.from({ length: 50 }, (_, i): CoordinatorEvent => ({ kind: 'tick', nowMs: 1000 * i }))
    const { state, effects } = run([begun, saved('a'), saved('b'), { kind: 'manifestWritten', epoch: 7 }, ...late])
    expect(state.phase).toBe('recording')
    expect(effects.map(({ kind }) => kind)).toEqual(['inject', 'writeManifest', 'appendEpoch'])
  })

  test('C5: stops the sources after too many failures, naming who is late, and lets them go on', () => {
    const late: CoordinatorEvent[] = [
      { kind: 'tick', nowMs: 50 },
      { kind: 'tick', nowMs: 90 },
    ]
    const { effects } = run([begun, saved('a'), ...late])
    expect(effects.at(-1)).toEqual({ kind: 'holdSources', reason: 'the barrier of epoch 7 has not passed b' })
    expect(effects.filter(({ kind }) => kind === 'inject')).toHaveLength(1)
    const again: CoordinatorEvent[] = [
      { kind: 'passed', worker: 'b', incarnation: '1', epoch: 7 },
      { kind: 'tick', nowMs: 100 },
      saved('a', '1', 8),
      saved('b', '1', 8),
      { kind: 'manifestWritten', epoch: 8 },
      { kind: 'recorded', epoch: 8, nowMs: 120 },
    ]
    const rest = run([begun, saved('a'), ...late, ...again]).effects
    expect(rest.at(-1)).toEqual({ kind: 'releaseSources' })
    expect(rest.filter(({ kind }) => kind === 'inject').at(-1)).toMatchObject({ previous: { outcome: 'abandoned' } })
  })

  test('refuses what was asked for when the generation ends', () => {
    const purpose = { kind: 'savepoint', name: 's' } as const
    const { effects } = run([begun, { kind: 'request', purpose, nowMs: 11 }, { kind: 'stop' }])
    expect(effects.at(-1)).toEqual({ kind: 'refuseRequest', purpose, reason: 'the generation has ended' })
  })
})

describe('the participant', () => {
  test('D4: commits an epoch once, however often its record is read', () => {
    let state: ParticipantState = startParticipant(new Set())
    const kinds: string[] = []
    const barrier: Barrier = { epoch: 7, purpose: { kind: 'periodic' }, previous: null }
    const events: readonly ParticipantEvent[] = [
      { kind: 'barrier', barrier },
      { kind: 'packed', epoch: 7, pack: null },
      { kind: 'recorded', epoch: 7 },
      { kind: 'fate', fate: { epoch: 7, outcome: 'complete' } },
      { kind: 'recorded', epoch: 7 },
    ]
    for (const event of events) {
      const step = stepParticipant(state, event)
      state = step.next
      kinds.push(...step.effects.map((effect) => effect.kind))
    }
    expect(kinds).toEqual(['begin', 'finishPack', 'tellSaved', 'settle', 'commit'])
  })
})
