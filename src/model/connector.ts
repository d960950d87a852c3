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

/** How much of an incomplete record has been scanned, so that the next call need not begin at its first byte again. */
export interface Look {
  /** Bytes that were scanned, counted from the first byte of the record. */
  bytes: number
  /** Whether a quoted field is still open behind them. */
  quoted: boolean
}

/** How records are told apart in a byte stream. */
export interface Framing {
  readonly kind: string
  /**
   * Adds every complete record in `bytes` from `start` to `end` to `cuts` and returns the offset after the last one.
   * Throws `E_RECORD_TOO_LONG` for a record over `recordBytes` and `E_FRAMING` where no record can begin.
   * `look` says how much of the record at `start` was scanned before; on return it says so of the record at the
   * returned offset.
   */
  scan(bytes: Buffer, start: number, end: number, cuts: Cuts, recordBytes: number, look?: Look): number
  /**
   * The stream has ended, and the bytes from `start` to `end` are all that is left. Adds them as a last record where
   * that needs no end mark (a line without its newline) and returns true; returns false where they are part of a
   * record. Throws as `scan` does.
   */
  finish(bytes: Buffer, start: number, end: number, cuts: Cuts, recordBytes: number): boolean
  /** Puts `record` into its frame, for sinks and senders. Returns the parts to write, in order. */
  frame(record: Uint8Array): readonly Uint8Array[]
  /** `frame` does not work: the framing is for sources only. */
  readonly readsOnly?: true
  /** The text that ends a record (`'\n'`) where a frame is nothing but that, else `null`. Lets a sink join texts. */
  readonly suffix: string | null
}

/** Turns a record's bytes into a value. Throwing sends the record to the dead letters. */
export interface Decoder<T> {
  readonly kind: string
  /** `bytes` from `start` to `end` is one record, without its frame; only valid during the call. */
  decode(bytes: Buffer, start: number, end: number): T
  /** A quick test: true means that `decode` would accept the record, false that only `decode` can tell. */
  takes?(bytes: Buffer, start: number, end: number): boolean
}

/** What a sink promises when something fails (PROTOCOLS 8), from the weakest to the strongest. */
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
  /** `one`: the source has exactly one split, so all its records have one order. */
  readonly splits?: 'one' | 'many'
  readonly framing: Framing
  readonly decoder: Decoder<T>
  /**
   * For sources that make their values themselves (the generator): returns value number `n` of the split, or
   * `undefined` at the end.
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
  /** The writer is told where each record ends, and the id by which a repeat of it is recognised. */
  readonly apart?: true
  /** The longest record that its receiver takes, in bytes; any length when left out. */
  readonly recordBytes?: number
  /** `epoch`: output of a stale worker never becomes visible; `none`: bytes given to the system cannot be recalled. */
  readonly fencing: 'epoch' | 'none'
  /** Returns the record as bytes or text, with or without an end mark of its own. */
  readonly encode: (value: T) => string | Uint8Array
  /** `null`: the encoder's output is written as it is. */
  readonly framing: Framing | null
}
