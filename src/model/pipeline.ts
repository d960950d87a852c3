/**
 * `pipeline()`: where a pipeline file begins.
 *
 * L1. The user's function runs once per build, with the parameters of that build, and must have added all its steps
 *     when it returns.
 */
import { fail } from '../base/errors.ts'
import { nearest } from '../base/nearest.ts'
import { disregard } from '../base/promise.ts'
import { refuseAbsentSteps } from './absent-steps.ts'
import type { SourceDescription } from './connector.ts'
import { type Graph, GraphBuilder, type Parameters } from './graph.ts'
import { refuseOptions, show } from './options.ts'
import { Stream } from './stream.ts'

/** Marks pipelines across copies of this package: a file that bundled its own copy still exports one. */
const MARK = Symbol.for('potoroo.pipeline')

/** A pipeline as its file exports it: a name, parameters with defaults, and how to build its graph. */
export interface Pipeline {
  readonly name: string
  /** The parameters with their defaults. */
  readonly parameters: Parameters
  /**
   * Builds the graph with `given` in place of the defaults. A text is converted to the type of the default, as values
   * of a command line are. Throws `E_PARAMETER` for an unknown parameter or a value of another type, and whatever the
   * user's function throws.
   */
  build(given?: Parameters): Graph
}

export interface PipelineOptions<P extends Parameters> {
  /** Names and defaults. `--param name=value` gives another value of the same type. */
  readonly parameters?: P
}

type Widen<V> = V extends string ? string : V extends number ? number : boolean

/** What the function of a pipeline is given. */
export interface PipelineBuilder<P extends Parameters> {
  /** The values of this run. */
  readonly parameters: { readonly [N in keyof P]: Widen<P[N]> }
  /**
   * Adds a source: where records come from.
   *
   * @example p.source('lines', tcpSource({ port: 7001 }))
   */
  source<T>(name: string, source: SourceDescription<T>): Stream<T>
}

/**
 * Defines a pipeline; a pipeline file exports it as its default. `build` adds all steps before it returns, and must not
 * wait for anything. It runs whenever the pipeline is checked, explained or started, so it should do nothing but add
 * steps. Throws `E_SETTING` where there is no function, or a default is neither a text, a number nor a boolean. Faults
 * of the steps are found later, all at once (`E_PIPELINE`).
 *
 * @example
 * export default pipeline('word-count', { parameters: { port: 7001 } }, (p) => {
 *   p.source('lines', tcpSource({ port: p.parameters.port }))
 *     .flatMap('split', (line) => line.split(' '))
 *     .keyBy('by-word', (word) => word)
 *     .mapWithState('count', { init: () => ({ total: 0 }), step: (state, word) => ({ word, total: ++state.total }) })
 *     .sink('totals', stdoutSink())
 * })
 */
export function pipeline(name: string, build: (p: PipelineBuilder<Record<never, never>>) => void): Pipeline
export function pipeline<P extends Parameters>(
  name: string,
  options: PipelineOptions<P>,
  build: (p: PipelineBuilder<P>) => void,
): Pipeline
export function pipeline<P extends Parameters>(
  name: string,
  second: PipelineOptions<P> | ((p: PipelineBuilder<P>) => void),
  third?: (p: PipelineBuilder<P>) => void,
): Pipeline {
  const run = typeof second === 'function' ? second : third
  if (typeof run !== 'function') {
    throw fail('E_SETTING', { reason: `pipeline ${show(name)} has no function: pipeline(name, (p) => { … })` })
  }
  const options = typeof second === 'function' ? {} : second
  refuseOptions(`pipeline ${show(name)}`, options, ['parameters'])
  const defaults: Parameters = options.parameters ?? {}
  for (const [parameter, value] of Object.entries(defaults)) {
    if (convert(value, value) !== null) continue
    const reason = `parameter ${parameter} of pipeline ${show(name)} has ${show(value)} as its default, which is no text, number or boolean`
    throw fail('E_SETTING', { reason })
  }
  const build = (given: Parameters = {}): Graph => {
    const parameters = convertParameters(name, defaults, given)
    const graph = new GraphBuilder()
    const builder: PipelineBuilder<P> = {
      parameters: parameters as PipelineBuilder<P>['parameters'],
      source: (step, source) => new Stream(graph, { step: graph.add(step, [], { kind: 'source', source }) }),
    }
    refuseAbsentSteps(builder, 'pipeline')
    const returned: unknown = run(builder)
    const built = graph.finish(name, parameters)
    if (returned instanceof Promise) disregard(returned)
    if (typeof (returned as PromiseLike<unknown> | undefined)?.then === 'function') {
      throw fail('E_SETTING', {
        reason: `the function of pipeline ${show(name)} returns a promise; it must add its steps at once`,
      })
    }
    return built
  }
  return Object.freeze({ [MARK]: true, name, parameters: defaults, build })
}

/** Whether `value` came from `pipeline()`. */
export function isPipeline(value: unknown): value is Pipeline {
  return typeof value === 'object' && value !== null && MARK in value
}

/** `defaults` with `given` in their place, converted to the defaults' types. */
function convertParameters(pipelineName: string, defaults: Parameters, given: Parameters): Parameters {
  const values: Record<string, string | number | boolean> = { ...defaults }
  const refuse = (reason: string) => fail('E_PARAMETER', { pipeline: pipelineName, reason })
  for (const [name, value] of Object.entries(given)) {
    const fallback = Object.hasOwn(defaults, name) ? defaults[name] : undefined
    if (fallback === undefined) {
      const names = Object.keys(defaults)
      const meant = nearest(name, names)
      const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`
      throw refuse(`there is no parameter ${name}; ${meant === null ? known : `did you mean ${meant}?`}`)
    }
    const converted = convert(value, fallback)
    if (converted === null)
      throw refuse(`parameter ${name} is a ${typeof fallback}, and ${JSON.stringify(value)} is none`)
    values[name] = converted
  }
  return Object.freeze(values)
}

function convert<V extends string | number | boolean>(value: V, like: V): string | number | boolean | null {
  if (!['string', 'number', 'boolean'].includes(typeof like)) return null
  if (typeof value === typeof like) return typeof value === 'number' && !Number.isFinite(value) ? null : value
  if (typeof value !== 'string') return null
  if (typeof like === 'boolean') return value === 'true' ? true : value === 'false' ? false : null
  const number = Number(value)
  return value.trim() === '' || !Number.isFinite(number) ? null : number
}
