/** Records made up on the spot: for trying out, tests and benches. */
import { Prng } from '../../base/prng.ts'
import { atOnce } from '../../base/promise.ts'
import type { Decoder, SourceDescription } from '../../model/connector.ts'
import { bytes, decoder } from '../../model/decoder.ts'
import type { Fields, OptionsOf, SettingsOf } from '../../model/fields.ts'
import { lines } from '../../model/framing.ts'
import { describeSource, type SourceFormat } from '../options.ts'

export const generatorFields = {
  count: { type: 'integer', min: 0, optional: true, doc: 'how many values; endless when left out', example: 1000 },
  rate: {
    type: 'number',
    min: 0,
    default: 0,
    doc: 'values per second, over all splits; 0 means as many as the pipeline takes',
    example: 100,
  },
  seed: { type: 'integer', min: 0, default: 1, doc: 'chooses the random numbers', example: 7 },
  splits: { type: 'integer', min: 1, max: 1024, default: 1, doc: 'parts that are read in parallel', example: 4 },
} as const satisfies Fields

export type GeneratorSettings = SettingsOf<typeof generatorFields>
export type GeneratorOptions<T> = OptionsOf<typeof generatorFields> & {
  /**
   * Makes value number `n`, counted from 0; `undefined` is the end. Must depend on its arguments alone: after a
   * recovery the same values are asked for again. `random` gives the same numbers for the same `n` and seed. A value
   * that it throws on is a dead letter.
   */
  readonly value: (n: number, random: Prng) => T | undefined
}

const TWO_32 = 0x1_0000_0000

/**
 * Makes its own values.
 *
 * @example p.source('dice', generatorSource({ count: 1000, value: (_, random) => 1 + random.below(6) }))
 */
export function generatorSource<T>(options: GeneratorOptions<T>): SourceDescription<T> {
  const { value: make, ...settings } = options ?? {}
  const faults = faultsOf(make)
  const value = faults.length === 0 ? make : () => undefined
  const format: SourceFormat<T> = settings as object
  const described = describeSource(
    'generatorSource',
    'generator',
    generatorFields,
    format,
    { framing: lines(), decode: bytes as Decoder<unknown> as Decoder<T> },
    [],
  )
  const { seed, splits } = described.settings
  // Only a function that asks for random numbers pays for them.
  const generate =
    value.length < 2
      ? (n: number) => atOnce(value(n, undefined as never))
      : (n: number) => atOnce(value(n, randomOf(seed, n)))
  return {
    ...described,
    faults: [...(described.faults ?? []), ...faults],
    splits: splits === 1 ? 'one' : 'many',
    generate,
    // The bytes of a value that could not be made are its number: it is made once more where its dead letter is tried
    // again.
    decoder: decoder((number, start, end) => generate(Number(number.toString('latin1', start, end))) as T, 'generated'),
  }
}

function faultsOf(make: unknown): readonly string[] {
  if (typeof make !== 'function') return ['generatorSource: value must be a function']
  const waits = Object.prototype.toString.call(make) === '[object AsyncFunction]'
  return waits ? ['generatorSource: value returns a promise; what has to wait belongs in asyncMap'] : []
}

/** The random numbers of value `n`: any value can be made without those before it. */
function randomOf(seed: number, n: number): Prng {
  const high = (seed ^ Math.imul(Math.floor(n / TWO_32), 0x9e3779b1)) & 0x1f_ffff
  return new Prng(high * TWO_32 + (n >>> 0))
}
