/**
 * Configurations of clusters bent towards what a planted fault needs, for faults that drawn ones find too seldom: `npm
 * run sim -- --bend NAME …`. Everything that is not named stays as its seed drew it (N1 of `../bends.ts`).
 */
import { comesFromKeys } from '../../../src/dataflow/lineage.ts'
import { calm } from '../../../src/sim/weather.ts'
import { dropsKeys, mortalSteps } from '../rest.ts'
import {
  accompanied,
  asked,
  type ClusterConfig,
  changing,
  goingBack,
  overNetwork,
  triedAgain,
  webbed,
} from './config.ts'
import { hardUp } from './inboxes.ts'
import { forgetful } from './memory.ts'
import { RUINED_HORIZON } from './ruins.ts'

/** The configuration as it is run; `null`: this seed is passed over. */
export type ClusterBend = (config: ClusterConfig) => ClusterConfig | null

/** How often something happens, in milliseconds, as usual. */
const OFTEN = 1500
/** How long a receiver's disk takes to sync at most, where that is long, in milliseconds, as usual. */
const SLOW_SYNC_MS = 300
/** How long it takes to load a program at most, where that is long, in milliseconds, as usual. */
const LOAD_MS = 2000
/** How long an act is in which somebody is away for long, in milliseconds, as usual. */
const ACT_MS = 20_000
/** Deeds that seeds draw last. */
const none = {
  damageMs: 0,
  silenceMs: 0,
  rebalanceMs: 0,
  savepointMs: 0,
  upgradeMs: 0,
  blindMs: 0,
  stopConsumerMs: 0,
  namesakeMs: 0,
  restMs: 0,
  fullMs: 0,
  vanishMs: 0,
  ruinMs: 0,
  putBackMs: 0,
}

/** What is drawn beside what happens to a cluster. */
const nobody = {
  tidy: false,
  readMs: 0,
  family: null,
  others: 0,
  people: 0,
  rivals: false,
  secondTries: 'none',
  fewLetters: null,
  posted: [],
  webs: [],
  followed: [],
  hasty: {},
} as const

