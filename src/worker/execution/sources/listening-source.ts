/**
 * A journaled source of a pipeline that listens, from one generation to the next: a worker that goes on closes nobody's
 * connection because another one has died, come or gone, for what a plain sender has sent is lost with it.
 *
 * G1. From `stand` on nobody brings anything before the source lets records in again (`ingest/source.ts`, `release`):
 *     what has come in by then is in the journal, in front of all that comes after it, and what has not waits with its
 *     sender.
 * G2. It stays open for the same program, on the same source of the same incarnation, and for nobody else.
 */
import type { PotorooError } from '../../../base/errors.ts'
import type { Listening, SourceContext, SourceStatus } from '../../../connectors/connector.ts'
import type { IngestSource } from '../../../ingest/source.ts'
import type { SourceDescription } from '../../../model/connector.ts'

/** Who is told what becomes of it, one execution after the other. */
export interface ListeningHost {
  warned(error: PotorooError): void
  failed(error: PotorooError): void
  /** It stands open at `address`. */
  listening(address: string): void
  /** Producers that belong to this worker are to be sent to `address`. */
  reached(address: string): void
}

/** What it tells its host by. */
export type ListeningContext = Pick<SourceContext, 'warn' | 'failed' | 'listening' | 'reached'>

export class ListeningSource {
  private readonly description: SourceDescription<unknown>
  private readonly source: IngestSource
  private readonly listening: Listening
  private host: ListeningHost

  /** Opens `source` by `open`. */
  constructor(
    description: SourceDescription<unknown>,
    source: IngestSource,
    host: ListeningHost,
    open: (context: ListeningContext) => Listening,
  ) {
    this.description = description
    this.source = source
    this.host = host
    this.listening = open({
      warn: (error) => this.host.warned(error),
      failed: (error) => this.host.failed(error),
      listening: (address) => this.host.listening(address),
      reached: (address) => this.host.reached(address),
    })
  }

  get status(): Readonly<SourceStatus> {
    return this.listening.status
  }

  /** Lets nobody bring anything (G1), for whoever goes on with it. False: nobody can, and it is to be closed. */
  stand(): boolean {
    this.source.hold('another generation begins')
    return this.listening.stand?.() ?? false
  }

  /** Goes on for `host`, where that opens `source` by `description` (G2). */
  serve(description: SourceDescription<unknown>, source: IngestSource, host: ListeningHost): boolean {
    if (description !== this.description || source !== this.source) return false
    this.host = host
    return true
  }

  close(): void {
    this.listening.close()
  }
}
