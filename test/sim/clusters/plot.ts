/** What happens to a cluster in its first act: each deed that its seed has drawn, again and again. */
import type { Prng } from '../../../src/base/prng.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'
import { SimProducer } from '../../../src/sim/producer.ts'
import type { SimSender } from '../../../src/sim/sender.ts'
import type { Volume } from '../../../src/sim/volume.ts'
import type { World } from '../../../src/sim/world.ts'
import type { Feed } from '../cases.ts'
import type { Outside } from '../outside.ts'
import type { SimPoster } from '../poster.ts'
import type { Blow } from '../system.ts'
import type { Caller } from './callers.ts'
import { type ChainWatch, STORE } from './chain-watch.ts'
import type { ClusterConfig } from './config.ts'
import type { FullDisks } from './full-disks.ts'
import type { OtherPipelines } from './other-pipelines.ts'
import type { PutBack } from './put-back.ts'
import type { Ruins } from './ruins.ts'
import type { SecondTries } from './second-tries.ts'
import { SetClocks } from './set-clocks.ts'
import type { Upgrades } from './upgrades.ts'
import type { Vanished } from './vanished.ts'
import { Versions } from './versions.ts'

/** For how long somebody waits for a worker to restore, and between two looks, in milliseconds, as usual. */
const BLIND_WITHIN_MS = 20_000
const BLIND_LOOK_MS = 5
/** For how long who starts cannot read the chain, in milliseconds, as usual. */
const BLIND_START_MS: readonly [least: number, most: number] = [100, 4000]
/** How often a producer that has crashed is away for about as long as sources remember it. */
const FOR_LONG = 0.3
/** How often the shared volume goes from all at once. */
const ALL_LOSE_IT = 0.3
/** How long a worker stands still or hears nothing after a blow, in milliseconds, as usual. */
const STRIKE_MS = 12_000

/**
 * Within so long one of two processes of one name has ended, in milliseconds, as usual: about twice what it takes in a
 * test.
 */
const NAMESAKE_MS = 12_000

/** The workers, as what happens to them sees them. */
export interface Workers {
  readonly all: readonly MemberStation[]
  readonly live: readonly MemberStation[]
  /** Another worker comes, where there may be one more. */
  join(): void
  /** Another process begins under the worker's name, on a machine of its own. */
  double(station: MemberStation): MemberStation
}

/** Where it happens. */
interface Stage {
  readonly workers: Workers
  readonly outside: Outside
  readonly volume: Volume
  readonly chain: ChainWatch
  readonly old: PutBack
  readonly disks: FullDisks
  readonly vanished: Vanished
  readonly ruins: Ruins
  /** Who asks for programs that have other steps, where there are such. */
  readonly upgrades: Upgrades | null
  readonly others: OtherPipelines
  readonly tries: SecondTries
  /** Whether the last epoch has something of every producer: one that is not known cannot be told what it has lost. */
  readonly knowsAll: () => boolean
  /** Puts the store back under stations that are dead. */
  readonly putBack: (stations: readonly MemberStation[]) => void
}

export class ClusterPlot {
  /** Nothing happens any more. */
  fair = false
  /** Somebody is blind, or is about to be. */
  private blinding = false
  private blinded = 0
  /** A second process of a worker. */
  private namesake: MemberStation | null = null
  readonly complaints: string[] = []
  /** An epoch that was the last one has been damaged. */
  damaged = false
  private readonly config: ClusterConfig
  private readonly world: World
  private readonly random: Prng
  private readonly workers: Workers
  private readonly outside: Outside
  private readonly shared: { readonly name: string; readonly volume: Volume }
  private readonly chain: ChainWatch
  private readonly old: PutBack
  private readonly disks: FullDisks
  private readonly vanished: Vanished
  private readonly ruins: Ruins
  private readonly upgrades: Upgrades | null
  private readonly others: OtherPipelines
  private readonly tries: SecondTries
  private readonly knowsAll: Stage['knowsAll']
  private readonly putStoreBack: Stage['putBack']
  /** Epochs that had counted when the last one was damaged. */
  private atDamage = 0

