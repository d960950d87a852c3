/** What a seed stands for where it is a cluster: workers, pipeline, limits, weather, and what happens to them all. */
import { type Limits, makeLimits } from '../../../src/base/limits.ts'
import { Prng } from '../../../src/base/prng.ts'
import { SHARED } from '../../../src/sim/member-station.ts'
import { drawWeather, calm as stillAir, type Weather } from '../../../src/sim/weather.ts'
import type { LongAnswers } from '../answers.ts'
import { drawCase } from '../cases.ts'
import { COPIED, COPIES, drawWatermarks, LATE } from '../config.ts'
import type { OutsideConfig } from '../outside.ts'
import { drawFamily, type Family } from '../programs.ts'
import { dropsKeys } from '../rest.ts'
import { OUTPUTS } from '../torn.ts'
import { withInboxes } from './inboxes.ts'
import { drainsForGood } from './last-moments.ts'
import { withMemory } from './memory.ts'
import { withRuins } from './ruins.ts'
import { withLeaps } from './set-clocks.ts'

/** What is done to a cluster; `everyMs` on average, 0 for never. */
export interface ClusterDeeds {
  readonly killMs: number
  readonly powerOffMs: number
  readonly stopMs: number
  /** A worker is cut from some others. */
  readonly cutMs: number
  /** How long it stays so, as usual. */
  readonly apartMs: readonly [least: number, most: number]
  readonly halfCutMs: number
  readonly resetMs: number
  /** A connection stands, and nothing comes through it any more. */
  readonly silenceMs: number
  readonly joinMs: number
  readonly leaveMs: number
  /** Somebody has the work shared out anew, by a load that is made up. */
  readonly rebalanceMs: number
  readonly savepointMs: number
  /** Another version of the pipeline takes over the state of the one that runs. */
  readonly upgradeMs: number
  /** Somebody ends a worker as SIGTERM does, and it is started again. */
  readonly restMs: number
  /** Somebody does something to a pipeline beside the one that this is about. */
  readonly otherMs: number
  /** Somebody gives dead letters back, or takes them out. */
  readonly letterMs: number
  /** One that is not at work yet ends, and comes again. */
  readonly killNewcomerMs: number
  /** A worker is cut off from the others, and some folders of the store do not answer it, while others do. */
  readonly blindMs: number
  /** Another process begins under the name of a worker, with a folder of its own. */
  readonly namesakeMs: number
  readonly jumpClockMs: number
  readonly fillDiskMs: number
  /** The own disk of one worker is full for a while. */
  readonly fullMs: number
  /** The volume of the store, or of the journals, is gone for a while. */
  readonly vanishMs: number
  /** All die, and a bit of their last epoch turns. */
  readonly damageMs: number
  /** All die, and a pack turns bad that every epoch needs which they could go back to. */
  readonly ruinMs: number
  /** A backup is made of the store, or put back. */
  readonly putBackMs: number
  /** Those outside: they connect anew, go to another worker, die, stop. */
  readonly reconnectMs: number
  readonly strayMs: number
  readonly crashProducerMs: number
  /** Somebody begins with a copy of a producer's outbox. */
  readonly copyOutboxMs: number
  readonly killConsumerMs: number
  readonly stopConsumerMs: number
  /** The machine of a receiver loses its power. */
  readonly powerOffReceiversMs: number
}

