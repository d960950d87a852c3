/** Draws what becomes of the twigs of a program in the next one (`programs.ts`). */
import type { Prng } from '../../src/base/prng.ts'
import type { Family, Part, PartKind, Program, Twig } from './programs.ts'

/** Twigs of a program, at most. */
const MOST = 4
/** How often a call that is gone is named with `--drop`: it need not be, where its answers are waited for. */
const CALL_DROPPED = 0.3
/** Sources listen above this port. */
const PORTS = 7100
/** How often some part begins anew, and stays. */
const ANEW = 0.3

export class Twigs {
  private readonly random: Prng
  private readonly heads: number
  /** Some sources have producers. */
  private readonly acked: boolean
  private names = 0
  /** Twigs that have gone, which may come again. */
  private readonly gone: Twig[] = []

  constructor({ watches, acked }: Family, random: Prng) {
    this.random = random
    this.heads = watches.length
    this.acked = acked
  }

  /** The program that a pipeline begins with. */
  first(): Program {
    return { number: 0, twigs: [this.twig(), this.twig()], drop: [] }
  }

  /** The one that follows `before`; it fits each of `possible`, and takes over nothing of `besides`. */
  next(number: number, before: Program, possible: readonly Program[], besides: readonly string[]): Program {
    const { random } = this
    let { twigs } = before
    for (let left = 1 + random.below(2); left > 0; left--) twigs = this.changed(twigs)
    const parts = partsOf(twigs)
    const drop = new Set(besides)
    for (const { step, kind } of possible.flatMap((program) => partsOf(program.twigs))) {
      const now = parts.find((part) => part.step === step)
      if (now === undefined ? kind !== 'call' || random.chance(CALL_DROPPED) : now.kind !== kind) drop.add(step)
    }
    if (parts.length > 0 && random.chance(ANEW)) drop.add(parts[random.below(parts.length)]!.step)
    return { number, twigs, drop: [...drop] }
  }

  private changed(twigs: readonly Twig[]): readonly Twig[] {
    const { random, gone } = this
    const deed = twigs.length === 0 ? 0 : random.below(8)
    if (deed <= 1) return twigs.length < MOST ? [...twigs, this.twig()] : twigs
    if (deed === 2) {
      const back = gone.splice(random.below(gone.length + 1), 1)
      return [...twigs, ...back.filter(({ parts }) => !twigs.some((twig) => share(twig.parts, parts)))]
    }
    const i = random.below(twigs.length)
    if (deed === 3) {
      gone.push(twigs[i]!)
      return twigs.toSpliced(i, 1)
    }
    const { head, parts } = twigs[i]!
    const at = random.below(parts.length)
    const part = parts[at]!
    const other: Part = { ...part, step: this.name(part.kind) }
    const exchanged: Part = { ...part, kind: head === null ? this.beside(part.kind) : OTHER[part.kind] }
    if (deed === 4) return twigs.with(i, { head, parts: parts.with(at, other) })
    if (deed <= 6) return twigs.with(i, { head, parts: parts.with(at, exchanged) })
    return head === null ? twigs : twigs.with(i, { head, parts: this.longerOrShorter(parts) })
  }

  /** Without one of the parts in front of the sink, or with another one. */
  private longerOrShorter(parts: readonly Part[]): readonly Part[] {
    const { random } = this
    const [sink, inner] = [parts.at(-1)!, parts.slice(0, -1)]
    if (inner.length === 2 || (inner.length === 1 && random.chance(0.5))) {
      return [...inner.toSpliced(random.below(inner.length), 1), sink]
    }
    const keyed = inner[0]?.kind === 'call' || (inner.length === 0 && random.chance(0.5))
    const kind = keyed ? (random.chance(0.6) ? 'chain' : 'sum') : 'call'
    const more: Part = { step: this.name(kind), kind }
    return keyed ? [...inner, more, sink] : [more, ...inner, sink]
  }

  private twig(): Twig {
    const { random } = this
    const part = (kind: PartKind): Part => ({ step: this.name(kind), kind })
    const sink = part(random.chance(0.5) ? 'append' : 'segments')
    if (random.chance(this.acked ? 0.6 : 0.3)) {
      const source = part(this.acked && random.chance(0.7) ? 'acked' : 'files')
      return { head: null, parts: [{ ...source, port: PORTS + this.names }, part('chain'), sink] }
    }
    const call = random.chance(0.4) ? [part('call')] : []
    const keyed = random.chance(0.8) ? [part(random.chance(0.7) ? 'chain' : 'sum')] : []
    return { head: random.below(this.heads), parts: [...call, ...keyed, sink] }
  }

  /** What a part of a twig with a source of its own becomes under its name. */
  private beside(kind: PartKind): PartKind {
    if (kind === 'files') return this.acked ? 'acked' : kind
    return kind === 'chain' ? kind : OTHER[kind]
  }

  private name(kind: PartKind): string {
    return `${kind}${++this.names}`
  }
}

/** What a part becomes under its name. */
const OTHER: Readonly<Record<PartKind, PartKind>> = {
  files: 'files',
  acked: 'files',
  call: 'call',
  chain: 'sum',
  sum: 'chain',
  append: 'segments',
  segments: 'append',
}

export function partsOf(twigs: readonly Twig[]): Part[] {
  return twigs.flatMap(({ parts }) => parts)
}

/** Whether some have one name, or listen at one port. */
function share(parts: readonly Part[], others: readonly Part[]): boolean {
  return parts.some(({ step, port }) => {
    return others.some((other) => other.step === step || (port !== undefined && other.port === port))
  })
}