  constructor(config: ClusterConfig, world: World, random: Prng, stage: Stage) {
    const { workers, outside, volume, chain, old } = stage
    this.shared = { name: 'the shared one', volume }
    this.chain = chain
    this.old = old
    this.disks = stage.disks
    this.vanished = stage.vanished
    this.ruins = stage.ruins
    this.upgrades = stage.upgrades
    this.others = stage.others
    this.tries = stage.tries
    this.knowsAll = stage.knowsAll
    this.putStoreBack = stage.putBack
    this.config = config
    this.world = world
    this.random = random
    this.workers = workers
    this.outside = outside
  }

  begin(): void {
    const { random, world, workers, outside } = this
    const { deeds, losesOutbox } = this.config
    this.often('kill', deeds.killMs, () => this.end((station) => station.kill()))
    this.often('power', deeds.powerOffMs, () => this.end((station) => station.losePower()))
    this.often('stop', deeds.stopMs, () => {
      const { process, name } = this.anyone()
      process?.stop()
      this.later(random.between(100, 8000), () => process?.continue())
      return name
    })
    this.often('cut', deeds.cutMs, () => {
      const station = this.anyone()
      const others = workers.all.filter((other) => other !== station && random.chance(0.7)).map(({ name }) => name)
      for (const other of others) world.network.cut(station.name, other)
      this.later(random.between(...deeds.apartMs), () => {
        for (const other of others) world.network.heal(station.name, other)
      })
      return `${station.name} from ${others}`
    })
    this.often('half cut', deeds.halfCutMs, () => {
      const [from, to] = [this.anyone().name, this.anyone().name]
      if (from === to) return ''
      world.network.route(from, to).cut()
      this.later(random.between(100, 9000), () => world.network.heal(from, to))
      return `${from} to ${to}`
    })
    this.often('blind', deeds.blindMs, () => {
      const station = this.anyone()
      if (this.blinding || this.blinded >= this.config.blindMost) return ''
      this.blinding = true
      this.blinded++
      if (random.chance(this.config.blindTo.restoring)) this.blindWhileRestoring(station)
      else this.blind(station)
      return station.name
    })
    this.often('namesake', deeds.namesakeMs, () => {
      const station = this.anyone()
      if (this.namesake !== null || station.worker?.phase !== 'active') return ''
      const before = falls(station)
      this.namesake = workers.double(station)
      this.later(NAMESAKE_MS, () => this.endNamesake(station, before))
      return station.name
    })
    this.often('reset', deeds.resetMs, () => {
      const [from, to] = [this.anyone().name, this.anyone().name]
      if (from !== to) world.network.reset(from, to)
      return `${from} ${to}`
    })
    this.often('silence', deeds.silenceMs, () => {
      const [from, to] = [this.anyone().name, this.anyone().name]
      if (from !== to) world.network.silence(from, to)
      return `${from} ${to}`
    })
    this.often('rebalance', deeds.rebalanceMs, () => {
      const { worker, name } = this.anyone()
      if (worker?.phase !== 'active') return ''
      const load = Float64Array.from({ length: worker.cluster.owners.length }, () => random.below(100))
      worker.rebalance(load, 1 + random.below(8), () => {})
      return name
    })
    let savepoints = 0
    this.often('savepoint', deeds.savepointMs, () => {
      const { worker, name } = this.anyone()
      for (const { execution } of worker?.residents.all.values() ?? []) {
        execution.request({ kind: 'savepoint', name: `s${++savepoints}` }, () => {})
      }
      return name
    })
    const versions = new Versions(this.config.seed)
    let files = 1
    this.often('upgrade', deeds.upgradeMs, () => {
      const station = this.anyone()
      const ready = station.worker?.phase === 'active'
      if (ready && this.upgrades !== null) return this.upgrades.ask(station)
      // Others ask for the first one at any time.
      if (ready && this.config.people > 0) station.submit(`program-${++files}`)
      else if (ready) return versions.ask(station)
      return station.name
    })
    this.often('rest', deeds.restMs, () => {
      const station = this.anyone()
      void station.rest()
      return station.name
    })
    this.often('other', this.config.others > 0 ? deeds.otherMs : 0, () => this.others.act())
    this.often('letters', this.config.secondTries === 'none' ? 0 : deeds.letterMs, () => this.tries.act(workers.live))
    this.often('join', deeds.joinMs, () => {
      workers.join()
      return ''
    })
    this.often('newcomer', deeds.killNewcomerMs, () => {
      const station = workers.live.find(({ worker }) => worker!.phase !== 'active' && worker!.phase !== 'leaving')
      if (station === undefined) return ''
      station.kill()
      this.startAfter(random.between(1, 1000), station)
      return station.name
    })
    this.often('leave', deeds.leaveMs, () => {
      const station = this.anyone()
      // Where somebody else has its name that one may stay in its place, and all others leave.
      if (this.namesake !== null || workers.live.length <= 2 || station.worker?.phase !== 'active') return ''
      station.worker.leave()
      return station.name
    })
    const clocks = new SetClocks(this.config, random)
    this.often('jump', deeds.jumpClockMs, () => {
      const { process, name } = this.anyone()
      if (process !== null) clocks.set(process)
      return name
    })
    this.often('fill', deeds.fillDiskMs, () => {
      const { volume, name } = random.chance(0.5) ? this.shared : this.anyone().machine
      volume.capacityBytes = 0
      this.later(random.between(10, 3000), () => {
        volume.capacityBytes = this.config.weather.disk.capacityBytes
      })
      return name
    })
    this.often('full', deeds.fullMs, () => {
      const station = this.anyone()
      this.disks.fill(station)
      this.later(random.between(100, 8000), () => this.disks.free(station))
      return station.name
    })
    this.often('vanish', deeds.vanishMs, () => {
      const anyone = this.anyone()
      const stations = random.chance(ALL_LOSE_IT) ? workers.all : [anyone]
      const drawn = random.u32()
      const ms = random.between(100, 9000)
      return stations
        .map((station) => {
          this.later(ms, () => this.vanished.come(station))
          return this.vanished.vanish(station, drawn)
        })
        .join(' ')
    })
    this.often('damage', deeds.damageMs, () => this.damage())
    this.often('ruin', deeds.ruinMs, () => {
      const pack = this.ruins.find(random)
      if (pack === null) return ''
      for (const station of workers.all) this.end((one) => one.kill(), station)
      return this.ruins.ruin(pack, random) ? pack.path : ''
    })
    this.often('put back', deeds.putBackMs, () => this.putBack())
    const doors = [...outside.producers.map(({ feed, producer }) => ({ feed, client: producer }))]
    const senders = outside.senders.map(({ feed, sender }) => ({ feed, client: sender }))
    for (const { feed, client } of [...doors, ...senders]) this.unsettle(feed, client)
    for (const { feed, producer } of [...outside.producers]) {
      if (producer instanceof SimProducer) {
        this.often('copy', deeds.copyOutboxMs, () => {
          // A copy of what was never sent, used for the first time when its stream is forgotten, cannot know of it.
          const unsent = this.config.rememberedMs !== null && producer.life.journaled === 0
          if (!producer.life.copied && !unsent) outside.copyOutbox({ feed, producer })
          return producer.machine
        })
      }
      this.crash(producer, () => !losesOutbox || random.chance(0.5))
    }
    for (const reader of outside.readers) {
      this.often('consumer', deeds.killConsumerMs, () => {
        reader.kill()
        this.later(random.between(1, 2000), () => reader.start())
        return ''
      })
    }
    for (const reader of outside.readers) {
      this.often('stalled consumer', deeds.stopConsumerMs, () => {
        reader.stop()
        this.later(random.between(100, 5000), () => reader.continue())
        return ''
      })
    }
    for (const { receiver } of outside.receivers) {
      this.often('receivers without power', deeds.powerOffReceiversMs, () => {
        receiver.losePower()
        return receiver.machine
      })
      this.often('no receiver', deeds.killConsumerMs, () => {
        const { name } = this.anyone()
        if (random.chance(0.5)) world.network.reset(name, receiver.machine)
        else world.network.cut(name, receiver.machine)
        this.later(random.between(100, 3000), () => world.network.heal(name, receiver.machine))
        return name
      })
    }
  }

