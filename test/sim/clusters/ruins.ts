/**
 * A piece of state of which all is damaged that anybody could go back to: all workers die, and a pack turns bad that
 * each epoch within the horizon needs. Workers refuse to go on without a word, and a person accepts the loss
 * (`--accept-loss`).
 *
 * R1. Once is enough: behind an epoch that counts, of a generation that began with the loss accepted, nobody asks about
 *     that pack again.
 * R2. What was in it is lost, and so what the states come from cannot be judged (`cluster.ts`). That everything sent is
 *     taken in, that all comes to rest, and that the states of the end come back, can.
 */
import type { PotorooError } from '../../../src/base/errors.ts'
import { Prng } from '../../../src/base/prng.ts'
import type { Manifest, PackEntry } from '../../../src/checkpoint/manifest.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'
import type { Volume } from '../../../src/sim/volume.ts'
import { type ChainWatch, STORE } from './chain-watch.ts'
import type { ClusterConfig } from './config.ts'

/** How often that is drawn, and the generator that draws it. */
const RUINED = 0.04
const RUINING = 0x2cb5_0000
/**
 * The horizon of such a run: what all epochs within it need the next one needs no more where there are so many, and
 * until then it does.
 */
export const RUINED_HORIZON = 20
/** Epochs that have to count between two such days. */
const EPOCHS = 3

export class Ruins {
  readonly complaints: string[] = []
  /** How often it has happened. */
  times = 0
  private readonly volume: Volume
  private readonly chain: ChainWatch
  private readonly horizon: number
  private readonly packs = new Set<string>()
  /** Epochs that had counted by then. */
  private at = Number.NEGATIVE_INFINITY
  /** The generation that there was when the loss was accepted last; `null`: it has not been. */
  private accepted: number | null = null

  constructor(volume: Volume, chain: ChainWatch, horizon: number) {
    this.volume = volume
    this.chain = chain
    this.horizon = horizon
  }

  /** A pack that all need who could go back now; `null` where there is none. */
  find(random: Prng): PackEntry | null {
    const { chain, horizon } = this
    chain.look()
    const { last } = chain
    if (last === null || chain.epochs < this.at + EPOCHS) return null
    // Those that may be gone back to.
    const before = [...chain.manifests.values()].filter(({ epoch }) => epoch <= last.epoch).slice(-horizon)
    const needed = last.packs.filter(({ path }) => before.every((manifest) => isNeededBy(manifest, path)))
    return needed.length === 0 ? null : needed[random.below(needed.length)]!
  }

  /** All workers are dead. */
  ruin({ path }: PackEntry, random: Prng): boolean {
    if (!this.volume.damage(`${STORE}/${path}`, random)) return false
    this.packs.add(path)
    this.times++
    this.at = this.chain.epochs
    this.accepted = null
    return true
  }

  /** `station` has ended with `error`: whether a person starts it with the loss accepted. */
  fell({ name }: MemberStation, error: PotorooError): boolean {
    if (!this.asks(error)) return false
    const { chain, accepted } = this
    chain.look()
    if (accepted !== null && (chain.last?.generation ?? 0) > accepted)
      this.complaints.push(`${name} asks again about a loss that was accepted: ${error.message} (R1)`)
    this.accepted = chain.generation
    return true
  }

  /** Whether `error` asks about what was ruined. */
  asks({ code, details }: PotorooError): boolean {
    return code === 'E_RESTORE' && [...this.packs].some((path) => String(details.damage).includes(path))
  }
}

function isNeededBy({ packs }: Manifest, path: string): boolean {
  return packs.some((pack) => pack.path === path)
}

/** Where that happens; not where others take something back, or look at states meanwhile. */
export function withRuins(config: ClusterConfig): ClusterConfig {
  const random = new Prng(config.seed + RUINING)
  const { pace, deeds, limits } = config
  if (!random.chance(RUINED) || !canBeRuined(config)) return config
  const ruinMs = Math.ceil(random.between(1000, 6000) * pace)
  return { ...config, limits: { ...limits, horizonEpochs: RUINED_HORIZON }, deeds: { ...deeds, ruinMs } }
}

function canBeRuined({ harsh, deeds, family, others, people, readMs, secondTries, tidy }: ClusterConfig): boolean {
  const takesBack = deeds.damageMs > 0 || deeds.putBackMs > 0 || deeds.vanishMs > 0 || deeds.namesakeMs > 0
  const looks = readMs > 0 || secondTries !== 'none' || tidy
  return !harsh && family === null && others === 0 && people === 0 && !takesBack && !looks
}
