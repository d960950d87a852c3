/**
 * Key groups in the order of their loads, each with one of several seats. It tells what a seat has that comes nearest
 * to a load, without looking at all that it has.
 *
 * Groups of the same load stand together, in the order of their numbers; each seat has a set of the places in that
 * order. A set is a tree of bits, 32 to a word, in which the next place above or below another is found in four looks.
 */
const NONE = -1
const WORD = 32

/** Whole numbers below `size`. */
class PlaceSet {
  /** A bit of a level says whether the word below it has any; the last level is one word. */
  private readonly levels: Int32Array[] = []

  constructor(size: number) {
    let words = size
    do {
      words = Math.max(1, Math.ceil(words / WORD))
      this.levels.push(new Int32Array(words))
    } while (words > 1)
  }

  add(place: number): void {
    let at = place
    for (const level of this.levels) {
      level[at >>> 5]! |= 1 << (at & 31)
      at >>>= 5
    }
  }

  delete(place: number): void {
    let at = place
    for (const level of this.levels) {
      level[at >>> 5]! &= ~(1 << (at & 31))
      if (level[at >>> 5] !== 0) return
      at >>>= 5
    }
  }

  /** The least member from `place` on, or -1. */
  atLeast(place: number): number {
    let at = place
    for (let k = 0; k < this.levels.length; k++, at = (at >>> 5) + 1) {
      const word = at >>> 5
      if (word >= this.levels[k]!.length) return NONE
      const rest = this.levels[k]![word]! & (-1 << (at & 31))
      if (rest !== 0) return this.descend(k, word * WORD + lowest(rest), lowest)
    }
    return NONE
  }

  /** The greatest member up to `place`, or -1. */
  atMost(place: number): number {
    let at = place
    for (let k = 0; k < this.levels.length && at >= 0; k++, at = (at >>> 5) - 1) {
      const word = at >>> 5
      const rest = this.levels[k]![word]! & (-1 >>> (31 - (at & 31)))
      if (rest !== 0) return this.descend(k, word * WORD + highest(rest), highest)
    }
    return NONE
  }

  /** From bit `at` of level `k`, which is set, down to a member: by the bit of each word that `choose` names. */
  private descend(k: number, at: number, choose: (word: number) => number): number {
    let place = at
    for (let below = k - 1; below >= 0; below--) place = place * WORD + choose(this.levels[below]![place]!)
    return place
  }
}

function lowest(word: number): number {
  return 31 - Math.clz32(word & -word)
}

function highest(word: number): number {
  return 31 - Math.clz32(word)
}

export class GroupsByLoad {
  /** The loads that there are, rising, and the first place of each. */
  private readonly loads: Float64Array
  private readonly firsts: Uint32Array
  /** The place of each group, and the group at each place. */
  private readonly places: Uint32Array
  private readonly groups: Uint32Array
  private readonly sets: readonly PlaceSet[]

  /** Of groups without a load nothing is known here. */
  constructor(owners: Uint16Array, seats: number, load: Float64Array) {
    const sorted = load.toSorted()
    let distinct = 0
    for (let i = 0; i < sorted.length; i++) {
      const one = sorted[i]!
      if (one > 0 && one !== sorted[distinct - 1]) sorted[distinct++] = one
    }
    this.loads = sorted.subarray(0, distinct)
    const classes = new Int32Array(load.length)
    this.firsts = new Uint32Array(distinct + 1)
    for (let group = 0; group < load.length; group++) {
      classes[group] = load[group]! > 0 ? this.from(load[group]!) : NONE
      if (classes[group] !== NONE) this.firsts[classes[group]! + 1]!++
    }
    for (let i = 1; i <= distinct; i++) this.firsts[i]! += this.firsts[i - 1]!
    const free = this.firsts.slice()
    this.places = new Uint32Array(load.length)
    this.groups = new Uint32Array(load.length)
    this.sets = Array.from({ length: seats }, () => new PlaceSet(load.length))
    for (let group = 0; group < load.length; group++) {
      if (classes[group] === NONE) continue
      const place = free[classes[group]!]!++
      this.places[group] = place
      this.groups[place] = group
      this.sets[owners[group]!]!.add(place)
    }
  }

  /** `group` goes from one seat to another. */
  move(group: number, from: number, to: number): void {
    this.sets[from]!.delete(this.places[group]!)
    this.sets[to]!.add(this.places[group]!)
  }

  /**
   * The group of `seat` whose load is nearest to `wanted`, less than `wanted` away from it; of several the one with the
   * least number. -1 where there is none.
   */
  nearest(seat: number, wanted: number): number {
    const { loads } = this
    const above = this.from(wanted)
    let best = NONE
    let distance = wanted
    const offer = (found: number): boolean => {
      const group = this.groupOf(seat, found)
      const off = Math.abs(loads[found]! - wanted)
      if (off > distance || (off === distance && best === NONE)) return false
      best = off < distance ? group : Math.min(best, group)
      distance = off
      return true
    }
    // Loads that differ may be equally far away, as far as numbers go.
    let found = this.above(seat, above)
    while (found !== NONE && offer(found)) found = this.above(seat, found + 1)
    found = this.below(seat, above - 1)
    while (found !== NONE && offer(found)) found = this.below(seat, found - 1)
    return best
  }

  /** The first of the loads that is `wanted` or more. */
  private from(wanted: number): number {
    let [low, high] = [0, this.loads.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.loads[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The first load from `index` on of which `seat` has a group, or -1. */
  private above(seat: number, index: number): number {
    if (index >= this.loads.length) return NONE
    const place = this.sets[seat]!.atLeast(this.firsts[index]!)
    return place === NONE ? NONE : this.loadAt(place)
  }

  /** The last load up to `index` of which `seat` has a group, or -1. */
  private below(seat: number, index: number): number {
    if (index < 0) return NONE
    const place = this.sets[seat]!.atMost(this.firsts[index + 1]! - 1)
    return place === NONE ? NONE : this.loadAt(place)
  }

  /** The group with the least number that `seat` has of a load. */
  private groupOf(seat: number, index: number): number {
    return this.groups[this.sets[seat]!.atLeast(this.firsts[index]!)]!
  }

  /** The load that stands at `place`. */
  private loadAt(place: number): number {
    let [low, high] = [0, this.loads.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.firsts[middle]! <= place) low = middle
      else high = middle - 1
    }
    return low
  }
}