  /** A producer that was not there when all began has what others have; it keeps its outbox. */
  trouble({ feed, producer }: Caller): void {
    this.unsettle(feed, producer)
    this.crash(producer, () => true)
  }

  private unsettle({ port }: Feed, client: SimProducer | SimPoster | SimSender): void {
    const { reconnectMs, strayMs } = this.config.deeds
    this.often('reconnect', reconnectMs, () => {
      client.reconnect()
      return client.machine
    })
    this.often('stray', strayMs, () => {
      const { name: host } = this.anyone()
      client.goTo({ host, port })
      return `${client.machine} to ${host}`
    })
  }

  private crash(producer: SimProducer | SimPoster, keepsOutbox: () => boolean): void {
    this.often('crash', this.config.deeds.crashProducerMs, () => {
      if (!producer.running) return ''
      producer.kill(keepsOutbox())
      const { rememberedMs } = this.config
      if (rememberedMs !== null && this.random.chance(FOR_LONG)) {
        const { world, random } = this
        world.at(world.now + random.between(0.5, 2) * rememberedMs, () => producer.start())
      } else this.later(this.random.between(1, 1000), () => producer.start())
      return producer.machine
    })
  }

  /**
   * By now one of the two has ended (`cluster/namesake.ts`), unless something kept them from finding each other; where
   * it was the first one, somebody ends the other. The second one may have ended for another reason: nobody starts it
   * again.
   */
  private endNamesake(station: MemberStation, before: number): void {
    const { namesake } = this
    const ended = falls(station) > before || namesake!.burned
    if (!ended && this.undisturbed) this.complaints.push(`two processes of ${station.name} go on`)
    namesake!.lose()
    this.namesake = null
  }