export interface ClusterConfig extends OutsideConfig {
  readonly seed: number
  /** `PACES`. */
  readonly pace: number
  /** Disks fail and are full, the shared volume too: a worker may end because of that. */
  readonly harsh: boolean
  readonly limits: Limits
  /** Limits of theirs by which epochs are given up soon. */
  readonly hasty: Partial<Limits>
  readonly weather: Weather
  readonly deeds: ClusterDeeds
  /** Workers that begin, and those that may be there in the end. */
  readonly workers: number
  readonly mostWorkers: number
  /** Programs that follow one another, and have other steps; `null`: all are alike, and `system` says what they are. */
  readonly family: Family | null
  /** Pipelines that run beside it. */
  readonly others: number
  /** How many people ask for this and that at once, and for how long each thinks, in milliseconds on average. */
  readonly people: number
  readonly askMs: number
  /** The acked sources whose producers post their records instead. */
  readonly posted: readonly string[]
  /** The steps that are spoken with by WebSocket, or that post what they give. */
  readonly webs: readonly string[]
  /** The sources that follow a file which grows. */
  readonly followed: readonly string[]
  /**
   * What becomes of dead letters that somebody looks through: they are tried again, and some taken out, or functions
   * are mended.
   */
  readonly secondTries: 'none' | 'again' | 'purged' | 'mended'
  /** Workers are killed between the record of a drain and what their sinks do about it (`last-moments.ts`). */
  readonly struckDrains: boolean
  /** Workers are ended in peace while something is drained (`stopped-drains.ts`). */
  readonly stoppedDrains: boolean
  /** People submit pipelines that want the place of another one (`rivals.ts`). */
  readonly rivals: boolean
  /** There is one worker, which is member of no cluster; only where people ask it. */
  readonly alone: boolean
  /** For how long sources remember a stream, where that is little (`memory.ts`), in milliseconds. */
  readonly rememberedMs: number | null
  /** Clocks that are set are set ahead by weeks (`set-clocks.ts`). */
  readonly leaps: boolean
  /** Of so many dead letters a list is full, where somebody takes them out. */
  readonly fewLetters: number | null
  /** How often who starts again finds that the chain does not answer it for a while. */
  readonly blindStarts: number
  /** How long programs take to be loaded at most, in milliseconds; 0: they are there at once. */
  readonly loadMs: number
  /** Length of the first act, in milliseconds. */
  readonly actMs: number
  readonly restartMs: number
  /** Journals lie on the shared volume, and others can read those of a worker that is gone. */
  readonly sharedJournals: boolean
  /** How often answers of `asyncMap` take long, where that is not as usual. */
  readonly longAnswers?: LongAnswers
  /** A store that is put back may lack what no journal has. */
  readonly beyondJournals: boolean
  /** A producer that crashes may lose its outbox. */
  readonly losesOutbox: boolean
  /** Somebody looks, at rest, whether what is over goes from all disks (`leftovers.ts`). */
  readonly tidy: boolean
  /** How often somebody asks for state, in milliseconds on average; 0 for never. */
  readonly readMs: number
  /** Of workers that were blind so many burn with their machines; only where others can read their journals. */
  readonly lostChance: number
  /** So many are blind one after the other, at most. */
  readonly blindMost: number
  /**
   * How often who is blind does not hear of the chain, is late to restore, is late with its files; how often it
   * restores just then, and how often because all have died.
   */
  readonly blindTo: Readonly<Record<'chain' | 'packs' | 'out' | 'restoring' | 'all', number>>
}

/** How often a deed is among those of a run. */
const PRESENT = 0.4
/** How often workers are blind in a run, how often versions follow one another, and the generator that draws it. */
const BLIND = 0.15
const UPGRADED = 0.2
const VEILED = 0x71c3_0000
/** How often programs that follow one another have other steps, and the generator that draws them. */
const CHANGING = 0.1
const CHANGED = 0x44d2_0000
/** How often some of these steps are sources with producers, and the generator that draws it. */
const CALLED = 0.5
const CALLING = 0x3c95_0000
/** How often the shared volume lies behind a server (`overNetwork`), and the generator that draws it. */
const OVER_NETWORK = 0.1
const NETWORKED = 0x009b_0000
/** For how long folders of the store may be seen as they were then, in milliseconds, as usual. */
const LISTED_MS = [0, 500, 3000]
const STORE_PATH = `${SHARED}/store/`
/** How often other pipelines run beside the one that it is about, and the generator that draws them. */
const ACCOMPANIED = 0.15
const BESIDE = 0x2f61_0000
/** How often people ask for this and that at once, and the generator that draws them. */
const ASKED = 0.1
const ASKING = 0x73d5_0000
/** How often the disk of one worker alone is full at times, and the generator that draws it. */
const CROWDED = 0.06
const CROWDING = 0x41ae_0000
/** How often somebody looks through dead letters, and the generator that draws it. */
const TRIED_AGAIN = 0.15
const TRIED = 0x1ba9_0000
/** And how often lists of letters are full soon, where they are taken out. */
const FULL = 0.6
/** How often producers post their records, and the generator that draws it. */
const BY_HTTP = 0.15
const POSTED = 0x7c24_0000
/**
 * How often some speak by WebSocket, and are posted to; how many records there are at most then; and the generator that
 * draws it.
 */
