/**
 * What this worker can say to a reader who waits for what was acknowledged to him (PROTOCOLS 16): behind which barrier
 * it stands, and when a step here has been passed by that barrier.
 *
 * W1. Both are true of one term of the pipeline, which the answer names: barriers of another have other numbers.
 * W2. Only who answers for the stream asks for an epoch, and only once the pipeline has taken what is waited for: no
 *     barrier before would stand behind it.
 * W3. A barrier passes a step that holds records back (`asyncMap`, `reduce`, `aggregate`) while what was acknowledged
 *     is still held. Behind each of those, from the source on, one is asked for before which all members have sent that
 *     on.
 */
import { fail } from '../../base/errors.ts'
import type { PartEntry } from '../../checkpoint/manifest.ts'
import type { Clock } from '../../env/clock.ts'
import type { Plan } from '../../model/plan.ts'
import { type ReadToken, readToken } from '../../protocol/read-token.ts'
import { coveredBy } from '../execution/epochs/passage.ts'
import type { Execution } from '../execution/execution.ts'
import { pause } from '../settle.ts'

/** How long a stream is left alone that is on its way into the pipeline, in milliseconds. */
const LOOK_MS = 10

/**
 * How often an epoch is asked for until its barrier comes, in milliseconds: of a pipeline that is drained, or has
 * failed on a member, each request is refused.
 */
const ASK_MS = 100

/** A barrier of a term behind which all stands that a token covers. */
export interface Behind {
  readonly term: string
  readonly epoch: number
}

/** A token as a pipeline understands it. */
interface Meant {
  readonly token: ReadToken
  /** The step of the source. */
  readonly source: string
}

/** What `text` means to the pipeline of `plan`. Throws `E_READ_TOKEN`. */
function meantBy({ pipeline, tasks }: Plan, text: string): Meant {
  const token = readToken(text)
  const { source } = token
  const task = tasks.find(
    ({ kind, step }) => kind === 'source' && (source === step || source === `${pipeline}/${step}`),
  )
  if (task === undefined) throw fail('E_READ_TOKEN', { reason: `${pipeline} has no source "${source}"` })
  return { token, source: task.step }
}

/** Throws `E_READ_TOKEN` where the token `text` means nothing to the pipeline of `plan`. */
export function requireToken(plan: Plan, text: string): void {
  meantBy(plan, text)
}

/** Whether an epoch that has saved `parts` of its sources holds all that the token `text` covers. */
export function isCovered(plan: Plan, parts: readonly PartEntry[], text: string): boolean {
  const { source, token } = meantBy(plan, text)
  return coveredBy(parts, source, token)
}

/** The steps in front of `step` that hold records back (W3), each behind those in front of it. */
export function holdersBefore({ tasks, channels }: Plan, step: string): readonly string[] {
  const holders = new Set<string>()
  const reached = new Set<number>()
  const reach = (id: number): void => {
    if (reached.has(id)) return
    reached.add(id)
    for (const { to, from } of channels) if (to === id) reach(from)
    const task = tasks[id]!
    const holds = task.kind === 'asyncMap' || (task.kind === 'keyed' && task.keyed.kind === 'aggregate')
    if (holds && task.step !== step) holders.add(task.step)
  }
  for (const task of tasks) if (task.kind === 'keyed' && task.step === step) reach(task.id)
  return [...holders]
}

/**
 * The barrier behind what the token `text` covers, once there is one; `null` where another worker knows, or none within
 * `ms`.
 */
export async function barrierBehind(
  clock: Clock,
  execution: Execution,
  text: string,
  ms: number,
): Promise<Behind | null> {
  const { term, plan } = execution
  const { source, token } = meantBy(plan, text)
  const deadlineMs = clock.monotonic() + ms
  const left = (): number => Math.max(0, deadlineMs - clock.monotonic())
  const found = (): number | null => execution.progress.barrierBehind(source, token)
  for (;;) {
    const epoch = found()
    if (epoch !== null) return { term, epoch }
    const taken = execution.progress.takenOf(source, token)
    if (taken === null || !execution.isOpen || left() === 0) return null
    if (taken < token.sequence) await pause(clock, Math.min(LOOK_MS, left()))
    else {
      const forget = execution.whenNextEpoch(() => {})
      await until(clock, execution, Math.min(ASK_MS, left()), () => found() !== null)
      forget()
    }
  }
}

/**
 * A barrier before which `step` has sent on here all that stands in front of that of `epoch`, in the term of
 * `execution`, once there is one (W3); `null` where there is none within `ms`.
 */
export async function letGo(
  clock: Clock,
  execution: Execution,
  step: string,
  epoch: number,
  ms: number,
): Promise<Behind | null> {
  const deadlineMs = clock.monotonic() + ms
  const left = (): number => Math.max(0, deadlineMs - clock.monotonic())
  for (;;) {
    const behind = execution.progress.letGo(step, epoch)
    if (behind !== null) return { term: execution.term, epoch: behind }
    if (!execution.isOpen || left() === 0) return null
    // Of a pipeline that is drained, or has failed on a member, each request is refused at once.
    const comes = execution.progress.isLettingGo(step, epoch) && (await nextEpoch(clock, execution, left()))
    if (!comes) await pause(clock, Math.min(LOOK_MS, left()))
  }
}

/** Whether the barrier of `epoch` passes `step` here within `ms`. */
export function passed(clock: Clock, execution: Execution, step: string, epoch: number, ms: number): Promise<boolean> {
  return until(clock, execution, ms, () => execution.progress.hasPassed(step, epoch))
}

/** Whether an epoch becomes complete within `ms` whose barrier comes after this call, in this term. */
export function nextEpoch(clock: Clock, execution: Execution, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, () => {
      forget()
      resolve(false)
    })
    const forget = execution.whenNextEpoch((failure) => {
      timer.cancel()
      resolve(failure === null)
    })
  })
}

/** Whether `holds` comes to hold within `ms`, while the term lasts. */
function until(clock: Clock, execution: Execution, ms: number, holds: () => boolean): Promise<boolean> {
  if (holds()) return Promise.resolve(true)
  if (!execution.isOpen || ms <= 0) return Promise.resolve(false)
  return new Promise((resolve) => {
    const end = (answer: boolean): void => {
      timer.cancel()
      stop()
      resolve(answer)
    }
    const timer = clock.after(ms, () => end(holds()))
    const stop = execution.progress.watch(() => {
      if (holds()) end(true)
      else if (!execution.isOpen) end(false)
    })
  })
}
