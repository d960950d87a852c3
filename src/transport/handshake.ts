/**
 * Who may have a session: what two workers tell each other when a connection begins, and what each makes of it
 * (PROTOCOLS 6). The conversation itself is `handshake-table.ts`.
 *
 * H1. A session stands between one incarnation of one worker and one of the other, in one generation that both have
 *     activated.
 * H2. Whoever dials in a generation that is not active here yet is answered `notYet`, and so is whom this generation
 *     does not know: it may, soon. Whoever dials in an older one is told the newer.
 * H3. A known worker with another incarnation has lost all that it held: that ends the generation.
 * H4. Whoever dials says how much of the session it has received. A hello that says less than is already known was
 *     overtaken by a later one, and is passed over.
 *
 * A token is compared in constant time, but it travels as it is: links belong on a network of one's own.
 */
import { type ErrorCode, fail, type PotorooError } from '../base/errors.ts'
import { sameSecret } from '../base/secret.ts'
import { agreedVersion, spokenVersions } from '../protocol/version.ts'
import type { Lane, Message } from './wire.ts'

export type Hello = Message<'hello'>
export type About = Message<'about'>
export type Welcome = Message<'welcome'>
/** Why there is no session now. */
export type Answer = Message<'notYet' | 'refused'>

/** Who this worker is, for as long as it lives. */
export interface Identity {
  readonly cluster: string
  readonly token: string
  readonly worker: string
  readonly incarnation: string
  /** The release that runs. Said, not compared: what has to agree is the version of the protocol. */
  readonly build: string
}

/** A program that a worker runs: its pipeline's number in the chain, and the hash of its text. */
export interface Program {
  readonly pipeline: number
  readonly hash: string
}

/** What a worker is in its present generation; 0 before the first. */
export interface Standing {
  readonly identity: Identity
  readonly generation: number
  readonly programs: readonly Program[]
}

/** What a session is at one end, as far as the other end's words can be judged by it. */
export interface SessionFacts {
  readonly lane: Lane
  /** Its name; `null` before the first welcome. */
  readonly session: string | null
  /** Frames received. */
  readonly received: number
  /** Frames that the other side is known to have received. */
  readonly acknowledged: number
  /** Frames that were ever given to a connection. */
  readonly written: number
  /** It has ended before its generation. */
  readonly over: boolean
}

/** What the accepting side knows of the worker that dials. */
export interface Caller {
  readonly incarnation: string
  /** Whether it is the one of the two that dials. */
  readonly dials: boolean
  readonly facts: SessionFacts
}

/** What is made of a dial. `fatal`: the generation cannot go on with that worker. */
export type Verdict =
  | { readonly kind: 'welcome'; readonly version: number }
  | { readonly kind: 'notYet' }
  | { readonly kind: 'refuse'; readonly error: PotorooError; readonly fatal: boolean }
  /** The connection is of no use, and nothing is to be said about it (H4). */
  | { readonly kind: 'passOver' }

/** What the accepting side makes of a hello; `caller` is `null` where the generation has no such worker. */
export function judge(ours: Standing, hello: Hello, about: About, caller: Caller | null): Verdict {
  const { identity, generation } = ours
  const who = { worker: identity.worker, peer: hello.worker }
  if (hello.cluster !== identity.cluster)
    return refuse('E_LINK_CLUSTER', { ...who, ours: identity.cluster, theirs: hello.cluster })
  if (!sameSecret(text(hello.token), text(Buffer.from(identity.token)))) return refuse('E_LINK_TOKEN', who)
  const version = agreedVersion(spokenVersions, hello)
  if (version === null) return refuse('E_LINK_VERSION', { ...who, ours: range(spokenVersions), theirs: range(hello) })
  if (hello.worker === identity.worker) return refuse('E_LINK_NAME', who)
  if (hello.generation < generation)
    return refuse('E_LINK_GENERATION', { ...who, ours: generation, theirs: hello.generation })
  if (hello.generation > generation || caller === null) return { kind: 'notYet' }
  if (hello.incarnation !== caller.incarnation) return restarted(ours, hello, caller.incarnation)
  if (!caller.dials) return refuse('E_LINK_PROTOCOL', { ...who, reason: 'it dials though it is to be dialled' })
  const program = differingProgram(ours.programs, about.pipelines)
  if (program !== null) return refuse('E_LINK_PIPELINE', { ...who, ...program })
  return judgeSession(who, hello, caller.facts, version)
}

