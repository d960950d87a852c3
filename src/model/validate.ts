/**
 * Validation: everything that is wrong with a graph, at once and by step name.
 *
 * U1. A fault is something that cannot run or would surely do what nobody wants; a warning may be meant.
 * U2. Nothing here runs a user's function.
 *
 * Much of it cannot be written in TypeScript at all; pipelines in JavaScript, and casts, end here.
 */
import { fail } from '../base/errors.ts'
import { inFileName, OWN_NAME_BYTES } from '../base/file-name.ts'
import { type Finding, showFinding } from './finding.ts'
import type { Graph, Step } from './graph.ts'
import { isKeyed, type KeyedStep } from './lower.ts'
import { show } from './options.ts'
import { idFaults, orderWarnings } from './order.ts'
import { unknownOptions } from './step-options.ts'

type AsyncStep = Extract<Step, { kind: 'asyncMap' }>

/** Longest name of a pipeline, a step or a branch, in UTF-16 code units, and in bytes: messages hold no longer one. */
const NAME_MAX = 100
const NAME_BYTES = 256

export interface Findings {
  readonly faults: readonly Finding[]
  readonly warnings: readonly Finding[]
}

/** Looks at `graph` and reports what it finds; throws nothing. */
export function validate(graph: Graph): Findings {
  const faults: Finding[] = []
  const warnings: Finding[] = []
  const fault = (step: string | null, what: string, hint: string) => faults.push({ step, what, hint })
  const warn = (step: string | null, what: string, hint: string) => warnings.push({ step, what, hint })

  checkName(graph.name, null, 'the pipeline', fault)
  checkFileName(graph.name, fault)
  checkNames(graph, fault)
  checkSources(graph, fault)
  for (const step of graph.steps) checkStep(step, fault, warn)
  checkWiring(graph, fault, warn)
  faults.push(...idFaults(graph))
  return { faults, warnings: faults.length > 0 ? warnings : [...warnings, ...orderWarnings(graph)] }
}

