/**
 * Pipelines as they are, but fed by values made in the worker, with nothing written out: what is left is the engine's.
 */
import { generatorSource, nullSink, type Parameters, type Pipeline, type SourceDescription } from 'potoroo'

/**
 * As many parts as any bench has workers, and more: no worker is without one. With one part, one worker has all input.
 */
export const SPLITS = 8

/** `pipeline` with the source that `sourceFor` answers in place of each of its own, of `splits` parts. */
export function generated(
  pipeline: Pipeline,
  sourceFor: (splits: number, step: string, source: SourceDescription<unknown>) => SourceDescription<unknown>,
): Pipeline {
  const parameters = { ...pipeline.parameters, splits: SPLITS }
  const build = ({ splits = SPLITS, ...given }: Parameters = {}) => {
    const graph = pipeline.build(given)
    const steps = graph.steps.map((step) => {
      if (step.kind === 'source') return { ...step, source: sourceFor(Number(splits), step.name, step.source) }
      return step.kind === 'sink' ? { ...step, sink: nullSink() } : step
    })
    return { ...graph, parameters: { ...graph.parameters, splits }, steps }
  }
  return { ...pipeline, parameters, build }
}

/** `values` over and over. */
export function cycling<T>(splits: number, values: readonly T[]): SourceDescription<T> {
  return generatorSource({ splits, value: (n) => values[n % values.length] })
}

/** The same, where a value is made anew each time from its bytes, which stand behind each other in `bytes`. */
export function decoding(
  splits: number,
  source: SourceDescription<unknown>,
  bytes: Buffer,
  headBytes: number,
  recordBytes: number,
): SourceDescription<unknown> {
  const { decode } = source.decoder
  const stride = headBytes + recordBytes
  const count = bytes.length / stride
  return generatorSource({
    splits,
    value: (n) => {
      const start = (n % count) * stride + headBytes
      return decode(bytes, start, start + recordBytes)
    },
  })
}
