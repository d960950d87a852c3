/**
 * What the world does to a run: which faults exist, how often, how hard. Plain data; each simulated seam says at its
 * head which faults are fair and what each of these fields does there.
 *
 * A run draws its weather from its seed (`drawWeather`), each fault present or absent on its own: a run with everything
 * at once hides what only a run with one thing shows (Groce et al., "Swarm testing", 2012). What an actor does (kill,
 * stop, cut, power off) is no weather; the driver of a run calls it by name.
 */
import type { Prng } from '../base/prng.ts'

export interface NetworkWeather {
  /** Least time on the wire, in milliseconds. */
  readonly latencyMs: number
  /** Up to so much more, drawn per segment. Segments of a connection never overtake one another. */
  readonly jitterMs: number
  /** Bytes per millisecond that one direction of a connection carries. */
  readonly bytesPerMs: number
  /** Bytes that the kernels hold for one direction of a connection: sent, on the wire, or received and not read. */
  readonly kernelBytes: number
  /** Bytes in user space from which `write` answers `false`. */
  readonly highWaterBytes: number
  /** Chance that a chunk is handed over in two parts. */
  readonly splitChance: number
  /** Chance that chunks that wait are handed over as one. */
  readonly mergeChance: number
  /** Chance that a segment between two machines that check what they get has one bit turned. */
  readonly flipChance: number
  /** Chance that a segment is answered by a reset. */
  readonly resetChance: number
  /** Chance that a dial is refused though somebody listens. */
  readonly refuseChance: number
  /** Longest wait for the next attempt after a cut has healed, in milliseconds. */
  readonly retransmitMs: number
  /** A connection or a dial whose bytes are not answered for so long is given up, in milliseconds. */
  readonly timeoutMs: number
}

export interface DiskWeather {
  /** Least time of an operation, in milliseconds. */
  readonly latencyMs: number
  /** Up to so much more, drawn per operation. */
  readonly jitterMs: number
  /** What a sync takes on top, in milliseconds. */
  readonly syncMs: number
  /** Chance that an operation stalls, and for how long at most, in milliseconds. */
  readonly stallChance: number
  readonly stallMs: number
  /** Chance that an operation fails and has done nothing, or a write only a part. */
  readonly failChance: number
  /** Only those on paths that contain one of these fail so; where there are none, all do. */
  readonly failing: readonly string[]
  /** Chance that an operation on names fails and has been done all the same. */
  readonly unknownChance: number
  /**
   * Chance that an operation on names of a shared volume is done twice, for its first answer was lost: the second one
   * is told.
   */
  readonly twiceChance: number
  /** Of a shared volume: an open file that another machine removes is gone at once. */
  readonly stale: boolean
  /**
   * For how long a machine may remember what it has seen in a folder of a shared volume, in milliseconds, and in which:
   * whose path contains one of `listed`.
   */
  readonly listedMs: number
  readonly listed: readonly string[]
  /**
   * Of a shared volume: what a machine writes is seen by others when it is synced or closed, or its process has ended.
   */
  readonly kept: boolean
  /** Chance that a sync fails (`env/disk.ts`, K3). */
  readonly syncFailChance: number
  /** Chance that a write which a crash meets is done in part. */
  readonly tornChance: number
  /** Chance that an operation under way on a shared volume at its process's death lands later; how much, at most. */
  readonly lateChance: number
  readonly lateMs: number
  /** Chance that a read finds a bit turned at rest, in files whose path contains one of `damaged`. */
  readonly damageChance: number
  readonly damaged: readonly string[]
  /** Bytes that the volume holds. */
  readonly capacityBytes: number
}

export interface ClockWeather {
  /** Wall clocks are wrong by up to so much, either way, in milliseconds. */
  readonly offsetMs: number
  /** Clocks run fast or slow by up to this share. */
  readonly drift: number
  /** Chance per reading that the wall clock jumps, and by how much at most, either way, in milliseconds. */
  readonly jumpChance: number
  readonly jumpMs: number
  /** What one turn of a process's loop takes, in milliseconds: how slow its processor is. */
  readonly turnMs: number
}

export interface Weather {
  readonly network: NetworkWeather
  readonly disk: DiskWeather
  readonly clock: ClockWeather
}

/** No faults: a quick network, a quick disk, right clocks. */
export const calm: Weather = {
  network: {
    latencyMs: 0.1,
    jitterMs: 0.1,
    bytesPerMs: 1 << 20,
    kernelBytes: 128 << 10,
    highWaterBytes: 64 << 10,
    splitChance: 0,
    mergeChance: 0,
    flipChance: 0,
    resetChance: 0,
    refuseChance: 0,
    retransmitMs: 200,
    timeoutMs: 60_000,
  },
  disk: {
    latencyMs: 0.05,
    jitterMs: 0.05,
    syncMs: 0.5,
    stallChance: 0,
    stallMs: 0,
    failChance: 0,
    failing: [],
    unknownChance: 0,
    twiceChance: 0,
    stale: false,
    listedMs: 0,
    listed: [],
    kept: false,
    syncFailChance: 0,
    tornChance: 0,
    lateChance: 0,
    lateMs: 0,
    damageChance: 0,
    damaged: [],
    capacityBytes: 1 << 30,
  },
  clock: { offsetMs: 0, drift: 0, jumpChance: 0, jumpMs: 0, turnMs: 0.001 },
}

/** How often a fault is present in a drawn weather. */
const PRESENT = 0.3

/**
 * The weather of a run. Faults that a process cannot survive without help (a write, a sync or any operation that fails,
 * damage at rest) are drawn only when `harsh` is set, for tests that know what they ask.
 */
export function drawWeather(random: Prng, harsh: boolean): Weather {
  const fault = (low: number, high: number): number => (random.chance(PRESENT) ? random.between(low, high) : 0)
  const grave = (low: number, high: number): number => (harsh ? fault(low, high) : 0)
  return {
    network: {
      ...calm.network,
      latencyMs: random.between(0.05, 2),
      jitterMs: fault(0.1, 20) + 0.1,
      bytesPerMs: random.chance(PRESENT) ? random.between(16, 4096) : calm.network.bytesPerMs,
      kernelBytes: random.chance(PRESENT) ? 1024 + random.below(16_384) : calm.network.kernelBytes,
      highWaterBytes: random.chance(PRESENT) ? 1 + random.below(16_384) : calm.network.highWaterBytes,
      splitChance: fault(0.05, 0.9),
      mergeChance: fault(0.05, 1),
      flipChance: fault(0.0001, 0.01),
      resetChance: fault(0.0001, 0.005),
      refuseChance: fault(0.01, 0.3),
      retransmitMs: random.between(10, 1000),
      timeoutMs: random.between(2000, 60_000),
    },
    disk: {
      ...calm.disk,
      jitterMs: fault(0.1, 10) + 0.05,
      syncMs: random.between(0.05, 20),
      stallChance: fault(0.001, 0.02),
      stallMs: random.between(10, 3000),
      failChance: grave(0.0005, 0.01),
      unknownChance: grave(0.0005, 0.02),
      syncFailChance: grave(0.0005, 0.02),
      tornChance: fault(0.1, 1),
      lateChance: fault(0.1, 1),
      lateMs: random.between(1, 5000),
      damageChance: grave(0.0005, 0.01),
    },
    clock: {
      offsetMs: fault(1, 3_600_000),
      drift: fault(0.00001, 0.001),
      jumpChance: fault(0.0001, 0.01),
      jumpMs: random.between(1, 60_000),
      turnMs: calm.clock.turnMs,
    },
  }
}