function judgeSession(who: Sides, hello: Hello, facts: SessionFacts, version: number): Verdict {
  const { lane, session } = facts
  if (facts.over) return refuse('E_LINK_SESSION', { ...who, lane, reason: 'the session has ended' }, true)
  if (hello.session !== null && hello.session !== session)
    return refuse('E_LINK_SESSION', { ...who, lane, reason: 'the session is not known' }, true)
  if (hello.received > facts.written)
    return refuse('E_LINK_SESSION', { ...who, lane, reason: 'more was received than was sent' }, true)
  const overtaken = hello.received < facts.acknowledged || (hello.session === null && facts.received > 0)
  return overtaken ? { kind: 'passOver' } : { kind: 'welcome', version }
}

/** What the dialling side makes of who answers; `null`: it is the right one. `address` is where it was dialled. */
export function examine(ours: Standing, about: About, expected: Expected): Refusal | null {
  const { worker } = ours.identity
  const { address, facts } = expected
  const who = { worker, peer: expected.worker }
  if (about.worker !== expected.worker) return refuse('E_LINK_ADDRESS', { ...who, answers: about.worker, address })
  if (about.incarnation !== expected.incarnation) return restarted(ours, about, expected.incarnation)
  if (about.lane !== facts.lane) return refuse('E_LINK_PROTOCOL', { ...who, reason: 'it answers for another lane' })
  return null
}

/** What the dialling side makes of a welcome, from the worker that `examine` let pass. */
export function weigh(ours: Standing, welcome: Welcome, expected: Expected): Verdict {
  const { facts } = expected
  const who = { worker: ours.identity.worker, peer: expected.worker }
  const { version } = welcome
  if (agreedVersion(spokenVersions, { newest: version, oldest: version }) === null)
    return refuse('E_LINK_VERSION', { ...who, ours: range(spokenVersions), theirs: version })
  const differs = (reason: string): Refusal => refuse('E_LINK_SESSION', { ...who, lane: facts.lane, reason }, true)
  if (facts.session !== null && welcome.session !== facts.session) return differs('the session is another one')
  if (welcome.received < facts.acknowledged) return differs('what was received is not any more')
  if (welcome.received > facts.written) return differs('more was received than was sent')
  return { kind: 'welcome', version }
}

/** Whom the dialling side expects. */
export interface Expected {
  readonly worker: string
  readonly incarnation: string
  readonly address: string
  readonly facts: SessionFacts
}

type Refusal = Extract<Verdict, { kind: 'refuse' }>
type Sides = { readonly worker: string; readonly peer: string }

function restarted(ours: Standing, now: { worker: string; incarnation: string }, known: string): Refusal {
  const { identity, generation } = ours
  const sides = { worker: identity.worker, peer: now.worker }
  return refuse('E_LINK_INCARNATION', { ...sides, generation, known, now: now.incarnation }, true)
}

function refuse(code: ErrorCode, details: Record<string, string | number>, fatal = false): Refusal {
  return { kind: 'refuse', error: fail(code, details), fatal }
}

/** The first pipeline that both run from different programs. One that only one of them runs yet is no difference. */
function differingProgram(
  ours: readonly Program[],
  theirs: readonly Program[],
): Record<string, string | number> | null {
  const hashes = new Map(ours.map((program) => [program.pipeline, program.hash]))
  for (const { pipeline, hash } of theirs) {
    const own = hashes.get(pipeline)
    if (own !== undefined && own !== hash) return { pipeline, ours: own, theirs: hash }
  }
  return null
}

function text(token: Uint8Array): string {
  return Buffer.from(token).toString('latin1')
}

function range(versions: { readonly newest: number; readonly oldest: number }): string {
  return versions.newest === versions.oldest ? `${versions.newest}` : `${versions.oldest} to ${versions.newest}`
}
