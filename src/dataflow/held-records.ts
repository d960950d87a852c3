/**
 * What has entered a task and not left it, as columns (PROTOCOLS 10): the keys of an aggregate whose newest result has not
 * been emitted, the inputs of an async step whose result has not gone on.
 */
export class HeldRecords {
  /** An aggregate's keys; an async step's inputs. */
  readonly values: unknown[] = []
  /** The keys' hashes; the inputs' ordinals. */
  readonly numbers: number[] = []
  readonly times: number[] = []
  readonly splits: number[] = []
  readonly positions: number[] = []
}