  /** Whether processes of one name have the time to find each other, by the store. */
  private get undisturbed(): boolean {
    const { deeds, weather } = this.config
    const { killMs, powerOffMs, stopMs, cutMs, halfCutMs, blindMs, restMs, joinMs, leaveMs } = deeds
    const disturbing = [restMs, killMs, powerOffMs, stopMs, cutMs, halfCutMs, blindMs, joinMs, leaveMs]
    return disturbing.every((ms) => ms === 0) && weather.disk.stallChance === 0 && weather.disk.failChance === 0
  }

  /**
   * All workers die, and a bit of their last epoch turns: they have to go back to the one before. Only where that one
   * stands, for what exists once and is damaged is lost.
   */
  private damage(): string {
    const { chain, random, shared } = this
    chain.look()
    const { last, lastPath, epochs } = chain
    if (last === null || epochs < this.atDamage + 2) return ''
    const own = last.packs.filter(({ epoch }) => epoch === last.epoch)
    const path = own.length > 0 && random.chance(0.7) ? own[random.below(own.length)]!.path : lastPath
    for (const station of this.workers.all) this.end((one) => one.kill(), station)
    if (!shared.volume.damage(`${STORE}/${path}`, random)) return ''
    chain.damaged(path)
    this.damaged = true
    this.atDamage = epochs
    return path
  }

  /** Makes a backup of the store; or all workers die, and it is put back: once, or again after a while. */
  private putBack(): string {
    const { chain, random, old, workers } = this
    const { limits, beyondJournals } = this.config
    chain.look()
    if (chain.epochs === 0 || (old.hasBackup && !old.isBehind(workers.all, limits.noteChainMs))) return ''
    if (!old.hasBackup || random.chance(0.3)) {
      if (beyondJournals && !this.knowsAll()) return ''
      old.save()
      return 'saved'
    }
    const last = this.anyone()
    for (const station of workers.all) station.kill()
    this.putStoreBack(workers.all.filter(({ left }) => !left))
    for (const station of workers.all) if (station !== last && !station.left) station.startLater()
    // By then others may have written as much as it has seen.
    this.startAfter(random.between(1, 20_000), last)
    return 'put back'
  }

