/**
 * The channels of one pipeline to and from the other members of its generation: what dataflow asks for
 * (`crossings.ts`), made of links.
 *
 * R1. All ends are opened when the runtime is built, at `activate`; a member that activates later opens its own then,
 *     and till then the senders have no credit.
 * R2. A channel's address is the number of the pipeline's run and its number in the plan: the same on every member, and
 *     another one for another pipeline of the same name.
 */
import { ValueCodec } from '../../base/codec/values.ts'
import type { PotorooError } from '../../base/errors.ts'
import type { Limits } from '../../base/limits.ts'
import { sinkConnector } from '../../connectors/registry.ts'
import type { BatchPool } from '../../dataflow/batch.ts'
import type { Intake, Outlet } from '../../dataflow/channel.ts'
import type { Crossings } from '../../dataflow/crossings.ts'
import type { FailureReport } from '../../dataflow/failure.ts'
import type { Clock } from '../../env/clock.ts'
import type { ChannelPlan, Plan } from '../../model/plan.ts'
import { BatchCodec } from '../../protocol/data.ts'
import { SplitNamesReader, SplitNamesWriter } from '../../protocol/split-names.ts'
import { FarInput } from './far-input.ts'
import { FarOutlet, type Sent } from './far-outlet.ts'
import type { Generation, Links } from './generation.ts'
import { SOLE_WRITER } from './restore/takers.ts'
import type { SplitTable } from './sources/split-table.ts'

export interface FarChannelsOptions {
  readonly plan: Plan
  /** The number of the pipeline's run (R2). */
  readonly run: number
  readonly generation: Generation
  readonly links: Links
  readonly limits: Limits
  readonly clock: Clock
  readonly splits: SplitTable
  readonly report: FailureReport
  failed(error: PotorooError): void
}

export class FarChannels implements Crossings {
  readonly members: number
  readonly self: number
  private readonly options: FarChannelsOptions
  /** Of channels, outlets and inputs. */
  private readonly ends: { close(): void }[] = []
  private readonly sent = new Map<string, Sent>()

  constructor(options: FarChannelsOptions) {
    this.options = options
    this.members = options.generation.members.length
    this.self = options.generation.self
  }

  target(channel: ChannelPlan): number | null {
    const task = this.options.plan.tasks[channel.to]!
    if (task.kind !== 'sink') return null
    return sinkConnector(task.sink.kind, task.step).parallel(task.sink) ? null : SOLE_WRITER
  }

  outlet(channel: ChannelPlan, member: number, pool: BatchPool, onRoom: () => void): Outlet {
    const { plan, run, generation, links, limits, clock, splits, report } = this.options
    const { worker } = generation.members[member]!
    const { step } = plan.tasks[channel.from]!
    const outlet = new FarOutlet({
      clock,
      sent: this.sentBy(step),
      codec: new BatchCodec(new ValueCodec()),
      names: new SplitNamesWriter((number) => splits.at(number)),
      keyed: channel.kind === 'exchange',
      pool,
      step,
      report,
      frameBytes: limits.frameBytes,
      onRoom,
      open: (encode) => links.outlet(worker, { pipeline: run, channel: channel.id }, encode),
    })
    this.ends.push(outlet)
    return outlet
  }

  /** What `step` has sent to other members so far. */
  sentBy(step: string): Sent {
    let sent = this.sent.get(step)
    if (sent === undefined) this.sent.set(step, (sent = { records: 0, encodeMs: 0 }))
    return sent
  }

  input(channel: ChannelPlan, member: number, pool: BatchPool): Intake {
    const { run, generation, links, limits, splits, failed } = this.options
    const { worker } = generation.members[member]!
    const input = new FarInput({
      channel: channel.id,
      codec: new BatchCodec(new ValueCodec()),
      names: new SplitNamesReader((name) => splits.of(name)),
      pool,
      generation: generation.number,
      windowBytes: limits.channelCreditBytes,
      failed,
      open: (taker) => links.inlet(worker, { pipeline: run, channel: channel.id }, taker),
    })
    this.ends.push(input)
    return input
  }

  close(): void {
    for (const end of this.ends) end.close()
  }
}
