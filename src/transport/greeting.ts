/**
 * The accepting side of one handshake: asks who the caller is in this generation, answers, and gives the connection to
 * the session that it is for.
 *
 * G1. Who is refused learns why; who answers is told only to a worker of the generation, which sees by it whether the
 *     one that answers has started anew. Whoever calls itself so and does not have the cluster's token is none.
 * G2. Only a worker for which the generation has a session is welcome.
 */
import { assert } from '../base/assert.ts'
import { type About, type Caller, type Hello, judge, type Standing, type Verdict } from './handshake.ts'
import type { Accepting, Line } from './line.ts'
import type { Link } from './link.ts'
import type { Unnumbered } from './wire.ts'

/** A lane's session with the caller, as far as a greeting needs it. */
export interface Called {
  readonly incarnation: string
  /** Whether the caller is the one that dials. */
  readonly dials: boolean
  readonly link: Link
  /** `line` serves the session from now on; the caller has `theirs` frames, and its own begin with number `expects`. */
  serve(line: Line, version: number, theirs: number, expects: number): void
}

/** What a worker is to those who call it. */
export interface Reception {
  readonly standing: Standing
  /** `null`: the generation knows no such worker. */
  find(hello: Hello, about: About): Called | null
  /** A verdict that is no welcome has been reached. */
  turnedAway(hello: Hello, verdict: Verdict, called: Called | null): void
  /** A name for a session. */
  sessionName(): string
  /** `line` serves a session, or its connection is closed. */
  greeted(line: Line): void
}

export class Greeting implements Accepting {
  private readonly reception: Reception
  /** Who calls, once that is judged. */
  private from: { readonly hello: Hello; readonly lane: About['lane']; readonly called: Called | null } | null = null

  constructor(reception: Reception) {
    this.reception = reception
  }

  judge(hello: Hello, about: About): Verdict {
    const called = this.reception.find(hello, about)
    const caller: Caller | null =
      called === null ? null : { incarnation: called.incarnation, dials: called.dials, facts: called.link }
    const verdict = judge(this.reception.standing, hello, about, caller)
    this.from = { hello, lane: about.lane, called }
    if (verdict.kind !== 'welcome') this.reception.turnedAway(hello, verdict, called)
    return verdict
  }

  answer(verdict: Verdict): readonly Unnumbered[] {
    const { identity, generation, programs } = this.reception.standing
    const { worker, incarnation, build } = identity
    const { hello, called, lane } = this.caller
    const about = { kind: 'about', worker, incarnation, lane, build, pipelines: programs } as const
    switch (verdict.kind) {
      case 'passOver':
        return []
      case 'refuse': {
        const { code, message: reason } = verdict.error
        const refused = { kind: 'refused', code, reason, generation } as const
        const belongs = code !== 'E_LINK_CLUSTER' && code !== 'E_LINK_TOKEN'
        return called !== null && belongs ? [about, refused] : [refused]
      }
      case 'notYet':
        return [about, { kind: 'notYet', generation }]
      case 'welcome': {
        assert(called !== null, 'G2: who is welcome is known')
        const { link } = called
        link.session ??= this.reception.sessionName()
        const { session, received } = link
        const resumed = hello.session !== null
        return [about, { kind: 'welcome', version: verdict.version, worker, incarnation, session, received, resumed }]
      }
    }
  }

  opened(line: Line, version: number): void {
    this.reception.greeted(line)
    const { hello, called } = this.caller
    assert(called !== null, 'G2: who is welcome is known')
    called.serve(line, version, hello.received, called.link.received)
  }

  private get caller(): NonNullable<typeof this.from> {
    assert(this.from !== null, 'a caller is judged before it is answered')
    return this.from
  }

  /** Who is refused may read that, and hang up. */
  closed(): void {}

  gone(line: Line): void {
    this.reception.greeted(line)
  }
}
