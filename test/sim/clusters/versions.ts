/**
 * Versions of one program that follow one another: the same file or another one, with the same parameters or others.
 * What their steps keep has a form, which is that of the version that made it or passed it on: of two forms the later
 * one comes about only where `migrate` is called (`../witness.ts`, F1).
 *
 * V1. The forms of versions never go back, in the order in which the chain has them: nobody asks for another one before
 *     what was asked for is decided, or whoever was asked is dead.
 */
import type { Json } from '../../../src/base/json.ts'
import { Prng } from '../../../src/base/prng.ts'
import type { MemberStation } from '../../../src/sim/member-station.ts'
import type { SimProcess } from '../../../src/sim/world.ts'

const VERSIONS = 0x3f0e_0000
/** How often the file is another one, and how often the form. */
const OTHER_FILE = 0.5
const OTHER_FORM = 0.7

export class Versions {
  private readonly random: Prng
  private files = 1
  private form = 1
  private pending: SimProcess | null = null

  constructor(seed: number) {
    this.random = new Prng(seed + VERSIONS)
  }

  /** Somebody asks `station` for another one. */
  ask(station: MemberStation): string {
    const { random, pending } = this
    if (pending !== null && pending.state !== 'dead') return ''
    if (random.chance(OTHER_FILE)) this.files++
    if (random.chance(OTHER_FORM)) this.form++
    const { process } = station
    this.pending = process
    const [hash, parameters] = [`program-${this.files}`, { form: this.form }]
    station.submit(hash, parameters, () => {
      if (this.pending === process) this.pending = null
    })
    return `${station.name} ${hash} of form ${this.form}`
  }
}

/** What form the states have of a version with `parameters`. */
export function formOf(parameters: Json): number {
  return (parameters as { readonly form?: number } | null)?.form ?? 1
}
