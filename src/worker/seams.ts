/** What an execution has of its worker, and of the person who started it. */
import type { Limits } from '../base/limits.ts'
import type { ChainReader } from '../checkpoint/chain-reader.ts'
import type { ChainWriter } from '../checkpoint/chain-writer.ts'
import type { NamedPacks } from '../checkpoint/named-packs.ts'
import type { PackIndexes } from '../checkpoint/pack-indexes.ts'
import type { ReadAhead } from '../checkpoint/read-ahead.ts'
import type { Store } from '../checkpoint/store.ts'
import type { Env } from '../env/env.ts'
import type { Input } from '../env/input.ts'
import type { Output } from '../env/output.ts'
import type { Door } from '../ingest/door.ts'
import type { Loop } from './loop.ts'

export interface ExecutionSeams {
  readonly env: Env
  readonly limits: Limits
  readonly loop: Loop
  readonly store: Store
  /** Tells the store from all others. */
  readonly storeId: string
  readonly named: NamedPacks
  /** What is known of packs, for the next generation. */
  readonly indexes: PackIndexes
  /** What was read of the store before owners changed. */
  readonly ahead: ReadAhead
  readonly chain: ChainReader
  readonly appender: ChainWriter
  readonly door: Door
  readonly output: Output
  readonly input: Input | null
  readonly member: { readonly worker: string; readonly incarnation: string }
  readonly acceptLoss: boolean
  readonly development: boolean
  readonly sourceToken: string | null
  /** Sources listen on their ports together with other workers of the machine. */
  readonly sharePorts?: boolean
  /** Steps whose state is not taken over. */
  readonly drop: ReadonlySet<string>
  /** Whether what no generation fences may be done now (PROTOCOLS 7). */
  maySpeak(): boolean
  /** Where a source, or a sink, is found that listens; for the operator. */
  listening(pipeline: string, step: string, address: string): void
}
