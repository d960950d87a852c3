/**
 * Whole clusters of `SimWorker`s in simulated weather: crashes, pauses, cuts in one direction or both, slow stores,
 * joins and leaves; then fair weather, in which the cluster must come to work again within a bound.
 */
import { assert } from '../../src/base/assert.ts'
import { makeLimits } from '../../src/base/limits.ts'
import { Prng } from '../../src/base/prng.ts'
import { Timeline } from '../../src/sim/timeline.ts'
import { Referee, type Truth } from './referee.ts'
import { SimLinks } from './sim-links.ts'
import type { Message, Scene } from './sim-scene.ts'
import { SimStore } from './sim-store.ts'
import { SimWorker } from './sim-worker.ts'

/** How long the weather lasts, and how long the cluster then has. */
const WEATHER_MS = 60_000
const FAIR_MS = 45_000

export interface Outcome {
  readonly generations: number
  readonly members: number
  readonly rescales: number
  readonly log: readonly string[]
}

/** Everything that a run consists of, drawn from its seed. */
export class ClusterSim implements Truth {
  readonly lines: string[] = []
  private readonly timeline = new Timeline()
  private readonly random: Prng
  private readonly scene: Scene
  private readonly workers = new Map<string, SimWorker>()
  private readonly left = new Set<string>()
  private readonly leaving = new Set<string>()
  private readonly eventMs = new Map<string, number>()
  private fair = false
  private rescales = 0

  constructor(seed: number) {
    this.random = new Prng(seed)
    const { random, timeline } = this
    const count = 3 + random.below(3)
    const names = Array.from({ length: count }, (_, i) => `w${i}`)
    const limits = makeLimits({
      ...{ keyGroups: 16, chainEra: 1 << 20, chainReads: 4, storeTimeoutMs: 20_000 },
      ...{ startGraceMs: 5000, leaseMs: 2500, leaseMarginMs: 250 },
      ...{ moveCopyMs: 4000, moveHoldMs: 4000, moveHandMs: 2000 },
    })
    this.scene = {
      ...{ timeline, random, limits, names, store: new SimStore(timeline, random) },
      links: new SimLinks<Message>(timeline, random),
      referee: new Referee(this),
      pipelines: ['p', 'q'],
      refuseChance: random.chance(0.5) ? 0.02 : 0,
      skipStalled: random.chance(0.3),
      log: (line) => this.log(line),
      reborn: (worker) => this.touch(worker.name),
      exited: (worker, reason) => this.exited(worker, reason),
    }
  }

  // ── Truth ────────────────────────────────────────────────────────────────────────────────────────────────────────

  get now(): number {
    return this.timeline.now
  }

  calmSince(worker: string): number {
    const runs = this.workers.get(worker)?.life.state === 'running'
    return runs ? (this.eventMs.get(worker) ?? 0) : Number.POSITIVE_INFINITY
  }

  isCut(worker: string): boolean {
    return this.running().some((other) => !this.reaches(other, worker) || !this.reaches(worker, other))
  }

  isToLeave(worker: string): boolean {
    return this.leaving.has(worker)
  }

  running(): readonly string[] {
    return [...this.workers].filter(([, worker]) => worker.life.state === 'running').map(([name]) => name)
  }

  reaches(from: string, to: string): boolean {
    return this.scene.links.reaches(from, to)
  }

  // ── The run ──────────────────────────────────────────────────────────────────────────────────────────────────────

  run(): Outcome {
    const { random, timeline } = this
    const { names } = this.scene
    const first = 1 + random.below(names.length)
    for (const [i, name] of names.entries()) {
      const atMs = i < first ? random.between(0, 300) : random.between(0, WEATHER_MS)
      timeline.at(atMs, null, () => this.start(name, first))
    }
    const gapMs = random.between(1500, 9000)
    for (let atMs = 12_000; atMs < WEATHER_MS; atMs += random.between(0, 2 * gapMs)) {
      timeline.run(atMs)
      this.change()
    }
    timeline.run(WEATHER_MS)
    this.clear()
    timeline.run(WEATHER_MS + FAIR_MS)
    this.mustWork()
    const { generations } = this.scene.referee
    return { generations: generations.size, members: this.workers.size, rescales: this.rescales, log: this.lines }
  }

  private log(line: string): void {
    if (line.includes('committing → stopped')) this.rescales++
    this.lines.push(`${this.now.toFixed(0).padStart(6)} ${line}`)
  }

  private touch(name: string): void {
    this.eventMs.set(name, this.now)
  }

  private start(name: string, expected = 1): void {
    if (this.workers.has(name)) return
    this.left.delete(name)
    this.touch(name)
    this.log(`start ${name}`)
    this.workers.set(name, new SimWorker(this.scene, name, expected))
  }

  private end(worker: SimWorker, noticed: boolean): void {
    const { name } = worker
    worker.life.die('killed')
    this.workers.delete(name)
    this.leaving.delete(name)
    this.scene.links.depart(worker, noticed)
  }