const BY_WEB = 0.12
const WEBBED = 0x5b37_0000
const FEW = 300
/** How often workers are killed just when something was drained, where that is, and the generator that draws it. */
const STRUCK = 0.4
const STRIKING = 0x3fc9_0000
/** How often they are ended in peace while something is drained, and the generator that draws it. */
const STOPPED = 0.4
const STOPPING = 0x66b3_0000
/** How often some of them want what is another's, where people ask, and the generator that draws it. */
const RIVALLED = 0.4
const RIVALLING = 0x2e75_0000
/** How often the store's volume goes away, and the generator that draws it. */
const VANISHED = 0.08
const VANISHING = 0x52e9_0000
/** How many sources of files follow one that grows, and the generator that draws it. */
const FOLLOWED = 0.4
const FOLLOWING = 0x4be1_0000
/** How often workers are ended in peace, how often epochs are given up soon, and the generators that draw it. */
const RESTED = 0.2
const RESTING = 0x15c7_0000
const HASTE = 0.15
const HASTY = 0x63b8_0000
/** How often a store is put back in a run, and the generator that draws it. */
const BACKED_UP = 0.06
const BACKED = 0x2b9d_0000
/** How often second processes of a name are drawn for a run that can have them, and the generator that draws it. */
const NAMED_TWICE = 0.12
const NAMING = 0x38e7_0000
/** How often programs take time to be loaded, how long at most, as usual, and the generator that draws it. */
const SLOW_LOADS = 0.25
const LOADS_MS = [100, 500, 2000]
const LOADING = 0x3a92_0000
/** How often there are readers in a run, and the generator that draws it. */
const READ = 0.3
const READING = 0x5e11_0000
/** Of those so many go back beyond what journals have. */
const BEYOND = 0.4
/** And in so many data folders say it some time later. */
const NOTED_LATE = 0.4
/** How often somebody looks whether what is over goes, and the generator that draws it. */
const TIDY = 0.15
const TIDYING = 0x2d64_0000
/** What draws how large states are that are copied before each call. */
const UNDONE = 0x1c93_0000
/** And how often damage is: a run with it is about little else. */
const DAMAGE = 0.08

/**
 * How long everything takes that waits for somebody (beats, leases, links, deeds, stalls), as a part of what is usual.
 * Who waits a fifth as long does in a fifth of the time what there is to find; what does not wait (epochs, records)
 * comes closer to it.
 */
const PACES = [0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.4, 1]

/** Whether all workers are there and hear one another from their first day to their last. */
export function nobodyIsAway({ harsh, deeds, struckDrains, stoppedDrains }: ClusterConfig): boolean {
  const { killMs, powerOffMs, stopMs, cutMs, halfCutMs, silenceMs } = deeds
  const { killNewcomerMs, namesakeMs, blindMs, restMs, vanishMs, damageMs, putBackMs } = deeds
  const away = [
    restMs,
    vanishMs,
    killMs,
    powerOffMs,
    stopMs,
    cutMs,
    halfCutMs,
    silenceMs,
    killNewcomerMs,
    namesakeMs,
    blindMs,
  ]
  return (
    !harsh &&
    !struckDrains &&
    !stoppedDrains &&
    [...away, damageMs, deeds.ruinMs, putBackMs].every((everyMs) => everyMs === 0)
  )
}

/**
 * How much of what a seed draws is run: of the act and its records, and of the time between two deeds. A cluster that
 * stands, comes to rest and is started again costs what it costs; what happens to it in a quarter of the time meets
 * nearly as much (0010). What takes long is left to those of which all is run.
 */
