/** What a bench says: one line per measure for people, one JSON line for programs. */

export interface Measure {
  readonly name: string
  /** The engine's figure: median over the pairs. */
  readonly value: number
  readonly unit: string
  /** The reference's figure in the same run, where there is one. */
  readonly reference: number | null
  /** Engine against reference, pair by pair: median, lowest, highest. */
  readonly ratio: number | null
  readonly low: number | null
  readonly high: number | null
  /** What is to be reached, as `>= 0.6`, of the ratio where there is one, else of the value; `null`: only told. */
  readonly reach: string | null
  readonly holds: boolean | null
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** A measure from figures taken in pairs: `engine[i]` and `reference[i]` ran one after the other. */
export function paired(
  name: string,
  unit: string,
  engine: readonly number[],
  reference: readonly number[],
  reach: string | null,
): Measure {
  const ratios = engine.map((value, i) => value / reference[i]!)
  const ratio = median(ratios)
  return {
    name,
    value: median(engine),
    unit,
    reference: median(reference),
    ratio,
    low: Math.min(...ratios),
    high: Math.max(...ratios),
    reach,
    holds: reach === null ? null : satisfies(ratio, reach),
  }
}

/** A measure that stands by itself. */
export function single(name: string, unit: string, values: readonly number[], reach: string | null): Measure {
  const value = median(values)
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return {
    name,
    value,
    unit,
    reference: null,
    ratio: null,
    low,
    high,
    reach,
    holds: reach === null ? null : satisfies(value, reach),
  }
}

function satisfies(value: number, reach: string): boolean {
  const [, sign, bound] = /^(>=|<=) ([\d.]+)$/.exec(reach)!
  return sign === '>=' ? value >= Number(bound) : value <= Number(bound)
}

/** Prints the measures; with `json`, the last line is one object. */
export function print(bench: string, measures: readonly Measure[], json: boolean): void {
  for (const measure of measures) process.stdout.write(`${line(measure)}\n`)
  if (json) process.stdout.write(`${JSON.stringify({ bench, measures })}\n`)
}

function line(m: Measure): string {
  const figure = `${m.name.padEnd(28)} ${format(m.value)} ${m.unit}`
  const range = m.low === null || m.high === null ? '' : ` (${format(m.low)} to ${format(m.high)})`
  const against = m.ratio === null ? range : `  against ${format(m.reference!)}: ${m.ratio.toFixed(3)}${range}`
  const reach = m.reach === null ? '' : `  reach ${m.reach}: ${m.holds ? 'holds' : 'falls short'}`
  return figure + against + reach
}

function format(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(value < 10 ? 3 : 1)
}
