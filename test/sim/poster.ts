/**
 * A producer that posts its records by HTTP, under a key, as an actor of a simulated run: one request at a time, which
 * it keeps on its disk with what is in it until it is answered, and then forgets. A crash of its process spares that
 * disk or takes it.
 *
 * B1. A request says the same whenever it comes again; whose disk is gone is another incarnation.
 * B2. `journaled` and `stable` are what its answers have said; nobody has its records any more once they are journaled.
 * B3. Who has nothing to say and does not know whether all of it is stable says the last of it once more, and asks for
 *     that.
 * B4. Who is told that what was journaled is not known, or has no answer for as long as its source remembers a stream,
 *     begins anew: what it had then may count or not.
 */
import type { IncomingAnswer } from '../../src/env/http.ts'
import type { Address, NetworkError } from '../../src/env/network.ts'
import { RecordMaker } from '../../src/sim/record-maker.ts'
import type { Machine } from '../../src/sim/world.ts'

/** The path that records are posted to. */
export const PATH = '/records'
/** Records of a request, at most, and those that it has not had an answer for. */
const REQUEST = 8
const OPEN = 200
/** How often somebody else is asked where a worker takes nothing. */
const ELSEWHERE = 0.3
/** Of what is asked again for longer than this share of what a source remembers nobody knows whether it counts. */
const BELIEVED = 0.5
/** Nobody answers for so many times its patience. */
const TIMEOUT = 8

export interface PosterOptions {
  readonly name: string
  /** Where workers listen. */
  readonly doors: readonly Address[]
  /** Longest pause, in milliseconds. */
  readonly patienceMs: number
  /**
   * For how long a source remembers a stream behind its last record, in milliseconds; for ever where nothing is said
   * (B4).
   */
  readonly rememberedMs?: number
  readonly record: (life: string, sequence: number) => Uint8Array
}

/** What it has said, or is about to: records `first` to `last`. */
interface Said {
  readonly first: number
  readonly last: number
}

export class SimPoster extends RecordMaker {
  private readonly options: PosterOptions
  private call: { abort(): void } | null = null
  /** The last request, and whether it was answered. */
  private said: Said | null = null
  private answered = true

  constructor(machine: Machine, options: PosterOptions) {
    super(machine, options.name, options.doors[0]!)
    this.options = options
    this.begin()
  }

  override kill(keepsDisk: boolean): void {
    this.call = null
    super.kill(keepsDisk)
  }

  produce(count: number): void {
    const { life } = this
    if (!this.running || life.made - this.acknowledged >= OPEN) return
    this.grow(count)
    if (this.call === null && this.answered) this.pump()
  }

  private get acknowledged(): number {
    return this.answered ? (this.said?.last ?? 0) : this.said!.first - 1
  }

  protected override begin(): void {
    super.begin()
    this.said = null
    this.answered = true
  }

  protected hangUp(): void {
    this.timer?.cancel()
    this.timer = null
    this.call?.abort()
    this.call = null
  }

  protected connect(): void {
    this.pump()
  }

  /** Says the next records, what was not answered, or the last ones again (B3). */
  private pump(to = this.base): void {
    const { life, acknowledged, process } = this
    const { random } = process!.env
    if (!this.answered && this.mayBeForgotten(this.said!.first)) return this.beginAnew()
    const isNew = life.made > acknowledged
    if (!isNew && life.stable === life.made) return
    if (this.answered && isNew) {
      this.said = { first: acknowledged + 1, last: Math.min(life.made, acknowledged + 1 + random.below(REQUEST)) }
      this.answered = false
    }
    const records = this.recordsOf(this.said!)
    this.said = { first: this.said!.first, last: this.said!.first + records.length - 1 }
    this.post(to, this.said, records, !isNew || random.below(2) === 0 ? 'stable' : 'journaled')
  }

  /** Those that fit into one body: what has line ends in it is one for itself. */
  private recordsOf({ first, last }: Said): readonly Buffer[] {
    const { name } = this.life
    const records: Buffer[] = []
    for (let sequence = first; sequence <= last; sequence++) {
      const record = Buffer.from(this.options.record(name, sequence))
      if (/[\r\n]/.test(record.toString('latin1'))) return records.length === 0 ? [record] : records
      records.push(record)
    }
    return records
  }

  private post({ host, port }: Address, said: Said, records: readonly Buffer[], answer: 'journaled' | 'stable'): void {
    const { life, process } = this
    const { http } = process!.env
    const one = records.length === 1
    const headers = {
      'content-type': one ? 'application/octet-stream' : 'application/x-ndjson',
      'idempotency-key': `"${life.producer}/${life.incarnation}:${said.first}"`,
    }
    const body = one
      ? records[0]!
      : Buffer.from(records.map((record) => record.toString('latin1')).join('\n'), 'latin1')
    const url = `http://${host}:${port}${PATH}?answer=${answer}`
    const timeoutMs = TIMEOUT * this.options.patienceMs
    const call = http.request(
      { url, method: 'POST', headers, body, timeoutMs, answerBytes: 1 << 16 },
      (error, given) => {
        if (this.call !== call) return
        this.call = null
        this.hear(error, given, said, answer)
      },
    )
    this.call = call
  }

  private hear(
    error: NetworkError | null,
    given: IncomingAnswer | null,
    said: Said,
    asked: 'journaled' | 'stable',
  ): void {
    if (error !== null || given === null) return this.again()
    const { status, headers, body } = given
    if (status === 307) {
      const { hostname: host, port } = new URL(String(headers.location))
      return this.pump({ host, port: Number(port) })
    }
    if (status === 503) return this.again()
    const text = body.toString()
    const answer = JSON.parse(text) as {
      readonly records: number
      readonly error: { readonly next: number }
      readonly next: number
    }
    if (status === 409) {
      const { name, journaled } = this.life
      const { next } = answer.error
      if (next <= journaled) {
        this.forgotten.push(`${name}: ${journaled} is journaled, and it goes on at ${next}`)
        if (this.mayBeForgotten(journaled)) this.beginAnew()
      }
      return this.again()
    }
    if (status === 200) this.take(said, asked, answer)
    else this.complain(`is answered ${status} ${text}`)
  }

  private take({ first, last }: Said, asked: 'journaled' | 'stable', answer: { records: number; next: number }): void {
    const { life } = this
    const { records, next } = answer
    if (records !== last - first + 1 || next !== last + 1)
      this.complain(`has said ${first} to ${last}, and is told of ${records} records, and ${next} next`)
    life.journaled = Math.max(life.journaled, last)
    if (asked === 'stable') life.stable = Math.max(life.stable, last)
    this.answered = true
    if (life.made > last) this.pump()
    else if (!this.settled) this.later(() => this.pump())
  }

  /** Whether a source may have forgotten a stream whose last record is this one (B4). */
  private mayBeForgotten(last: number): boolean {
    const { rememberedMs } = this.options
    return rememberedMs !== undefined && this.ageOf(last) > BELIEVED * rememberedMs
  }

  /** Once more after a pause, perhaps at another door. */
  private again(): void {
    const { doors } = this.options
    const { random } = this.process!.env
    const elsewhere = random.below(1000) < ELSEWHERE * 1000
    this.later(() => this.pump(elsewhere ? doors[random.below(doors.length)]! : this.base))
  }

  private later(fn: () => void): void {
    const { clock, random } = this.process!.env
    this.timer?.cancel()
    this.timer = clock.after(1 + random.below(this.options.patienceMs), () => {
      this.timer = null
      fn()
    })
  }

  private complain(what: string): void {
    this.complaints.push(`${this.life.name} ${what}`)
  }
}
