/** What the sources of a pipeline have around them. */
import type { PotorooError } from '../../../base/errors.ts'
import type { Context } from '../../../connectors/connector.ts'
import type { FailureReport } from '../../../dataflow/failure.ts'
import type { TaskPlan } from '../../../model/plan.ts'
import type { ExecutionSeams } from '../../seams.ts'

export type SourcePlan = TaskPlan & { readonly kind: 'source' }

export interface SourcesEvents {
  wake(task: number): void
  /** A stream waits for an epoch, to leave with it. */
  wantEpoch(): void
  failed(error: PotorooError): void
  warned(error: PotorooError): void
  readonly report: FailureReport
}

/** What the connector of a source gets. */
export function contextOf({ id, step }: SourcePlan, seams: ExecutionSeams, events: SourcesEvents): Context {
  return {
    env: seams.env,
    limits: seams.limits,
    step,
    wake: () => events.wake(id),
    warn: (error) => events.warned(error),
    failed: (error) => events.failed(error),
  }
}