/** Throws `E_PIPELINE` with every fault of `graph`, if there is one. */
export function refuseFaults(graph: Graph): void {
  const { faults } = validate(graph)
  if (faults.length === 0) return
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`
  throw fail('E_PIPELINE', { pipeline: String(graph.name), count, faults: faults.map(showFinding).join('\n') })
}

type Complain = (step: string | null, what: string, hint: string) => void

function checkNames(graph: Graph, fault: Complain): void {
  const seen = new Map<unknown, Step>()
  for (const step of graph.steps) {
    checkName(step.name, nameOf(step), `a step (${step.kind})`, fault)
    const first = seen.get(step.name)
    if (first === undefined) seen.set(step.name, step)
    else if (step.name !== '') {
      fault(nameOf(step), `two steps have this name, a ${first.kind} and a ${step.kind}`, 'give one another name')
    }
  }
}

/** A record is known by its source and its split, as `in/logs/a.txt`, and a split may be a path: two would be one. */
function checkSources({ steps }: Graph, fault: Complain): void {
  const names = steps.flatMap(({ kind, name }) => (kind === 'source' && typeof name === 'string' ? [name] : []))
  for (const name of names) {
    const front = names.find((other) => name.startsWith(`${other}/`))
    if (front === undefined) continue
    fault(
      name,
      `its records may not be told from those of "${front}"`,
      `take a name that does not begin with "${front}/"`,
    )
  }
}

function checkName(name: unknown, step: string | null, owner: string, fault: Complain): void {
  const hint = 'names come first and identify state, so each is a text of its own'
  if (typeof name !== 'string') fault(step, `${owner} has no name`, hint)
  else if (name === '') fault(step, `${owner} has an empty name`, hint)
  else if (name.length > NAME_MAX) fault(step, `the name has ${name.length} characters`, `use ${NAME_MAX} at most`)
  else if (Buffer.byteLength(name) > NAME_BYTES) {
    fault(step, `the name has ${Buffer.byteLength(name)} bytes in UTF-8`, `use ${NAME_BYTES} at most`)
  } else if (name !== name.trim() || /\p{Cc}/u.test(name)) {
    fault(step, 'the name has spaces at its ends or control characters in it', 'use letters, digits and hyphens')
  } else if (/\p{Cs}/u.test(name)) {
    // In files and messages two such names would become one.
    fault(step, 'the name has half a character in it, which no UTF-8 can hold', 'use letters, digits and hyphens')
  }
}

/** A pipeline has a folder of its name. */
function checkFileName(name: unknown, fault: Complain): void {
  if (typeof name !== 'string' || name.length > NAME_MAX) return
  const { length } = inFileName(name)
  const hint = `use ${OWN_NAME_BYTES} at most, where every byte that is not a-z, 0-9, "_" or "-" counts as three`
  if (length > OWN_NAME_BYTES) fault(null, `the name takes ${length} bytes as the name of a folder`, hint)
}

/** A name that can be shown, whatever was given as one. */
function nameOf(step: Step): string {
  return typeof step.name === 'string' && step.name !== '' ? step.name : `(${step.kind} without a name)`
}

function checkStep(step: Step, fault: Complain, warn: Complain): void {
  const name = nameOf(step)
  const wants = (fn: unknown, what: string, mayWait = false) => checkFunction(name, fn, what, mayWait, fault)
  for (const { name: option, hint } of unknownOptions(step)) fault(name, `it has no option ${option}`, hint)
  switch (step.kind) {
    case 'source':
    case 'sink': {
      const described = step.kind === 'source' ? step.source : step.sink
      if (described?.role !== step.kind) {
        fault(name, `it has no ${step.kind}`, `give what a connector returns, such as tcp${capital(step.kind)}({ … })`)
        return
      }
      for (const what of described.faults ?? []) fault(name, what, 'mend the setting')
      if (step.kind === 'sink' && typeof step.sink.encode === 'function') wants(step.sink.encode, 'encode')
      return
    }
    case 'map':
    case 'filter':
    case 'flatMap':
    case 'inspect':
      wants(step.fn, 'function')
      return
    case 'keyBy':
      wants(step.key, 'key function')
      return
    case 'branch': {
      const outputs = Object.entries(step.tests ?? {})
      if (outputs.length === 0) fault(name, 'it has no branch', 'write one test for each output, by name')
      for (const [output, test] of outputs) {
        checkName(output, name, 'an output', fault)
        wants(test, `test "${output}"`)
        if (output === 'rest') fault(name, 'an output is called rest', 'rest is what meets no test; rename the test')
        // Objects list such names in numerical order, whatever order they were written in.
        if (/^\d+$/.test(output)) fault(name, `output "${output}" is a number and would lose its place`, 'use a word')
      }
      return
    }
    case 'asyncMap': {
      wants(step.fn, 'function', true)
      if (!hasOptions(step, name, fault)) return
      const { concurrency, timeoutMs } = step.options
      checkNumber(name, 'concurrency', concurrency, 'a whole number from 1 to 10000', between(1, 10_000), fault)
      checkNumber(name, 'timeoutMs', timeoutMs, 'milliseconds, at least 1', between(1, 2 ** 31 - 1), fault)
      return
    }
    case 'merge':
      return
    default:
      checkKeyed(step, name, wants, fault, warn)
  }
}

function checkKeyed(
  step: KeyedStep,
  name: string,
  wants: (fn: unknown, what: string) => void,
  fault: Complain,
  warn: Complain,
): void {
  if (!hasOptions(step, name, fault)) return
  if (step.kind === 'reduce') wants(step.fn, 'function')
  else wants(step.options.init, 'init')
  if (step.kind === 'mapWithState' || step.kind === 'flatMapWithState') wants(step.options.step, 'step')
  if (step.kind === 'aggregate') {
    wants(step.options.add, 'add')
    wants(step.options.result, 'result')
    if (step.options.combine !== undefined) wants(step.options.combine, 'combine')
  }
  if (step.kind === 'reduce' || step.kind === 'aggregate') {
    checkNumber(name, 'every', step.options.every, 'milliseconds, at least 1', between(1, 2 ** 31 - 1), fault)
  }
  const { ttl, schema } = step.options
  checkNumber(name, 'ttl', ttl, 'milliseconds, at least 1', (ms) => ms >= 1 && ms <= Number.MAX_SAFE_INTEGER, fault)
  if (schema === undefined) return
  if (typeof schema !== 'object' || schema === null) {
    fault(name, `schema is ${show(schema)}`, 'write schema: { version: 1 }, or leave it out')
    return
  }
  checkNumber(
    name,
    'schema.version',
    schema.version ?? Number.NaN,
    'a whole number from 1 to 65535',
    between(1, 65_535),
    fault,
  )
  if (schema.migrate !== undefined) wants(schema.migrate, 'schema.migrate')
  else if (Number.isInteger(schema.version) && schema.version > 1) {
    warn(
      name,
      `its state has version ${schema.version} and no migrate`,
      'checkpoints of older versions cannot be restored',
    )
  }
}

function hasOptions({ kind, options }: KeyedStep | AsyncStep, name: string, fault: Complain): boolean {
  if (typeof options === 'object' && options !== null) return true
  const example = kind === 'asyncMap' ? "asyncMap('name', fn)" : `${kind}('name', { init: () => ({ … }), … })`
  fault(name, 'it has no options', `write ${example}`)
  return false
}

function checkFunction(step: string, fn: unknown, what: string, mayWait: boolean, fault: Complain): void {
  if (typeof fn !== 'function') {
    fault(
      step,
      `its ${what} is ${fn === undefined ? 'missing' : 'no function'}`,
      'give the name first, then the function',
    )
  } else if (!mayWait && Object.prototype.toString.call(fn) === '[object AsyncFunction]') {
    fault(step, `its ${what} returns a promise`, 'only asyncMap waits for one: move the waiting there')
  }
}

function checkNumber(
  step: string,
  option: string,
  value: unknown,
  wanted: string,
  holds: (value: number) => boolean,
  fault: Complain,
): void {
  if (value === undefined || (typeof value === 'number' && holds(value))) return
  fault(step, `${option} is ${show(value)}`, `it must be ${wanted}`)
}

function between(least: number, most: number): (value: number) => boolean {
  return (value) => Number.isSafeInteger(value) && value >= least && value <= most
}

/** Who reads what: H1 of `graph.ts`, and streams that lead nowhere. */
function checkWiring(graph: Graph, fault: Complain, warn: Complain): void {
  const read = new Set<string>()
  for (const [index, step] of graph.steps.entries()) {
    for (const input of step.inputs) {
      if (!(input.step >= 0 && input.step < index))
        fault(nameOf(step), 'an input stands after it', 'build graphs with pipeline()')
      read.add(`${input.step} ${input.output ?? ''}`)
    }
    if (step.kind !== 'merge') continue
    const distinct = new Set(step.inputs.map((input) => `${input.step} ${input.output ?? ''}`))
    if (distinct.size < step.inputs.length)
      warn(nameOf(step), 'it merges a stream with itself', 'its records come twice')
  }
  for (const [index, step] of graph.steps.entries()) {
    const name = nameOf(step)
    if (step.kind === 'branch') {
      for (const output of Object.keys(step.tests ?? {})) {
        if (!read.has(`${index} ${output}`)) warn(name, `nobody uses its output ${output}`, 'those records are dropped')
      }
    } else if (step.kind === 'keyBy') {
      if (!read.has(`${index} `))
        fault(name, 'nobody uses its keys', 'add a step with state, such as mapWithState, after it')
    } else if (step.kind !== 'sink' && step.kind !== 'inspect' && !read.has(`${index} `)) {
      warn(
        name,
        'nobody uses its records',
        isKeyed(step) ? 'its state can be queried; to see records, add a sink' : 'add a sink',
      )
    }
  }
  if (!graph.steps.some((step) => step.kind === 'source'))
    fault(null, 'there is no source', "begin with p.source('name', …)")
  if (!graph.steps.some((step) => step.kind === 'sink')) warn(null, 'there is no sink', 'nothing leaves this pipeline')
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