const PARTS = [0.25, 0.25, 0.25, 0.5, 0.5, 1]
const PARTED = 0x58d1_0000

/** What `seed` stands for where nothing is bent. */
export function drawCluster(seed: number): ClusterConfig {
  const random = new Prng(seed + PARTED)
  const part = withLeaps(withMemory(partOf(drawWhole(seed), PARTS[random.below(PARTS.length)]!)))
  return withInboxes(withSlowLoads(withRuins(withVanishing(withRivals(withStoppedDrains(withStruckDrains(part)))))))
}

/** Where the store's volume goes away at times; not where disks do as they like, or the store is another one then. */
function withVanishing(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + VANISHING)
  const { harsh, deeds, pace } = config
  if (harsh || deeds.damageMs > 0 || deeds.putBackMs > 0 || !random.chance(VANISHED)) return config
  return { ...config, deeds: { ...deeds, vanishMs: Math.ceil(random.between(1000, 6000) * pace) } }
}

function withSlowLoads(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + LOADING)
  if (!random.chance(SLOW_LOADS)) return config
  return { ...config, loadMs: Math.ceil(LOADS_MS[random.below(LOADS_MS.length)]! * config.pace) }
}

/** Where workers are killed while they end what was drained. */
function withStruckDrains(config: ClusterConfig): ClusterConfig {
  const struckDrains = drainsForGood(config) && new Prng(config.seed + STRIKING).chance(STRUCK)
  return { ...config, struckDrains }
}

/** Where workers are ended in peace while somebody drains for good. */
function withStoppedDrains(config: ClusterConfig): ClusterConfig {
  const drains = config.people > 0 && !config.struckDrains && config.deeds.namesakeMs === 0
  return { ...config, stoppedDrains: drains && new Prng(config.seed + STOPPING).chance(STOPPED) }
}

/** Where some want what is another's. */
function withRivals(config: ClusterConfig): ClusterConfig {
  return { ...config, rivals: config.people > 0 && new Prng(config.seed + RIVALLING).chance(RIVALLED) }
}

function partOf(config: ClusterConfig, part: number): ClusterConfig {
  const { deeds, actMs, records } = config
  const shorter = (ms: number): number => Math.ceil(ms * part)
  const sooner = Object.entries(deeds).map(([deed, often]) => [
    deed,
    typeof often === 'number' ? shorter(often) : often,
  ])
  return {
    ...config,
    deeds: Object.fromEntries(sooner) as ClusterDeeds,
    actMs: shorter(actMs),
    records: shorter(records),
  }
}

/** All that `seed` draws: what bends begin with. */
export function drawWhole(seed: number): ClusterConfig {
  const withOutside = withWebs(withPosters(withSecondTries(withOthers(drawLocal(seed)))))
  const config = withGrowth(tidied(withFullDisks(withPeople(withHaste(withRests(withOutside))))))
  return new Prng(seed + NETWORKED).chance(OVER_NETWORK) ? overNetwork(config, 0.01) : config
}

/** Where a store may be put back there is no floor (`goingBack`). */
function tidied(config: ClusterConfig): ClusterConfig {
  const { seed, deeds } = config
  return { ...config, tidy: deeds.putBackMs === 0 && new Prng(seed + TIDYING).chance(TIDY) }
}

/** Programs that change have files of their own; whoever writes one that grows has room for it. */
function withGrowth(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + FOLLOWING)
  const files = config.system.feeds.filter(({ kind }) => kind === 'file')
  const followed = files.flatMap(({ step }) => (random.chance(FOLLOWED) ? [step] : []))
  return config.family === null && !config.harsh ? { ...config, followed } : config
}

/** Nothing of what was shown and decided about them is taken back. */
function withOthers(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + BESIDE)
  const { damageMs, putBackMs } = config.deeds
  return damageMs > 0 || putBackMs > 0 || !random.chance(ACCOMPANIED) ? config : accompanied(config, random)
}

/** Where other pipelines run beside the one that it is about, to which somebody does something again and again. */
export function accompanied(config: ClusterConfig, random = new Prng(config.seed + BESIDE)): ClusterConfig {
  const { deeds, pace } = config
  const otherMs = Math.ceil(random.between(300, 3000) * pace)
  return { ...config, others: 1 + random.below(2), deeds: { ...deeds, otherMs } }
}