  private exited(worker: SimWorker, reason: string): void {
    this.log(`${worker.name} exits: ${reason}`)
    this.end(worker, true)
    if (reason === 'left') this.left.add(worker.name)
    else this.later(500, 3000, () => this.start(worker.name))
  }

  private later(fromMs: number, toMs: number, fn: () => void): void {
    this.timeline.at(this.now + this.random.between(fromMs, toMs), null, fn)
  }

  /** The weather changes. */
  private change(): void {
    const { random } = this
    const workers = [...this.workers.values()]
    const worker = workers[random.below(workers.length || 1)]
    if (worker === undefined) return
    const dice = random.below(10)
    if (dice < 3) this.kill(worker)
    else if (dice < 5) this.pause(worker)
    else if (dice < 7) this.cut(worker.name)
    else if (dice < 9) this.slow(worker.name)
    else this.leave(worker)
  }

  private kill(worker: SimWorker): void {
    this.log(`kill ${worker.name}`)
    this.end(worker, this.random.chance(0.6))
    const quick = this.random.chance(0.4)
    this.later(quick ? 50 : 1000, quick ? 400 : 15_000, () => this.start(worker.name))
  }

  private pause(worker: SimWorker): void {
    const { life, name } = worker
    if (life.state !== 'running') return
    this.log(`pause ${name}`)
    this.touch(name)
    life.state = 'stopped'
    const go = () => {
      if (life.state !== 'stopped') return
      this.log(`continue ${name}`)
      this.touch(name)
      life.state = 'running'
      this.timeline.resume(life)
    }
    this.later(200, this.random.chance(0.5) ? 3000 : 12_000, go)
  }

  /** Cuts a worker from one other or from all, in one direction or in both. */
  private cut(name: string): void {
    const { random, scene } = this
    const others = scene.names.filter((other) => other !== name)
    const cut = random.chance(0.5) ? others : [others[random.below(others.length)]!]
    const ways = random.below(3)
    const set = (open: boolean) => {
      this.log(`${open ? 'mend' : 'cut'} ${name} ${['>', '<', '='][ways]} ${cut}`)
      for (const other of cut) {
        if (ways !== 1) scene.links.set(name, other, open)
        if (ways !== 0) scene.links.set(other, name, open)
        this.touch(other)
      }
      this.touch(name)
    }
    set(false)
    this.later(300, random.chance(0.5) ? 3000 : 20_000, () => set(true))
  }

  private slow(name: string): void {
    const { random, scene } = this
    this.log(`slow store of ${name}`)
    const unknownChance = random.chance(0.5) ? 0.3 : 0
    scene.store.weather.set(name, {
      unknownChance,
      stallChance: random.between(0, 0.4),
      stallMs: random.between(100, 9000),
    })
    this.eventMs.set(name, Number.POSITIVE_INFINITY)
    this.later(1000, 12_000, () => {
      scene.store.weather.delete(name)
      this.log(`quick store of ${name}`)
      // Answers that are on their way may take as long again.
      this.eventMs.set(name, this.now + 9000)
    })
  }

  private leave(worker: SimWorker): void {
    const { name } = worker
    if (this.workers.size < 3 || worker.membership.phase !== 'active') return
    this.log(`${name} is to leave`)
    worker.act({ kind: 'leave' })
    this.leaving.add(name)
  }

  // ── Fair weather ─────────────────────────────────────────────────────────────────────────────────────────────────

  private clear(): void {
    const { links, store, names } = this.scene
    this.log('fair weather')
    this.fair = true
    store.weather.clear()
    for (const a of names) for (const b of names) if (a !== b) links.set(a, b, true)
    for (const { life, name } of this.workers.values()) {
      this.touch(name)
      if (life.state !== 'stopped') continue
      life.state = 'running'
      this.timeline.resume(life)
    }
    for (const name of names) if (!this.left.has(name)) this.start(name)
  }

  /** All that have not left are at work in one generation, and epochs are completed. */
  private mustWork(): void {
    const workers = [...this.workers.values()]
    assert(this.fair && workers.length > 0, 'someone is there in fair weather')
    const [one] = workers
    for (const { name, membership } of workers) {
      const { phase, cluster } = membership
      assert(phase === 'active', `${name} is ${phase} in fair weather`)
      assert(cluster.generation === one!.membership.cluster.generation, 'all are in one generation')
    }
    const epochs = () => [...one!.membership.cluster.pipelines.values()].map((entry) => entry.highest)
    const before = epochs()
    this.timeline.run(this.now + 6000)
    const after = epochs()
    assert(after.length === this.scene.pipelines.length, 'every pipeline is there')
    for (const [i, epoch] of after.entries()) assert(epoch > before[i]!, 'epochs are completed in fair weather')
  }
}

/** Runs the cluster of `seed`; throws where something happens that must not. */
export function runCluster(seed: number): Outcome {
  return new ClusterSim(seed).run()
}
