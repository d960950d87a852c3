/**
 * Somebody who looks through the dead letters of a cluster, worker by worker, gives some back to their steps and takes
 * others out.
 *
 * T1. Until the user's functions are mended what is tried again fails again, so each letter is there once in the end,
 *     as if nobody had done anything. Functions of stateful steps never are.
 * T2. From some moment on those of other steps refuse nothing any more. What is tried again then goes on, behind what
 *     has come after it (`checkers/rerun.ts`, X9).
 * T3. What was taken out never comes back, once an epoch says so.
 * T4. Where a list is full the sources stop (`limits.deadLetters`), until somebody has taken letters out; in fair
 *     weather somebody does.
 * T5. Who gives letters back may do so twice, at once and while they are under way: each is tried once for all that.
 */
import { Prng } from '../../../src/base/prng.ts'
import { periodic } from '../../../src/checkpoint/barrier.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'
import type { World } from '../../../src/sim/world.ts'
import type { Execution } from '../../../src/worker/execution/execution.ts'
import { contentOf, type DeadLetter } from '../../../src/worker/letters/dead-letter.ts'
import { isUp } from '../../../src/worker/pipelines/endings.ts'
import type { Letter } from '../checkers/evidence.ts'
import { causeOf, type Witness } from '../witness.ts'
import type { ClusterConfig } from './config.ts'

const TRIES = 0x5d0a_0000
/**
 * How often somebody gives the same letters back twice, the generator that draws it, and how much later, in
 * milliseconds, as usual.
 */
const TWICE = 0.3
const DOUBLING = 0x22b7_0000
const LATER_MS = 200

export class SecondTries {
  /** The records, and the answers of calls, some of which were tried again. */
  readonly replayed = new Set<string>()
  /** What somebody has asked to be taken out; whether an epoch says so is known of some. */
  readonly purged = new Map<string, Letter & { done: boolean }>()
  private readonly config: ClusterConfig
  private readonly pipeline: string
  private readonly random: Prng
  private readonly doubling: Prng
  private world: World | null = null

  constructor(config: ClusterConfig, pipeline: string) {
    this.config = config
    this.pipeline = pipeline
    this.random = new Prng(config.seed + TRIES)
    this.doubling = new Prng(config.seed + DOUBLING)
  }

  /** Functions are mended at some time of the act, where they are (T2). */
  begin(world: World, witness: Witness): void {
    const { secondTries, actMs } = this.config
    this.world = world
    if (secondTries !== 'mended') return
    world.at(world.now + actMs * this.random.fraction(), () => {
      witness.mended = true
    })
  }

  /** T4. */
  look(stations: readonly MemberStation[]): void {
    const { secondTries, limits } = this.config
    if (secondTries !== 'purged') return
    for (const { execution } of this.desksOf(stations)) {
      const { deadLetters } = execution
      if (deadLetters.count >= limits.deadLetters) this.purge(execution, deadLetters.list(0, deadLetters.count))
    }
  }

  /** Those who have letters. */
  private desksOf(stations: readonly MemberStation[]): { readonly name: string; readonly execution: Execution }[] {
    return stations.flatMap(({ worker, name }) => {
      const resident = worker?.residents.all.get(this.pipeline)
      const has = resident !== undefined && isUp(resident) && resident.execution.deadLetters.count > 0
      return has ? [{ name, execution: resident.execution }] : []
    })
  }

  private purge(execution: Execution, some: readonly DeadLetter[]): void {
    const letters = some.map(letterOf)
    for (const letter of letters) this.purged.set(nameOf(letter), { ...letter, done: false })
    execution.purge(some)
    execution.request(periodic, (reason) => {
      if (reason === null) for (const letter of letters) this.purged.get(nameOf(letter))!.done = true
    })
  }

  /** T5. */
  private again(execution: Execution, some: readonly DeadLetter[]): void {
    const { doubling, world, config } = this
    const ids = new Set(some.map(({ id }) => id))
    execution.replay(some)
    world!.at(world!.now + doubling.between(0, LATER_MS) * config.pace, () => {
      const { deadLetters } = execution
      execution.replay(deadLetters.list(0, deadLetters.count).filter(({ id }) => ids.has(id)))
    })
  }

  /** Somebody does something about letters that one of the workers has. */
  act(stations: readonly MemberStation[]): string {
    const { random, config } = this
    const desks = this.desksOf(stations)
    if (desks.length === 0) return ''
    const { name, execution } = desks[random.below(desks.length)]!
    const { deadLetters } = execution
    const all = deadLetters.list(0, deadLetters.count)
    const some = random.chance(0.3) ? all : all.filter(() => random.chance(0.4))
    if (some.length === 0) return ''
    if (config.secondTries === 'purged' && random.chance(0.4)) {
      this.purge(execution, some)
      return `${name}: ${some.length} taken out`
    }
    for (const letter of some) this.replayed.add(headOf(letterOf(letter).cause))
    execution.replay(some)
    if (this.doubling.chance(TWICE)) this.again(execution, some)
    return `${name}: ${some.length} tried again`
  }
}

/** A letter as checkers know it. */
export function letterOf({ step, given }: DeadLetter): Letter {
  return { step, cause: causeOf(contentOf(given).value) }
}

function nameOf({ step, cause }: Letter): string {
  return `${step} ${cause}`
}

function headOf(cause: string): string {
  return cause.split('/', 1)[0]!
}