/** What the pipeline is about has one program; nothing of what was shown and decided is taken back. */
function withPeople(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + ASKING)
  const { family, others, deeds } = config
  const unfit = family !== null || others > 0 || deeds.damageMs > 0 || deeds.putBackMs > 0
  return unfit || !random.chance(ASKED) ? config : asked(config, random)
}

/** Where people ask for this and that at once, and do not know of each other. */
export function asked(config: ClusterConfig, random = new Prng(config.seed + ASKING)): ClusterConfig {
  return { ...config, people: 2 + random.below(4), askMs: Math.ceil(random.between(100, 1000) * config.pace) }
}

/** Where the own disk of one worker is full at times; not where data folders have to note what their store forgets. */
function withFullDisks(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + CROWDING)
  const { harsh, deeds, pace } = config
  if (harsh || deeds.putBackMs > 0 || !random.chance(CROWDED)) return config
  return { ...config, deeds: { ...deeds, fullMs: Math.ceil(random.between(1500, 10_000) * pace) } }
}

/** Where workers are ended in peace; not where all die at once to be given another store. */
function withRests(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + RESTING)
  const { deeds, pace } = config
  if (deeds.damageMs > 0 || deeds.putBackMs > 0 || !random.chance(RESTED)) return config
  return { ...config, deeds: { ...deeds, restMs: Math.ceil(random.between(1500, 10_000) * pace) } }
}

/** Where epochs are given up soon, and few of them in a row stop the sources. */
function withHaste(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + HASTY)
  const { limits, pace } = config
  if (!random.chance(HASTE)) return config
  const checkpointTimeoutMs = limits.checkpointIntervalMs + Math.max(150, random.between(200, 1000) * pace)
  return { ...config, hasty: { checkpointTimeoutMs, maxAbandoned: 1 + random.below(3) } }
}

/** Some producers post what they have, and keep none of it: what somebody has let go of is not put back. */
function withPosters(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + POSTED)
  const { family, deeds } = config
  const { damageMs, putBackMs } = deeds
  if (family !== null || damageMs > 0 || putBackMs > 0 || !random.chance(BY_HTTP)) return config
  const acked = config.system.feeds.filter(({ kind }) => kind === 'acked')
  return { ...config, posted: acked.flatMap(({ step }) => (random.chance(0.7) ? [step] : [])) }
}

/** Some speak by WebSocket, and some sinks post what they give: each record is a request. */
function withWebs(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + WEBBED)
  return config.family !== null || !random.chance(BY_WEB) ? config : webbed(config, random)
}

/** Where that is so of most steps that can. */
export function webbed(config: ClusterConfig, random = new Prng(config.seed + WEBBED)): ClusterConfig {
  const { feeds, drains } = config.system
  const webs = [...feeds, ...drains].flatMap(({ step }) => (random.chance(0.7) ? [step] : []))
  return { ...config, webs, records: Math.min(config.records, FEW) }
}

/** What was decided about letters is not taken back, and readers do not know of it. */
function withSecondTries(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + TRIED)
  const { family, readMs, deeds } = config
  const { damageMs, putBackMs } = deeds
  const unfit = family !== null || readMs > 0 || damageMs > 0 || putBackMs > 0
  return unfit || !random.chance(TRIED_AGAIN) ? config : triedAgain(config, random)
}

/** Where somebody looks through dead letters again and again. */
export function triedAgain(config: ClusterConfig, random = new Prng(config.seed + TRIED)): ClusterConfig {
  const { deeds, pace, system } = config
  const kinds = ['again', 'purged', 'mended', 'mended'] as const
  const drawn = kinds[random.below(kinds.length)]!
  // The last that is known of a key that was dropped may be a letter.
  const secondTries = drawn === 'purged' && dropsKeys(system.build()) ? 'again' : drawn
  const letterMs = Math.ceil(random.between(200, 2000) * pace)
  const fewLetters = secondTries === 'purged' && random.chance(FULL) ? 2 + random.below(10) : null
  return { ...config, secondTries, fewLetters, deeds: { ...deeds, letterMs } }
}

