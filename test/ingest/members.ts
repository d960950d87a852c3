/**
 * Members of a simulated cluster as their doors see it: workers on machines of their own, and the links between them.
 */

import { fail } from '../../src/base/errors.ts'
import type { Limits } from '../../src/base/limits.ts'
import { homeOf, type Placement } from '../../src/cluster/splits.ts'
import type { Clock } from '../../src/env/clock.ts'
import type { Disk } from '../../src/env/disk.ts'
import type { Random } from '../../src/env/random.ts'
import { Door } from '../../src/ingest/door.ts'
import type { DoorGeneration, DoorMessage } from '../../src/ingest/generation.ts'
import type { JournalReach, Seals } from '../../src/ingest/sealed.ts'
import type { StreamRow } from '../../src/ingest/stream.ts'
import type { Machine, World } from '../../src/sim/world.ts'
import { Rig, SOURCE } from './fixture.ts'

/** One generation, as the chain would tell it. */
export interface Chapter {
  readonly number: number
  readonly coordinator: string
  readonly members: readonly Member[]
  readonly placement: Placement
  readonly rows: readonly StreamRow[]
  readonly reach: readonly JournalReach[]
}

/** The seals, as files that are created exclusively. */
function sealsOf(disk: Disk, clock: Clock, random: Random, worker: string, incarnation: string): Seals {
  const path = (name: string, life: string): string => `/shared/sealed/${name}.${life}`
  const failed = (operation: string, at: string, reason: string) => fail('E_STORE', { operation, path: at, reason })
  return {
    seal(name, life, done) {
      // A store may be slow.
      clock.after(random.below(random.below(3) === 0 ? 200 : 10), () =>
        disk.open(path(name, life), 'create', (error, file) => {
          if (error === null) file.close(() => done(null))
          else done(error.code === 'exists' ? null : failed('create', error.path, error.message))
        }),
      )
    },
    isSealed(done) {
      disk.open(path(worker, incarnation), 'read', (error, file) => {
        if (error === null) file.close(() => done(null, true))
        else if (error.code === 'absent') done(null, false)
        else done(failed('read', error.path, error.message), false)
      })
    },
  }
}

/** Carries messages between members of one generation, in order, at any speed. */
export class Links {
  private readonly world: World
  private readonly lastAt = new Map<string, number>()

  constructor(world: World) {
    this.world = world
  }

  send(chapter: Chapter, from: Member, to: string, message: DoorMessage): void {
    const { world, lastAt } = this
    const target = chapter.members.find(({ worker }) => worker === to)!
    const pair = `${chapter.number} ${from.worker} ${to}`
    const at = Math.max(
      lastAt.get(pair) ?? 0,
      world.now + world.random.between(0.05, world.random.chance(0.1) ? 50 : 2),
    )
    lastAt.set(pair, at)
    world.at(at, () => target.receive(chapter, from.worker, message))
  }
}

/** One life of a worker. */
export class Member extends Rig {
  readonly worker: string
  /** The first generation that it may work in. */
  readonly first: number
  /** The generation that it works in; `null` before it has entered one. */
  chapter: Chapter | null = null
  /** It has its door, and may become a member. */
  opened = false
  private readonly links: Links
  /** Messages of generations that it has not entered yet. */
  private early: { readonly chapter: Chapter; readonly from: string; readonly message: DoorMessage }[] = []

  constructor(
    world: World,
    machine: Machine,
    links: Links,
    worker: string,
    incarnation: string,
    first: number,
    limits: Limits,
  ) {
    super(world, machine, incarnation, limits)
    this.worker = worker
    this.first = first
    this.links = links
  }

  get running(): boolean {
    return this.process.state === 'running'
  }

  /** Opens the door, and nothing more. */
  open(failed: () => void): void {
    const { env } = this.process
    const { incarnation, first, limits, worker } = this
    const seals = sealsOf(env.disk, env.clock, env.random, worker, incarnation)
    const directory = `/shared/${worker}/journal`
    Door.open({ env, limits, directory, worker, incarnation, first, seals, onSealed: failed }, (error, door) => {
      if (error !== null) return failed()
      this.door = door
      this.source = door!.source({
        id: SOURCE,
        token: null,
        onLeaving: () => {},
        onReady: () => {},
        report: (error) => this.reports.push(error.message),
      })
      this.opened = true
    })
  }

  /** Begins to work in a generation. */
  enter(chapter: Chapter, failed: () => void): void {
    const { members, number, coordinator, placement, rows, reach } = chapter
    const generation: DoorGeneration = {
      number,
      coordinator,
      members: members.map(({ worker }) => worker),
      homeOf: (home, { source, producer, incarnation }) =>
        homeOf(placement, members, home, { pipeline: '', source, producer, incarnation }),
      takerOf: () => coordinator,
      send: (worker, message) => this.links.send(chapter, this, worker, message),
    }
    this.chapter = chapter
    this.ready = false
    this.batch = null
    this.source!.hold('another generation begins')
    this.door!.enter(generation, reach)
    this.source!.listensAt({ host: this.worker, port: 1 })
    this.source!.reset(rows, (error) => {
      if (this.chapter !== chapter) return
      if (error !== null) return failed()
      this.source!.release()
      this.ready = true
    })
    const { early } = this
    this.early = []
    for (const { chapter, from, message } of early) this.receive(chapter, from, message)
  }

  receive(chapter: Chapter, from: string, message: DoorMessage): void {
    const mine = this.chapter?.number ?? 0
    if (this.process.state === 'dead' || chapter.number < mine) return
    if (chapter.number > mine || !this.running) {
      this.early.push({ chapter, from, message })
      return
    }
    this.door!.onMessage(from, message)
  }

  /** Takes what came while it was stopped. */
  catchUp(): void {
    const { early } = this
    this.early = []
    for (const { chapter, from, message } of early) this.receive(chapter, from, message)
  }
}
