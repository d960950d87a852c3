/**
 * What happens to a system in its first act: each deed that its seed has drawn, again and again, until the weather is
 * fair.
 */
import type { Prng } from '../../src/base/prng.ts'
import { DATA, type Station } from '../../src/sim/station.ts'
import type { World } from '../../src/sim/world.ts'
import { CONSUMER, WORKER } from './cases.ts'
import type { Config } from './config.ts'
import type { Outside } from './outside.ts'

export const CAPACITY = 1 << 30

export class Plot {
  /** An epoch was damaged: what was stable by it comes again from the journal, behind an earlier one. */
  damaged = false
  /** Nothing happens any more. */
  fair = false
  private readonly config: Config
  private readonly world: World
  private readonly random: Prng
  private readonly station: Station
  private readonly outside: Outside
  private readonly pipeline: string

  constructor(
    config: Config,
    world: World,
    random: Prng,
    { station, outside, pipeline }: { station: Station; outside: Outside; pipeline: string },
  ) {
    this.config = config
    this.world = world
    this.random = random
    this.station = station
    this.outside = outside
    this.pipeline = pipeline
  }

  begin(): void {
    const { deeds } = this.config
    const { world, station, random, outside } = this
    const { volume } = station.machine
    this.often(deeds.powerOffMs, () => {
      station.losePower()
      station.startLater()
    })
    this.often(deeds.stopWorkerMs, () => {
      const { process } = station
      process?.stop()
      world.at(world.now + random.between(1, 1000), () => process?.continue())
    })
    this.often(deeds.jumpClockMs, () => station.process?.clock.jump(random.between(-5000, 5000)))
    this.often(deeds.fillDiskMs, () => {
      volume.capacityBytes = 0
      world.at(world.now + random.between(1, 500), () => {
        volume.capacityBytes = CAPACITY
      })
    })
    this.often(deeds.damageMs, () => this.damage())
    for (const one of outside.outboxes) {
      const { producer } = one
      this.often(deeds.copyOutboxMs, () => {
        if (!producer.life.copied) outside.copyOutbox(one)
      })
      const name = producer.machine
      this.often(deeds.crashProducerMs, () => {
        if (!producer.running) return
        producer.kill(random.chance(this.config.diskOutboxChance))
        world.at(world.now + random.between(1, 200), () => producer.start())
      })
      this.often(deeds.reconnectMs, () => producer.reconnect())
      this.trouble(name)
    }
    for (const { sender } of outside.senders) {
      this.often(deeds.reconnectMs, () => sender.reconnect())
      this.trouble(sender.machine)
    }
    for (const reader of outside.readers) {
      this.often(deeds.killConsumerMs, () => {
        reader.kill()
        world.at(world.now + random.between(1, 300), () => reader.start())
      })
      this.often(deeds.stopConsumerMs, () => {
        reader.stop()
        world.at(world.now + random.between(1, 500), () => reader.continue())
      })
    }
    if (outside.consumers.length > 0) this.trouble(CONSUMER)
    for (const name of new Set(outside.receivers.map(({ receiver }) => receiver.machine))) this.trouble(name)
  }

  /**
   * The worker dies, and a bit of its last epoch turns: it has to go back to the one before. Only where that one
   * stands, for what exists once and is damaged is lost.
   */
  private damage(): void {
    const { station, random } = this
    const { execution, worker, machine } = station
    if (execution === null || (execution.status.figures?.completed ?? 0) < 2) return
    const { manifest } = worker!.cluster.pipelines.get(this.pipeline)!.epochs.at(-1)!
    const [folder, name] = [manifest.slice(0, manifest.lastIndexOf('/')), manifest.slice(manifest.lastIndexOf('/') + 1)]
    const packs = folder.replace(/manifests$/, 'packs')
    const listed = machine.volume.list(`${DATA}/store/${packs}`)
    const own = Array.isArray(listed) ? listed.filter((pack) => pack.startsWith(name)) : []
    const path = own.length > 0 && random.chance(0.5) ? `${packs}/${own[0]}` : manifest
    station.kill()
    machine.volume.damage(`${DATA}/store/${path}`, random)
    this.damaged = true
    this.world.log.info('damaged', { path })
    station.startLater()
  }

  /** Trouble between the worker and the machine `name`. */
  private trouble(name: string): void {
    const { deeds } = this.config
    const { random, world } = this
    const { network } = world
    const heal = (): void => world.at(world.now + random.between(1, 1000), () => network.heal(name, WORKER))
    this.often(deeds.cutMs, () => {
      network.cut(name, WORKER)
      heal()
    })
    this.often(deeds.halfCutMs, () => {
      if (random.chance(0.5)) network.route(name, WORKER).cut()
      else network.route(WORKER, name).cut()
      heal()
    })
    this.often(deeds.silenceMs, () => network.silence(name, WORKER))
    this.often(deeds.resetMs, () => network.reset(name, WORKER))
  }

  /** Does `deed` again and again until the weather is fair. */
  private often(everyMs: number, deed: () => void): void {
    if (everyMs === 0) return
    const next = (): void =>
      this.world.at(this.world.now + this.random.between(0, 2 * everyMs), () => {
        if (this.fair) return
        deed()
        next()
      })
    next()
  }
}