/**
 * Where the shared volume lies behind a server that forgets what it has answered, and who has files open; workers may
 * see the folders of their store as they were a while ago.
 */
export function overNetwork(config: ClusterConfig, twiceChance: number): ClusterConfig {
  const { disk, ...weather } = config.weather
  // Who puts a store back is slower than that.
  const listedMs = config.deeds.putBackMs > 0 ? 0 : LISTED_MS[config.seed % LISTED_MS.length]! * config.pace
  const forgetful = { twiceChance, stale: true, kept: true, listedMs, listed: [STORE_PATH] }
  return { ...config, weather: { ...weather, disk: { ...disk, ...forgetful } } }
}

function drawLocal(seed: number): ClusterConfig {
  const config = withNamesakes(withReaders(drawWithoutBackups(seed)))
  const backs = new Prng(seed + BACKED)
  if (config.harsh || !backs.chance(BACKED_UP))
    return new Prng(seed + CHANGED).chance(CHANGING)
      ? changing(config, new Prng(seed + CALLING).chance(CALLED))
      : config
  const putBackMs = Math.ceil(backs.between(2000, 8000) * config.pace)
  const { deeds, limits, ...rest } = goingBack(config, backs.chance(BEYOND))
  const noteChainMs = backs.chance(NOTED_LATE) ? Math.ceil(backs.between(100, 3000) * config.pace) : 1
  return {
    ...rest,
    limits: { ...limits, noteChainMs },
    deeds: { ...deeds, damageMs: 0, blindMs: 0, upgradeMs: 0, namesakeMs: 0, putBackMs },
  }
}

/**
 * Where programs follow one another that have other steps, `acked` sources with producers among them. Nothing that was
 * decided about them is taken back.
 */
export function changing(config: ClusterConfig, acked: boolean): ClusterConfig {
  const random = new Prng(config.seed + CHANGED + 1)
  const { deeds, pace } = config
  const upgradeMs = Math.ceil(random.between(1000, 6000) * pace)
  return {
    ...config,
    family: drawFamily(random, random.fork(), { host: '0.0.0.0', folder: SHARED }, acked),
    deeds: { ...deeds, damageMs: 0, upgradeMs },
  }
}

function withReaders(config: ClusterConfig): ClusterConfig {
  const reads = new Prng(config.seed + READING)
  if (!reads.chance(READ)) return config
  return { ...config, readMs: Math.ceil(reads.between(100, 1500) * config.pace) }
}

/**
 * Where what a second process takes in can be read by others, for its machine is gone for good afterwards, there may be
 * some; not where all die at once to be given another store: they know nothing of it.
 */
function withNamesakes(config: ClusterConfig): ClusterConfig {
  const names = new Prng(config.seed + NAMING)
  const { sharedJournals, losesOutbox, deeds, pace } = config
  if (!sharedJournals || losesOutbox || deeds.damageMs > 0 || !names.chance(NAMED_TWICE)) return config
  return { ...config, deeds: { ...deeds, namesakeMs: Math.ceil(names.between(3000, 12_000) * pace) } }
}

/**
 * Where stores may be put back: data folders say what they have seen, at once where nothing else is drawn, and journals
 * have all that such a store lacks, unless it is `beyond` them. Disks do what they should, and at once: what was not
 * noted in time may be lost.
 */
export function goingBack(config: ClusterConfig, beyond = false): ClusterConfig {
  const { deeds, weather, limits, ...rest } = config
  return {
    ...rest,
    weather: { ...weather, disk: stillAir.disk },
    // Of a producer that is gone nobody would ask for what no journal has.
    beyondJournals: beyond,
    losesOutbox: beyond ? false : rest.losesOutbox,
    limits: { ...limits, noteChainMs: 1, ...(beyond ? {} : { horizonEpochs: 10_000, journalBytes: 1 << 20 }) },
    deeds: { ...deeds, powerOffMs: 0, leaveMs: 0, copyOutboxMs: 0 },
  }
}

