/**
 * A disk that fills and is freed: sources stop and say why, and work goes on by itself, with nothing lost and nothing
 * doubled.
 *
 * The data folder lies on a small file system. While acknowledged producers send, all its room is taken, again and
 * again until the worker says that it cannot write: then nothing may be acknowledged any more, and the process has to
 * live. After a while the room is given back, and acknowledgements have to come by themselves. In some rounds the
 * worker is killed while there is no room, and started again when there is. Afterwards every key's state and both files
 * are compared with the producers' own count.
 *
 * Not proved here: a disk that is full and loses power; a full disk under the output alone.
 *
 * Seen failing with each of `fullMutants`: `npm run prove -- disk-full --mutants`.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { PipelineView, WorkerView } from '../../src/admin/view.ts'
import { findWorker } from '../../src/cli/control-client.ts'
import { freePort } from '../workers/free-port.ts'
import { STUCK_MS } from '../workers/patience.ts'
import { bareStack, type Subject } from '../workers/subject.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { fullMutants } from './lib/mutants.ts'
import { inOwnMounts, SmallVolume } from './lib/small-volume.ts'
import { Solo } from './lib/solo.ts'

const PRODUCERS = 3
const VOLUME_MB = 24
const JOURNAL_BYTES = 6 << 20
/** One round in so many is one in which the worker is killed. */
const KILLED = 3
/** How long there is no room after it has been noticed. */
const FULL_MS = 4000
/** What was on its way when it was noticed has been said once nothing was acknowledged for so long. */
const SETTLED_MS = 1000
const LOOK_MS = 50

const proof: Proof = { name: 'disk-full', mutants: fullMutants, rounds: 12, mutantRounds: 4, run }

/** How the worker says that it cannot write. */
interface Trouble {
  readonly journal: string | null
  readonly held: string | null
  readonly blocked: string | null
}

async function run(run: Run): Promise<string> {
  const { folder, rounds, signal } = run
  const volume = new SmallVolume(`${folder}/small`, VOLUME_MB)
  const data = `${volume.path}/data`
  const solo = await Solo.open(run, {
    port: await freePort(),
    producers: PRODUCERS,
    data,
    limits: { journalBytes: JOURNAL_BYTES },
    checkSaid,
  })
  const { chance, tally, failed } = solo
  let acks = 0
  for (const { client } of solo.producers) client.on('ack', () => acks++)

  /** Resolves as `work` does, unless the worker ends, `ms` pass, or the proof fails. */
  const meanwhile = async <T>(subject: Subject, work: Promise<T>, ms: number, late: string): Promise<T> => {
    const over = subject.ended.then(({ status }) =>
      Promise.reject(new Error(`the worker ended (${status}):\n${subject.said}`)),
    )
    over.catch(() => {})
    const tooLate = pause(ms, null, { signal }).then(() => Promise.reject(new Error(`${late}\n${subject.said}`)))
    tooLate.catch(() => {})
    return Promise.race([work, over, tooLate, failed])
  }
  const acknowledged = async (subject: Subject): Promise<number> => {
    const from = performance.now()
    const each = Promise.all(solo.acknowledged())
    await meanwhile(subject, each, STUCK_MS, `nothing was acknowledged for ${STUCK_MS} ms`)
    return performance.now() - from
  }

  /** Keeps the disk full until nothing was acknowledged for `SETTLED_MS`. */
  const saidOut = async (): Promise<void> => {
    for (let seen = -1; seen < acks; ) {
      seen = acks
      await keepFull(volume, SETTLED_MS, signal)
    }
  }

  let subject = solo.begin()
  await acknowledged(subject)
  let [longestMs, kills] = [0, 0]
  for (let round = 1; round <= rounds; round++) {
    await meanwhile(subject, pause(chance.below(1500), null, { signal }), STUCK_MS, 'late')
    const trouble = await meanwhile(
      subject,
      filledUp(volume, data, signal),
      STUCK_MS,
      'the worker does not say that its disk is full',
    )
    await meanwhile(subject, saidOut(), STUCK_MS, 'acknowledgements do not end')
    const before = acks
    const fullMs = chance.below(FULL_MS)
    await meanwhile(subject, keepFull(volume, fullMs, signal), fullMs + STUCK_MS, 'late')
    if (acks > before)
      throw new Error(`${acks - before} acknowledgements while nothing could be written:\n${subject.said}`)
    const killed = chance.below(KILLED) === 0
    if (killed) {
      kills++
      await solo.kill(subject)
      volume.free()
      subject = solo.begin()
    } else volume.free()
    const ms = await acknowledged(subject)
    longestMs = Math.max(longestMs, ms)
    const why = trouble.journal ?? trouble.blocked ?? trouble.held
    say(
      `full ${round} of ${rounds}${killed ? ', and killed' : ''}: "${why}"; on after ${Math.round(ms)} ms, ${tally.records} records`,
    )
  }

  const figures = await solo.settle(subject, STUCK_MS)
  volume.remove()
  return `full ${rounds} times, killed ${kills} times meanwhile, ${figures}, on after ${Math.round(longestMs)} ms at most`
}

/** Takes the room, and what the worker gives back, until the worker says why it has stopped. */
async function filledUp(volume: SmallVolume, data: string, signal: AbortSignal): Promise<Trouble> {
  for (;;) {
    volume.fill()
    const trouble = await troubleOf(data)
    if (trouble !== null && (trouble.journal ?? trouble.held ?? trouble.blocked) !== null) return trouble
    await pause(LOOK_MS, null, { signal })
  }
}

async function keepFull(volume: SmallVolume, ms: number, signal: AbortSignal): Promise<void> {
  const until = performance.now() + ms
  while (performance.now() < until) {
    volume.fill()
    await pause(LOOK_MS, null, { signal })
  }
}

/** What the control API says, `null` where it does not answer. */
async function troubleOf(data: string): Promise<Trouble | null> {
  try {
    const client = await findWorker({ data })
    const worker = await client.get<WorkerView>('/v1/worker')
    const { held, sources } = await client.get<PipelineView>('/v1/pipelines/tally')
    const full = (text: string | null): string | null =>
      text !== null && /space|full|room|written|checkpoint/.test(text) ? text : null
    return { journal: worker.journal.problem, held: full(held), blocked: full(sources[0]?.blockedBy ?? null) }
  } catch {
    return null
  }
}

/** A full disk is no damage. */
function checkSaid({ said }: Subject): void {
  const stack = bareStack(said)
  if (stack !== null) throw new Error(`the worker showed a stack: ${stack}\n${said}`)
  const code = /E_(JOURNAL_DAMAGED|STORE_DAMAGED|SEGMENT_GONE|FILE_SINK_SHORT)|E_RESTORE/.exec(said)?.[0]
  if (code !== undefined) throw new Error(`the worker found damage (${code}):\n${said}`)
}

inOwnMounts()
await prove(proof)