  /**
   * Others take over from a worker that goes on: what would tell it so hangs, the way to the others is cut, and what it
   * is about is late. Its machine may burn before it has heard.
   */
  private blind(station: MemberStation): void {
    const { world, random, config, workers } = this
    const { blindTo, lostChance, sharedJournals, deeds, pace } = config
    const ms = random.between(...deeds.apartMs)
    const { haze } = station.machine
    const until = world.now + ms * pace
    if (random.chance(blindTo.chain)) haze.over(['/store/chain', '/store/beat'], until)
    if (random.chance(blindTo.out)) haze.over(['/out'], world.now + random.fraction() * ms * pace)
    const others = workers.all.filter((other) => other !== station).map(({ name }) => name)
    for (const other of others) world.network.cut(station.name, other)
    const lost = sharedJournals && random.chance(lostChance)
    this.later(ms, () => {
      this.blinding = false
      for (const other of others) world.network.heal(station.name, other)
      if (lost && !this.fair && workers.live.filter(({ left }) => !left).length > 2) station.lose()
      world.log.info('deed.sees again', { worker: station.name, lost: station.burned })
    })
  }

  /** Another one dies and is back at once, or all do: a generation follows, and while this one restores it is blind. */
  private blindWhileRestoring(station: MemberStation): void {
    const { world, random, workers } = this
    const { blindTo, pace } = this.config
    const all = random.chance(blindTo.all)
    const bounced = all ? workers.live : workers.live.filter((other) => other !== station).slice(0, 1)
    for (const one of bounced) one.kill()
    this.later(random.between(1, 100), () => {
      for (const one of bounced) if (one.process === null && !one.left) one.start()
    })
    const end = world.now + BLIND_WITHIN_MS * pace
    if (random.chance(blindTo.packs)) station.machine.haze.over(['/packs/'], end)
    const look = (): void => {
      const phase = station.worker?.phase
      if (world.now > end) this.blinding = false
      if (this.fair || !this.blinding) return
      if (phase === 'restoring' || phase === 'ready') this.blind(station)
      else this.later(BLIND_LOOK_MS, look)
    }
    look()
  }

  /** Something happens to a worker at a point of the run, and is over once others have gone on without it. */
  strike(station: MemberStation, blow: Blow): void {
    const { process, name } = station
    const others = this.workers.all.filter((other) => other !== station)
    if (blow === 'stop') {
      process!.stop()
      this.later(STRIKE_MS, () => process!.continue())
    } else if (blow === 'cut') {
      for (const other of others) this.world.network.cut(name, other.name)
      this.later(STRIKE_MS, () => {
        for (const other of others) this.world.network.heal(name, other.name)
      })
    } else {
      if (blow === 'power') station.losePower()
      else station.kill()
      station.startLater()
    }
  }

  /** A worker ends, and is started again after a while: before the others know it, or long after. */
  private end(how: (station: MemberStation) => void, station = this.anyone()): string {
    const { random } = this
    if (station.process === null) return ''
    how(station)
    const pause = random.chance(0.4) ? random.between(1, 300) : random.between(300, 8000)
    this.startAfter(pause, station)
    return station.name
  }

  private startAfter(ms: number, station: MemberStation): void {
    this.later(ms, () => {
      if (station.process !== null || station.left) return
      this.blindAtFirst(station)
      station.start()
    })
  }

  /** It is there, and cannot read who else is. */
  private blindAtFirst({ machine }: MemberStation): void {
    const { world, random, config } = this
    if (this.fair || config.blindStarts === 0 || !random.chance(config.blindStarts)) return
    machine.haze.over(['/store/chain'], world.now + random.between(...BLIND_START_MS) * config.pace)
  }

  private anyone(): MemberStation {
    const { all } = this.workers
    return all[this.random.below(all.length)]!
  }

  /** `ms` as usual. */
  private later(ms: number, fn: () => void): void {
    this.world.at(this.world.now + ms * this.config.pace, fn)
  }

  /** Does `deed` again and again until the weather is fair. */
  private often(name: string, everyMs: number, deed: () => string): void {
    if (everyMs === 0) return
    const { world, random } = this
    const next = (): void =>
      world.at(world.now + random.between(0, 2 * everyMs), () => {
        if (this.fair) return
        world.log.info(`deed.${name}`, { of: deed() })
        next()
      })
    next()
  }
}

/** How often it has ended because another process has its name. */
function falls({ fell }: MemberStation): number {
  return fell.filter(({ code }) => code === 'E_WORKER_TWICE').length
}
