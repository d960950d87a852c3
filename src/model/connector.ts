/**
 * What a user says about the outside world: descriptions, framings, decoders, promises. Plain data and pure functions;
 * the connectors that do the work live in `connectors/` and are found by `kind`.
 */

/** Where records begin and end in a run of bytes: parallel arrays that grow. `starts[i]` to `ends[i]` is record i. */
export class Cuts {
  starts = new Int32Array(1024)
  ends = new Int32Array(1024)
  count = 0

  add(start: number, end: number): void {
    if (this.count === this.starts.length) this.grow()
    this.starts[this.count] = start
    this.ends[this.count++] = end
  }

  private grow(): void {
    const starts = new Int32Array(this.starts.length * 2)
    const ends = new Int32Array(this.ends.length * 2)
    starts.set(this.starts)
    ends.set(this.ends)
    this.starts = starts
    this.ends = ends
  }
}

/** How far a record that is not complete has been looked into, for framings that would look at all of it again. */
export interface Look {
  /** Of its bytes, from its first one. */
  bytes: number
  /** Whether a quote is open behind them. */
  quoted: boolean
}

/** How records are told apart in a byte stream. */
export interface Framing {
  readonly kind: string
  /**
   * Adds every complete record in `bytes` from `start` to `end` to `cuts` and returns the offset after the last one.
   * Throws `E_RECORD_TOO_LONG` for a record over `recordBytes` and `E_FRAMING` where no record can begin.
   * `look`: how far the record at `start` was looked into before; left as that is of the record at the returned offset.
   */
  scan(bytes: Buffer, start: number, end: number, cuts: Cuts, recordBytes: number, look?: Look): number
  /**
   * Bytes from `start` to `end` are all that is left and the stream has ended: adds a last record that needs no end
   * mark (a line without its newline) and answers true, or answers false when they are a fragment. Throws as `scan`
   * does.
   */
  finish(bytes: Buffer, start: number, end: number, cuts: Cuts, recordBytes: number): boolean
  /** Puts `record` into its frame, for sinks and senders: the parts to write in order. */
  frame(record: Uint8Array): readonly Uint8Array[]
  /** It has no frame of its own: it is for sources alone. */
  readonly readsOnly?: true
  /** Text that stands after every record and nothing else (`'\n'`), or `null`: lets a sink join texts. */
  readonly suffix: string | null
}

/** Turns a record's bytes into a value. Throwing sends the record to the dead letters. */
export interface Decoder<T> {
  readonly kind: string
  /** `bytes` from `start` to `end` is one record, without its frame; only valid during the call. */
  decode(bytes: Buffer, start: number, end: number): T
  /** Says sooner than `decode` that it would take a record; where it answers false, ask `decode`. */
  takes?(bytes: Buffer, start: number, end: number): boolean
}

/** What a sink gives (PROTOCOLS 8), from the weakest to the strongest. */
export type SinkPromise = 'best-effort' | 'at-least-once' | 'idempotent' | 'transactional'

/** A connector's settings: what `explain` prints and the hash of a pipeline covers. */
export type Settings = Readonly<Record<string, string | number | boolean | null | undefined>>

/** A source, as `tcpSource(…)` returns it. `T` is what its decoder makes. */
export interface SourceDescription<T> {
  readonly role: 'source'
  readonly kind: string
  readonly settings: Settings
  /** What is wrong with the settings, as sentences (`checkSettings`); a pipeline with any is refused. */
  readonly faults?: readonly string[]
  /** `one`: the source can never have more than one split, so all its records have one order. */
  readonly splits?: 'one' | 'many'
  readonly framing: Framing
  readonly decoder: Decoder<T>
  /**
   * For sources that make their values themselves (the generator): value number `n` of the split, or `undefined` at the
   * end.
   */
  readonly generate?: (n: number) => T | undefined
}

/** A sink, as `tcpSink(…)` returns it. */
export interface SinkDescription<T> {
  readonly role: 'sink'
  readonly kind: string
  readonly settings: Settings
  /** What is wrong with the settings, as sentences (`checkSettings`); a pipeline with any is refused. */
  readonly faults?: readonly string[]
  readonly promise: SinkPromise
  /** The writer is told where each record ends, and by which id it is known when it comes again. */
  readonly apart?: true
  /** The longest record that its receiver takes, in bytes; without one there is no such length. */
  readonly recordBytes?: number
  /** `epoch`: no stale worker's output becomes visible; `none`: bytes given to the system are beyond recall. */
  readonly fencing: 'epoch' | 'none'
  /** The record's bytes or text, with or without an end mark of its own. */
  readonly encode: (value: T) => string | Uint8Array
  /** `null`: the encoder's output is written as it is. */
  readonly framing: Framing | null
}