function drawWithoutBackups(seed: number): ClusterConfig {
  const random = new Prng(seed)
  // What was drawn first stays as it was, whatever is drawn besides.
  const late = new Prng(seed + LATE)
  const copies = new Prng(seed + COPIED)
  const veils = new Prng(seed + VEILED)
  const pick = <T>(...choices: readonly T[]): T => choices[random.below(choices.length)]!
  const workers = pick(2, 2, 3, 3, 3, 4)
  const still = random.chance(0.3)
  const harsh = !still && random.chance(0.3)
  const drawn = still ? stillAir : drawWeather(random.fork(), harsh)
  const pace = pick(...PACES)
  const at = (ms: number): number => Math.ceil(ms * pace)
  const deedOf = (from: Prng, low: number, high: number): number =>
    from.chance(PRESENT) ? at(from.between(low, high)) : 0
  const deed = (low: number, high: number): number => deedOf(random, low, high)
  const weather = {
    network: {
      ...drawn.network,
      jitterMs: at(drawn.network.jitterMs),
      retransmitMs: at(drawn.network.retransmitMs),
      timeoutMs: at(Math.min(drawn.network.timeoutMs, 10_000)),
    },
    disk: {
      ...drawn.disk,
      ...{ jitterMs: at(drawn.disk.jitterMs), syncMs: at(drawn.disk.syncMs) },
      ...{ stallMs: at(drawn.disk.stallMs), lateMs: at(drawn.disk.lateMs) },
      // What exists once and is damaged is lost.
      damageChance: 0,
    },
    clock: { ...drawn.clock, turnMs: pick(0.001, 0.1, 0.5) },
  }
  const checkpointIntervalMs = pick(30, 80, 80, 200, 400)
  const batchRecords = pick(1, 8, 8, 64, 64)
  return {
    seed,
    pace,
    harsh,
    workers,
    mostWorkers: Math.min(5, workers + random.below(3)),
    system: drawCase(random, late, { host: '0.0.0.0', folder: SHARED }),
    weather,
    limits: makeLimits({
      ...waitsOf(pace),
      ...{ horizonEpochs: 5, checkpointIntervalMs, checkpointTimeoutMs: checkpointIntervalMs + at(3000) },
      keyGroups: pick(8, 16, 64),
      batchRecords,
      maxOutputsPerRecord: OUTPUTS,
      undoBytes: drawUndo(seed),
      channelBatches: pick(1, 2, 8),
      watermarkMs: drawWatermarks(seed),
      channelCreditBytes: pick(256, 4096, 4096, 1 << 20),
      chainEra: pick(2, 4, 16, 1024),
      chainReads: pick(1, 4, 32),
      // No store is put back, but where it says so (`goingBack`).
      noteChainMs: Number.POSITIVE_INFINITY,
      storeRetryMs: at(pick(50, 300)),
      restoreBytes: 512,
      packGapBytes: 64,
      packWriteBytes: pick(256, 4096),
      turnRuns: pick(1, 4, 24),
      chunkEntries: pick(2, 16, 4096),
      chunkBytes: pick(64, 1024, 256 << 10),
      recordBytes: 256,
      frameBytes: 64 << 10,
      journalSegmentBytes: pick(1024, 8192),
      journalBytes: pick(64 << 10, 1 << 20),
      journalBlockBytes: pick(512, 4096),
      ingestBytes: pick(1024, 8192, 64 << 10),
      producers: 64,
      producerCreditBytes: pick(512, 4096),
      helloTimeoutMs: at(1000),
      keepAliveMs: at(pick(200, 1000)),
      partialBytes: 64 << 10,
      writerBytes: pick(256, 4096, 64 << 10),
      sinkQueueBytes: pick(128, 4096),
      freezeBytes: pick(64, 1 << 20),
    }),
    deeds: {
      killMs: deed(2000, 12_000),
      powerOffMs: deed(4000, 20_000),
      stopMs: deed(2000, 12_000),
      cutMs: deed(2000, 12_000),
      apartMs: [100, 9000],
      halfCutMs: deed(2000, 12_000),
      resetMs: deed(500, 5000),
      silenceMs: deedOf(late, 1000, 8000),
      joinMs: deed(2000, 10_000),
      leaveMs: deed(4000, 15_000),
      rebalanceMs: deedOf(late, 2000, 10_000),
      savepointMs: deedOf(late, 2000, 10_000),
      upgradeMs: !veils.chance(UPGRADED) ? 0 : at(veils.between(2000, 12_000)),
      restMs: 0,
      otherMs: 0,
      letterMs: 0,
      killNewcomerMs: 0,
      namesakeMs: 0,
      blindMs: !veils.chance(BLIND) ? 0 : at(veils.between(2000, 12_000)),
      jumpClockMs: deed(1000, 10_000),
      fullMs: 0,
      vanishMs: 0,
      fillDiskMs: harsh ? deed(2000, 12_000) : 0,
      damageMs: still || !late.chance(DAMAGE) ? 0 : at(late.between(3000, 12_000)),
      ruinMs: 0,
      putBackMs: 0,
      reconnectMs: deed(200, 3000),
      strayMs: deed(500, 5000),
      crashProducerMs: deed(1000, 8000),
      copyOutboxMs: !copies.chance(COPIES) ? 0 : at(copies.between(1000, 8000)),
      killConsumerMs: deed(1000, 8000),
      stopConsumerMs: deedOf(late, 1000, 8000),
      powerOffReceiversMs: 0,
    },
    actMs: at(pick(5000, 10_000, 20_000)),
    producers: 1 + random.below(4),
    senders: 1 + random.below(3),
    burst: pick(1, 8, 40),
    pauseMs: at(pick(10, 50, 200)),
    records: batchRecords === 1 ? pick(100, 300) : pick(300, 1000, 2500),
    overlapChance: pick(0, 0, 0.5),
    repeatChance: pick(0, 0, 0.5),
    patienceMs: at(pick(200, 500, 1500)),
    restartMs: at(pick(20, 300, 3000)),
    losesOutbox: random.chance(0.3),
    sharedJournals: random.chance(0.7),
    tidy: false,
    readMs: 0,
    beyondJournals: false,
    family: null,
    others: 0,
    people: 0,
    askMs: 0,
    secondTries: 'none',
    fewLetters: null,
    struckDrains: false,
    stoppedDrains: false,
    rivals: false,
    alone: false,
    rememberedMs: null,
    leaps: false,
    loadMs: 0,
    blindStarts: 0,
    posted: [],
    webs: [],
    followed: [],
    hasty: {},
    lostChance: veils.chance(0.5) ? 0.3 : 0,
    blindMost: Infinity,
    blindTo: { chain: 0.6, packs: 0.4, out: 0.4, restoring: 0.5, all: 0.3 },
  }
}

/** Of what size states are not copied before each call. */
function drawUndo(seed: number): number {
  return [64, 64, 400, 1 << 16][new Prng(seed + UNDONE).below(4)]!
}

/** The waits of a worker and of those that it speaks with, at `pace`. */
function waitsOf(pace: number): Partial<Limits> {
  const at = (ms: number): number => Math.ceil(ms * pace)
  return {
    ...{
      linkGraceMs: 16 * at(600),
      linkStartMs: at(60_000),
      linkPingMs: at(600),
      linkDialTimeoutMs: at(500),
      linkRetryMs: at(200),
    },
    ...{ heartbeatMs: at(500), suspectMs: at(2000), deadMs: at(3000), beatMs: at(1000), beatSilenceMs: at(3000) },
    ...{ queryMs: at(2000), httpBodyMs: at(5000), httpWaitMs: at(5000) },
    drainTimeoutMs: at(60_000),
    ...{ settleMs: at(3500), turnMs: at(1500), startGraceMs: at(10_000), askMs: at(1000) },
    ...{
      leaseMs: at(3000),
      leaseMarginMs: at(500),
      gatherMs: at(300),
      moveFreshMs: at(150),
      moveHoldMs: at(60_000),
      moveHandMs: at(10_000),
    },
  }
}