export const clusterBends: Readonly<Record<string, ClusterBend>> = {
  /** All that a seed draws, and no part of it: as it was before these were drawn. */
  whole: (config) => config,
  /** Without the deeds that are drawn last: what was found before there were these is found again. */
  'fewer-deeds': (config) => ({ ...config, ...nobody, deeds: { ...config.deeds, ...none } }),
  /** Nobody is blind, and no version follows another: as it was before these were drawn. */
  'one-version-seen-by-all': (config) => ({
    ...config,
    ...nobody,
    deeds: { ...config.deeds, blindMs: 0, upgradeMs: 0, namesakeMs: 0, restMs: 0, fullMs: 0 },
  }),
  /** Nobody asks for anything at once: as it was before people did. */
  'nobody-asks': (config) => ({ ...config, people: 0, rivals: false, deeds: { ...config.deeds, fullMs: 0 } }),
  /** Nobody reads: as it was before readers were drawn, and processes of one name. */
  'nobody-reads': (config) => ({
    ...config,
    ...nobody,
    deeds: { ...config.deeds, namesakeMs: 0, restMs: 0, fullMs: 0 },
  }),
  /** Keys have a time to live, and all clocks are right. In three of four nobody is away either, while work moves. */
  'mortal-keys': (config) => {
    if (mortalSteps(config.system.build()).length === 0) return null
    const right = { ...config, ...nobody, readMs: config.readMs, weather: { ...config.weather, clock: calm.clock } }
    if (config.seed % 4 === 0) return { ...right, deeds: { ...config.deeds, jumpClockMs: 0 } }
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(right)
    const never = { killMs: 0, powerOffMs: 0, stopMs: 0, cutMs: 0, halfCutMs: 0, jumpClockMs: 0 }
    const moving = { strayMs: often / 4, reconnectMs: often / 4, rebalanceMs: often, upgradeMs: 2 * often }
    return { ...rest, deeds: { ...deeds, ...never, ...moving, joinMs: often, leaveMs: 2 * often } }
  },
  /** Somebody reads all the time, while key groups move and workers come and go. */
  readers: (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const moving = { joinMs: often, leaveMs: 2 * often, rebalanceMs: often, killMs: 3 * often, copyOutboxMs: 0 }
    return {
      ...rest,
      readMs: Math.ceil(60 * config.pace),
      mostWorkers: Math.min(5, config.workers + 2),
      deeds: { ...deeds, ...moving },
    }
  },
  /** And reads what stands behind answers that take long. */
  'readers-behind-answers': (config) => {
    const plan = config.system.build()
    const keyed = (id: number): boolean => plan.tasks[id]!.kind === 'keyed'
    const asks = (id: number): boolean => plan.tasks[id]!.kind === 'asyncMap'
    if (!plan.channels.some(({ from, to }) => asks(from) && keyed(to))) return null
    const bent = clusterBends.readers!(config)!
    return { ...bent, longAnswers: { oneIn: 4, longMs: 2000 * config.pace } }
  },
  /**
   * And asks who sees neither the others nor the chain, for longer than the others wait until they go on without it.
   */
  'readers-of-the-blind': (config) => {
    const bent = clusterBends.readers!(config)!
    const never = { joinMs: 0, leaveMs: 0, rebalanceMs: 0, killMs: 0, powerOffMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0 }
    return {
      ...bent,
      workers: 3,
      mostWorkers: 3,
      blindMost: 3,
      blindTo: { chain: 1, packs: 0, out: 0, restoring: 0, all: 0 },
      deeds: { ...bent.deeds, ...never, blindMs: 2 * OFTEN * config.pace, apartMs: [6000, 12_000] },
    }
  },
  /** And asks who has just begun, and cannot read the chain yet. */
  'readers-of-the-new': (config) => {
    const bent = clusterBends.readers!(config)!
    const often = OFTEN * config.pace
    return { ...bent, blindStarts: 0.8, deeds: { ...bent.deeds, killMs: often, joinMs: 0, leaveMs: 0 } }
  },
  /** Who reads the chain finds that others have written whole eras: it stood still, or comes late. */
  'left-behind': (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    return {
      ...rest,
      limits: {
        ...config.limits,
        ...{ chainEra: 2, chainReads: 1, checkpointIntervalMs: 20, checkpointTimeoutMs: 2000 },
      },
      mostWorkers: Math.min(5, config.workers + 2),
      deeds: { ...deeds, stopMs: often, joinMs: often, leaveMs: 2 * often, killMs: 2 * often },
    }
  },
  /** Changes of owners begin and are given up, again and again, and what was said about them comes late. */
  'given-up-changes': (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    return {
      ...rest,
      mostWorkers: Math.min(5, config.workers + 2),
      deeds: { ...deeds, joinMs: often, leaveMs: often, halfCutMs: often, cutMs: 2 * often, stopMs: 2 * often },
    }
  },
  /** Who wants to come in is gone before the epoch is written that everybody holds behind, and another asks at once. */
  'late-holds': (config) => {
    const often = OFTEN * config.pace
    const { deeds, weather, ...rest } = quiet(config)
    const never = { killMs: 0, powerOffMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0, resetMs: 0 }
    return {
      ...rest,
      weather: { ...weather, disk: { ...calm.disk, latencyMs: 2, syncMs: 200 * config.pace } },
      workers: 2,
      mostWorkers: 5,
      limits: { ...config.limits, gatherMs: 1 + Math.ceil(50 * config.pace), checkpointTimeoutMs: 20_000 },
      deeds: { ...deeds, ...never, joinMs: often / 4, killNewcomerMs: often / 3, leaveMs: often },
    }
  },
  /** Who puts growing files back is cut off over it and late with it, and does not see that others go on meanwhile. */
  'late-cuts': (config) => {
    if (!config.system.drains.some(({ kind }) => kind === 'append')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const never = { powerOffMs: 0, joinMs: 0, leaveMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0 }
    return {
      ...rest,
      limits: { ...config.limits, checkpointIntervalMs: 30, checkpointTimeoutMs: 2000 },
      workers: 3,
      mostWorkers: 3,
      blindTo: { chain: 1, packs: 0, out: 1, restoring: 1, all: 0 },
      deeds: { ...deeds, ...never, killMs: 0, blindMs: 2 * often, apartMs: [8000, 16_000] },
    }
  },
  /** Answers take long wherever they are asked, and producers come in elsewhere while their worker stays away. */
  'answers-awaited': (config) => {
    const plan = config.system.build()
    // Only what no key holds follows its split, and so its home.
    if (!plan.tasks.some(({ kind, id }) => kind === 'asyncMap' && !comesFromKeys(plan, id))) return null
    if (!config.system.feeds.every(({ kind }) => kind === 'acked')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const never = { powerOffMs: 0, joinMs: 0, leaveMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0 }
    return {
      ...rest,
      limits: { ...config.limits, checkpointIntervalMs: 20, checkpointTimeoutMs: 2000 },
      longAnswers: { oneIn: 4, longMs: 2000 * config.pace },
      records: 300,
      workers: 3,
      mostWorkers: 3,
      patienceMs: Math.ceil(50 * config.pace),
      // Nobody reads what a worker that is away has: its streams have no heirs.
      sharedJournals: false,
      deeds: { ...deeds, ...never, killMs: 3 * often, strayMs: often / 4, reconnectMs: often / 8 },
    }
  },
  /** Answers between two keyed steps take long, and owners of keys die meanwhile: their order is seen behind. */
  'answers-between-keys': (config) => {
    const plan = config.system.build()
    const between = (id: number): boolean =>
      comesFromKeys(plan, id) && plan.channels.some(({ from, to }) => from === id && plan.tasks[to]!.kind === 'keyed')
    if (!plan.tasks.some(({ kind, id }) => kind === 'asyncMap' && between(id))) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const never = { powerOffMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0 }
    return {
      ...rest,
      limits: { ...config.limits, checkpointIntervalMs: 20, checkpointTimeoutMs: 2000 },
      longAnswers: { oneIn: 4, longMs: 1000 * config.pace },
      workers: 3,
      mostWorkers: 5,
      deeds: { ...deeds, ...never, killMs: often, joinMs: 2 * often, leaveMs: 4 * often },
    }
  },
  /** Who gets key groups has no time to make tables of what was read ahead. */
  'slow-takers': (config) => {
    const often = OFTEN * config.pace
    const { deeds, weather, ...rest } = quiet(config)
    const never = { killMs: 0, powerOffMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0, resetMs: 0 }
    return {
      ...rest,
      weather: { ...weather, clock: { ...weather.clock, turnMs: 1 } },
      limits: { ...config.limits, keyGroups: 64, chunkEntries: 2, chunkBytes: 64, sliceMs: 0.01 },
      workers: 2,
      mostWorkers: 5,
      deeds: { ...deeds, ...never, joinMs: often / 2, leaveMs: often },
    }
  },
  /** Workers are in a minority for a moment, while what a generation begins with does not come. */
  minorities: (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const never = { joinMs: 0, leaveMs: 0, powerOffMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0 }
    return {
      ...rest,
      limits: {
        ...config.limits,
        ...{ checkpointIntervalMs: 400, checkpointTimeoutMs: 20_000, turnMs: Math.ceil(5000 * config.pace) },
      },
      workers: 3,
      mostWorkers: 3,
      lostChance: 0,
      blindTo: { chain: 0, packs: 1, out: 0, restoring: 1, all: 1 },
      actMs: Math.ceil(20_000 * config.pace),
      deeds: { ...deeds, ...never, killMs: 0, blindMs: 2 * often, apartMs: [6300, 8500] },
      blindMost: 1,
    }
  },
  /** Workers leave with what nobody else can read, and producers lose what they had. */
  'nothing-left-behind': (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    return {
      ...rest,
      sharedJournals: false,
      losesOutbox: true,
      workers: 3,
      mostWorkers: 5,
      deeds: { ...deeds, leaveMs: often / 2, joinMs: often, crashProducerMs: often / 8, strayMs: often / 4, killMs: 0 },
    }
  },
  /**
   * Who is cut off does not see that others go on without it, and has a lease for longer than they wait; then its
   * machine burns. Producers lose what they had.
   */
  'gone-on-without': (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const never = { powerOffMs: 0, joinMs: 0, leaveMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0, killMs: 0, strayMs: 0 }
    return {
      ...rest,
      workers: 3,
      mostWorkers: 3,
      limits: {
        ...config.limits,
        leaseMs: Math.ceil(60_000 * config.pace),
        // What is let in does not wait for a pipeline that stands still.
        ...{ producerCreditBytes: 64 << 10, ingestBytes: 1 << 20, journalBytes: 1 << 20 },
      },
      // Long enough for all of it, and for producers to go on sending.
      actMs: Math.ceil(40_000 * config.pace),
      producers: 2,
      burst: 8,
      pauseMs: Math.ceil(200 * config.pace),
      sharedJournals: true,
      losesOutbox: true,
      lostChance: 1,
      blindMost: 1,
      blindTo: { chain: 1, packs: 0, out: 0, restoring: 0, all: 0 },
      deeds: {
        ...deeds,
        ...never,
        blindMs: 4 * often,
        apartMs: [12_000, 20_000],
        crashProducerMs: 6 * often,
        reconnectMs: 0,
      },
    }
  },
  /** Everybody wants to leave, and the ways between them are cut: who is let go is gone before the others are heard. */
  'all-leave': (config) => {
    const often = OFTEN * config.pace
    const never = { killMs: 0, powerOffMs: 0, joinMs: 0 }
    const { deeds, ...rest } = quiet(config)
    return { ...rest, deeds: { ...deeds, ...never, leaveMs: often / 2, cutMs: often, halfCutMs: often } }
  },
  /** Receivers die and are cut off, and so are workers that speak with them. */
  'acked-sinks': (config) => {
    if (!config.system.drains.some(({ kind }) => kind.startsWith('acked'))) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    return { ...rest, deeds: { ...deeds, killConsumerMs: often, killMs: often, halfCutMs: often, powerOffMs: 0 } }
  },
  /** The disks and the machines of receivers fail, and syncs take long, while workers come and go. */
  inboxes: (config) => {
    if (!config.system.drains.some(({ kind }) => kind.startsWith('acked'))) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const hard = hardUp({ ...rest, deeds: { ...deeds, killConsumerMs: often, killMs: 2 * often, powerOffMs: 0 } })
    const inboxes = hard.inboxes!.map((one) => ({ ...one, syncMs: SLOW_SYNC_MS * config.pace }))
    return { ...hard, inboxes, deeds: { ...hard.deeds, powerOffReceiversMs: often / 2 } }
  },
  /** Last epochs are damaged. */
  'damaged-epochs': (config) => {
    const { deeds, ...rest } = quiet(config)
    return { ...rest, deeds: { ...deeds, damageMs: 2 * OFTEN * config.pace, powerOffMs: 0 } }
  },
  /** Last epochs are damaged, and streams have gone from journal to journal since the one before. */
  'damaged-under-strays': (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const moving = { strayMs: often / 4, reconnectMs: often / 4, damageMs: often, powerOffMs: 0 }
    return { ...rest, records: Math.max(1000, config.records), deeds: { ...deeds, ...moving } }
  },
  /** A second process begins under the name of a worker, again and again, while nobody else comes or goes. */
  namesakes: (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const never = { killMs: 0, powerOffMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0, joinMs: 0, leaveMs: 0 }
    return {
      ...rest,
      // What the other one takes in is on a machine that is gone for good afterwards.
      sharedJournals: true,
      losesOutbox: false,
      actMs: Math.ceil(20_000 * config.pace),
      deeds: { ...deeds, ...never, namesakeMs: 2 * often },
    }
  },
  /** The store goes back within a generation, under files that grow. */
  'epochs-put-back': (config) => {
    if (!config.system.drains.some(({ kind }) => kind === 'append')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = goingBack(quiet(config))
    return { ...rest, records: 300, deeds: { ...deeds, killMs: 0, joinMs: 0, putBackMs: 2 * often } }
  },
  /** The store goes back, again and again, and journals reach back to all that it lacks then. */
  'store-put-back': (config) => {
    const { deeds, ...rest } = goingBack(quiet(config))
    const putBackMs = 3 * OFTEN * config.pace
    return { ...rest, records: 1000, actMs: Math.ceil(30_000 * config.pace), deeds: { ...deeds, putBackMs } }
  },
  /** The same, where data folders say some time later what they have seen. */
  'noted-late': (config) => {
    const bent = clusterBends['store-put-back']!(config)!
    return { ...bent, limits: { ...bent.limits, noteChainMs: Math.ceil(1000 * config.pace) } }
  },
  /** The store goes back to where no journal reaches, and what is lost has to be given up by name. */
  'beyond-journals': (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const { deeds, ...rest } = goingBack(quiet(config), true)
    const putBackMs = 3 * OFTEN * config.pace
    const limits = { ...rest.limits, checkpointIntervalMs: 30, checkpointTimeoutMs: 2000, horizonEpochs: 2 }
    return { ...rest, limits, records: 1000, actMs: Math.ceil(30_000 * config.pace), deeds: { ...deeds, putBackMs } }
  },
  /** Producers go from worker to worker faster than homes hear of epochs. */
  'streams-that-stray': (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    return {
      ...rest,
      limits: { ...config.limits, checkpointIntervalMs: 20, checkpointTimeoutMs: 2000 },
      deeds: { ...deeds, strayMs: often / 8, reconnectMs: often / 8, stopMs: often, halfCutMs: often },
    }
  },
  /** Steps that answer late hold what is given away, to heirs, readers, owners and other homes. */
  'held-and-moved': (config) => {
    if (!config.system.build().tasks.some(({ kind }) => kind === 'asyncMap')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    return {
      ...rest,
      limits: { ...config.limits, checkpointIntervalMs: 20, checkpointTimeoutMs: 2000 },
      // Also of workers whose journals nobody reads: their streams have no heirs.
      sharedJournals: config.seed % 2 === 0,
      mostWorkers: Math.min(5, config.workers + 2),
      deeds: { ...deeds, strayMs: often / 4, reconnectMs: often / 4, joinMs: often, leaveMs: 2 * often, killMs: often },
    }
  },
  /** Versions of the pipeline follow one another under load, while workers die, come and go. */
  upgrades: (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    return { ...rest, deeds: { ...deeds, upgradeMs: often, killMs: 4 * often, joinMs: 4 * often, leaveMs: 8 * often } }
  },
  /** The same, and they have other steps, sources and sinks. */
  'other-steps': (config) => withOtherSteps(config, false),
  /** The same, and sources with producers come and go. */
  'other-sources': (config) => {
    const { deeds, ...rest } = withOtherSteps(config, true)
    const often = OFTEN * config.pace
    return { ...rest, deeds: { ...deeds, strayMs: often, reconnectMs: often, crashProducerMs: 2 * often } }
  },
  /** Other pipelines come and go beside the one that it is about, while workers die, come and go. */
  'other-pipelines': (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = accompanied(quiet(config))
    const coming = { otherMs: often / 4, killMs: 2 * often, joinMs: 4 * often, leaveMs: 8 * often }
    return { ...rest, deeds: { ...deeds, ...coming } }
  },
  /** The same, and programs take long to be loaded. */
  'other-pipelines-loaded-late': (config) => {
    const bent = clusterBends['other-pipelines']!(config)!
    return { ...bent, loadMs: Math.ceil(LOAD_MS * config.pace) }
  },
  /**
   * The same, and who reads the chain finds that others have written whole eras, behind a program that it has not heard
   * of.
   */
  'other-pipelines-passed-over': (config) => {
    const bent = clusterBends['other-pipelines-loaded-late']!(config)!
    const often = OFTEN * config.pace
    const short = { chainEra: 2, chainReads: 1, checkpointIntervalMs: 20, checkpointTimeoutMs: 2000 }
    return {
      ...bent,
      limits: { ...bent.limits, ...short },
      deeds: { ...bent.deeds, otherMs: often / 10, stopMs: often / 2, killMs: 0, joinMs: 0, leaveMs: 0 },
    }
  },
  /** The own disk of one worker is full for a while, with its journal, while workers die, come and go. */
  'full-disks': (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const coming = { fullMs: often, killMs: 2 * often, joinMs: 4 * often, leaveMs: 8 * often }
    return { ...rest, sharedJournals: false, deeds: { ...deeds, ...coming } }
  },
  /** The store's volume goes away again and again, from one or from all, while workers die, come and go. */
  vanished: (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const never = { powerOffMs: 0, stopMs: 0, cutMs: 0, halfCutMs: 0 }
    const coming = { vanishMs: 2 * often, killMs: 2 * often, joinMs: 4 * often, leaveMs: 8 * often }
    return {
      ...rest,
      // What a journal has and no epoch, nobody else has.
      sharedJournals: true,
      losesOutbox: true,
      limits: { ...config.limits, checkpointIntervalMs: 400, checkpointTimeoutMs: 4000 },
      actMs: Math.ceil(ACT_MS * config.pace),
      deeds: { ...deeds, ...never, ...coming, crashProducerMs: often },
    }
  },
  /** People ask for this and that at once, while workers die, come and go. */
  people: (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = asked(quiet(config))
    const disk = { ...calm.disk, latencyMs: 30 * config.pace, syncMs: 30 * config.pace }
    return {
      ...rest,
      people: 8,
      askMs: Math.ceil(200 * config.pace),
      records: 300,
      weather: { ...rest.weather, disk },
      deeds: { ...deeds, killMs: 4 * often, joinMs: 4 * often, leaveMs: 8 * often },
    }
  },
  /** The same, where programs take long to be loaded, and workers are ended in peace. */
  'people-and-slow-programs': (config) => {
    const { deeds, ...rest } = clusterBends.people!(config)!
    const often = OFTEN * config.pace
    const never = { killMs: 0, joinMs: 0, leaveMs: 0 }
    return { ...rest, loadMs: Math.ceil(LOAD_MS * config.pace), deeds: { ...deeds, ...never, restMs: often } }
  },
  /** The same, and some ask for what wants the place of another one; workers are killed, and come and go. */
  rivals: (config) => {
    const bent = clusterBends.people!(config)!
    const loadMs = config.seed % 2 === 0 ? 0 : Math.ceil(LOAD_MS * config.pace)
    return { ...bent, people: 4, rivals: true, loadMs }
  },
  /** A few do, and workers are killed when something has just been drained that has files to show. */
  'struck-drains': (config) => {
    if (!config.system.drains.some(({ kind }) => kind === 'segments' || kind === 'append')) return null
    const { deeds, ...rest } = clusterBends.people!(config)!
    return {
      ...rest,
      people: 2,
      records: 100,
      struckDrains: true,
      deeds: { ...deeds, killMs: 0, joinMs: 0, leaveMs: 0 },
    }
  },
  /** A few do, and workers are ended in peace while something is drained. */
  'stopped-drains': (config) => {
    const { deeds, ...rest } = clusterBends.people!(config)!
    return {
      ...rest,
      people: 2,
      records: 100,
      stoppedDrains: true,
      deeds: { ...deeds, killMs: 0, joinMs: 0, leaveMs: 0 },
    }
  },
  /** The same, where nobody else is there, and half of the time no cluster. */
  'stopped-drains-of-one': (config) => {
    const { deeds, ...rest } = clusterBends['stopped-drains']!(config)!
    const alone = config.seed % 2 === 0
    return { ...rest, alone, workers: 1, mostWorkers: 1, deeds: { ...deeds, strayMs: 0 } }
  },
  /** Somebody looks through dead letters again and again, while workers die, come and go and key groups move. */
  'second-tries': (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = triedAgain(quiet(config))
    const moving = {
      letterMs: often / 8,
      killMs: 2 * often,
      joinMs: 4 * often,
      leaveMs: 8 * often,
      rebalanceMs: 2 * often,
    }
    return { ...rest, deeds: { ...deeds, ...moving } }
  },
  /** Workers are ended in peace, one after the other and several at a time, while others die, come and go. */
  rests: (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    return { ...rest, deeds: { ...deeds, restMs: often / 2, killMs: 4 * often, joinMs: 4 * often, leaveMs: 8 * often } }
  },
  /** The same, where sinks dial who takes what they give, and keep no more of it than the kernel. */
  'rests-of-plain-sinks': (config) => {
    if (!config.system.drains.some(({ kind }) => kind === 'tcp')) return null
    return clusterBends.rests!(config)
  },
  /** Epochs are given up soon, and few of them in a row stop the sources, while much is late. */
  'given-up-epochs': (config) => {
    const { deeds, weather, ...rest } = quiet(config)
    const disk = { ...weather.disk, stallChance: 0.01, stallMs: 1000 * config.pace }
    const hasty = {
      checkpointTimeoutMs: config.limits.checkpointIntervalMs + Math.max(100, 200 * config.pace),
      maxAbandoned: 1,
    }
    return { ...rest, hasty, weather: { ...weather, disk }, deeds: { ...deeds, killMs: 4 * OFTEN * config.pace } }
  },
  /** Producers post their records, while homes move and workers die, come and go. */
  posters: (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const moving = {
      strayMs: often / 2,
      reconnectMs: often / 2,
      crashProducerMs: often,
      killMs: 2 * often,
      joinMs: 4 * often,
      leaveMs: 8 * often,
    }
    return { ...rest, posted: config.system.feeds.map(({ step }) => step), deeds: { ...deeds, ...moving } }
  },
  /** Those outside speak by WebSocket and are posted to, while workers and receivers die, come and go. */
  webs: (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = webbed(quiet(config))
    const { feeds, drains } = config.system
    const webs = [...feeds, ...drains].map(({ step }) => step)
    const known = rest.system.webbed(() => true)
    const has = known.drains.some(({ kind }) => kind === 'webhook') || known.feeds.some(({ kind }) => kind !== 'file')
    if (!has) return null
    const moving = { killMs: 2 * often, joinMs: 4 * often, leaveMs: 8 * often, rebalanceMs: 2 * often }
    const calls = { reconnectMs: often, crashProducerMs: 2 * often, killConsumerMs: often, stopConsumerMs: 2 * often }
    return { ...rest, webs, deeds: { ...deeds, ...moving, ...calls } }
  },
  /** The shared volume lies behind a server that forgets what it has answered, and who has files open. */
  'over-a-network': (config) => {
    const often = OFTEN * config.pace
    const { deeds, ...rest } = overNetwork(config, 0.02)
    return {
      ...rest,
      deeds: { ...deeds, killMs: 2 * often, joinMs: 4 * often, leaveMs: 8 * often },
    }
  },
  /** Who wants to come in dies and is back at once, and what it had written before lands afterwards. */
  'newcomers-of-two-lives': (config) => {
    const often = OFTEN * config.pace
    const { deeds, weather, ...rest } = quiet(config)
    const never = { powerOffMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0, resetMs: 0, killMs: 0 }
    const disk = { ...calm.disk, latencyMs: 20 * config.pace, lateChance: 0.8, lateMs: 2000 * config.pace }
    return {
      ...rest,
      weather: { ...weather, disk },
      workers: 2,
      mostWorkers: 5,
      restartMs: Math.ceil(20 * config.pace),
      deeds: { ...deeds, ...never, joinMs: often, killNewcomerMs: often / 4, leaveMs: 4 * often },
    }
  },
  /**
   * Who had a stream is away with the end of it when a copy of its outbox goes on elsewhere, and comes back with that.
   */
  'copies-and-tails': (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const never = { powerOffMs: 0, cutMs: 0, halfCutMs: 0, stopMs: 0, strayMs: 0, leaveMs: 0, joinMs: 0 }
    return {
      ...rest,
      sharedJournals: false,
      losesOutbox: true,
      workers: 3,
      mostWorkers: 3,
      producers: 2,
      patienceMs: Math.ceil(50 * config.pace),
      limits: { ...config.limits, checkpointIntervalMs: 400, checkpointTimeoutMs: 4000 },
      deeds: { ...deeds, ...never, killMs: 2 * often, copyOutboxMs: often / 2, crashProducerMs: often / 2 },
    }
  },
  /** Outboxes are copied, and their streams go from home to home and from one journal to another. */
  'copied-outboxes': (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    return {
      ...rest,
      deeds: { ...deeds, strayMs: often / 2, reconnectMs: often / 2, killMs: 2 * often, copyOutboxMs: often },
      losesOutbox: false,
    }
  },
  /** Versions of a program follow one another, with other files or other parameters, while workers come and go. */
  versions: (config) => {
    if (config.people > 0) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet({ ...config, family: null })
    return {
      ...rest,
      deeds: { ...deeds, upgradeMs: often, killMs: 2 * often, rebalanceMs: often, joinMs: often, leaveMs: 2 * often },
    }
  },
  /** Some steps fail half-way. */
  torn: (config) => {
    const { channels, tasks } = config.system.build()
    const torn = tasks.some(({ step }) => step.startsWith('torn-')) && channels.length > 0
    return torn ? config : null
  },
  /** Somebody looks at rest whether what is over is gone. */
  tidy: (config) => (config.deeds.putBackMs > 0 ? null : { ...config, tidy: true }),
  /** Few dead letters are a full list: sources stop until somebody has taken them out. */
  'full-letters': (config) => {
    if (dropsKeys(config.system.build())) return null
    const bent = clusterBends['second-tries']!(config)!
    return { ...bent, secondTries: 'purged', fewLetters: 3 }
  },
  /** Sources of files follow one that grows, while workers come and go. */
  growing: (config) => {
    const files = config.system.feeds.filter(({ kind }) => kind === 'file')
    if (files.length === 0 || config.family !== null) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const moving = { killMs: often, joinMs: often, leaveMs: 2 * often, rebalanceMs: often, restMs: 2 * often }
    return { ...rest, followed: files.map(({ step }) => step), deeds: { ...deeds, ...moving } }
  },
  /** Sources forget streams soon, for journals are trimmed soon too; producers come and go. */
  'short-memory': (config) => {
    const { deeds, family, actMs, pace, limits } = config
    if (family !== null || deeds.damageMs > 0 || deeds.putBackMs > 0) return null
    return forgetful({
      ...config,
      actMs: Math.max(actMs, ACT_MS * pace),
      producers: 4,
      pauseMs: Math.max(config.pauseMs, 50),
      burst: Math.min(config.burst, 8),
      limits: { ...limits, horizonEpochs: 1, journalSegmentBytes: 1024, checkpointIntervalMs: 80 },
      deeds: { ...deeds, crashProducerMs: OFTEN * pace },
    })
  },
  /** All that there is of a piece of state is damaged, and the loss is accepted. */
  ruins: (config) => {
    const { deeds, ...rest } = quiet(config)
    const often = OFTEN * config.pace
    return {
      ...rest,
      limits: { ...config.limits, horizonEpochs: RUINED_HORIZON, checkpointIntervalMs: 30, checkpointTimeoutMs: 2000 },
      records: Math.max(1000, config.records),
      actMs: Math.ceil(ACT_MS * config.pace),
      deeds: { ...deeds, ruinMs: 2 * often, killMs: often, powerOffMs: 0 },
    }
  },
  /** Clocks are set ahead by weeks, and producers are away when those who know them look who is silent. */
  'set-clocks': (config) => {
    if (!config.system.feeds.some(({ kind }) => kind === 'acked')) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const limits = { ...config.limits, horizonEpochs: 1, journalSegmentBytes: 1024, checkpointIntervalMs: 30 }
    return {
      ...rest,
      leaps: true,
      rememberedMs: null,
      limits,
      actMs: Math.ceil(ACT_MS * config.pace),
      deeds: {
        ...deeds,
        jumpClockMs: often,
        crashProducerMs: often / 2,
        stopMs: 2 * often,
        killMs: 4 * often,
        powerOffMs: 0,
      },
    }
  },
  /** Plain senders keep their connections, while workers come and go and key groups move. */
  'plain-senders': (config) => {
    if (config.family !== null || !config.system.feeds.some(({ kind }) => kind === 'plain')) return null
    const often = OFTEN * config.pace
    const { deeds, weather, ...rest } = quiet(config)
    const never = { powerOffMs: 0, stopMs: 0, cutMs: 0, halfCutMs: 0, reconnectMs: 0, strayMs: 0 }
    const moving = { killMs: 4 * often, joinMs: 2 * often, leaveMs: 4 * often, rebalanceMs: often }
    return {
      ...rest,
      weather: { ...weather, network: { ...weather.network, resetChance: 0 } },
      mostWorkers: Math.min(5, config.workers + 2),
      deeds: { ...deeds, ...never, ...moving },
    }
  },
  /** Some steps keep what is hard to keep (`../keeping.ts`), while workers come and go. */
  keeping: (config) => {
    if (!config.system.build().tasks.some(({ step }) => step.startsWith('keeping-'))) return null
    const often = OFTEN * config.pace
    const { deeds, ...rest } = quiet(config)
    const moving = { killMs: 3 * often, joinMs: 2 * often, leaveMs: 4 * often, rebalanceMs: 2 * often }
    return { ...rest, secondTries: config.secondTries, deeds: { ...deeds, ...moving, letterMs: config.deeds.letterMs } }
  },
  /** Steps throw on states of which there is no copy, while workers come and go. */
  'large-states': (config) => {
    const bent = clusterBends.torn!(config)
    if (bent === null) return null
    const often = OFTEN * config.pace
    const { deeds, limits, ...rest } = quiet(bent)
    const moving = { killMs: 2 * often, joinMs: often, leaveMs: 4 * often, rebalanceMs: 2 * often }
    return { ...rest, limits: { ...limits, undoBytes: 64 }, deeds: { ...deeds, ...moving } }
  },
}

function withOtherSteps(config: ClusterConfig, acked: boolean): ClusterConfig {
  const { deeds, ...rest } = changing(clusterBends.upgrades!(config)!, acked)
  const often = OFTEN * config.pace
  return {
    ...rest,
    longAnswers: { oneIn: 8, longMs: 600 * config.pace },
    deeds: { ...deeds, upgradeMs: often / 2, killMs: 2 * often },
  }
}

/** Without what only makes a run longer, or other than it was. */
function quiet(config: ClusterConfig): ClusterConfig {
  const deeds = { ...config.deeds, ...none, fillDiskMs: 0 }
  return {
    ...config,
    harsh: false,
    ...nobody,
    weather: { ...config.weather, disk: calm.disk },
    deeds,
  }
}
