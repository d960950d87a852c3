/**
 * Fifty kills at random moments under load: nothing lost, nothing doubled, order kept.
 *
 * Four acknowledged producers send without pause while the worker is killed with SIGKILL, most often while it runs, now
 * and then while it starts, and is started again. Its limits are small, so that within the run the floor rises,
 * journals are trimmed, packs die and the chain begins new eras. Afterwards every key's state, by the worker's own
 * control API, and both files, read as their consumer would, are compared with the producers' own count.
 *
 * Not proved here: loss of power (what was written and not synced stays after a kill), damage (`torn-files`).
 *
 * Seen failing with each of `lib/mutants.ts`: `npm run prove -- kill9 --mutants`.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../workers/free-port.ts'
import { STUCK_MS } from '../workers/patience.ts'
import { bareStack, type Subject } from '../workers/subject.ts'
import { type Proof, prove, type Run, say } from './lib/main.ts'
import { killMutants } from './lib/mutants.ts'
import { Solo } from './lib/solo.ts'

const PRODUCERS = 4
/** One life in so many is ended while the worker starts. */
const EARLY = 6
const START_MS = 500
/** The longest life after the first acknowledgement. */
const LIFE_MS = 1500

const proof: Proof = { name: 'kill9', mutants: killMutants, rounds: 50, mutantRounds: 20, run }

async function run(run: Run): Promise<string> {
  const { folder, rounds, signal } = run
  const solo = await Solo.open(run, {
    port: await freePort(),
    producers: PRODUCERS,
    data: `${folder}/data`,
    checkSaid,
  })
  const { chance, tally, failed } = solo

  let longestMs = 0
  /** Waits until the worker acknowledges records that no earlier life has acknowledged. */
  const recovered = async (subject: Subject): Promise<void> => {
    const outcome = await Promise.race([
      Promise.any(solo.acknowledged()).then(() => 'acknowledged' as const),
      subject.ended.then(() => 'ended' as const),
      pause(STUCK_MS, 'late' as const, { signal }),
      failed,
    ])
    if (outcome === 'late') throw new Error(`nothing was acknowledged for ${STUCK_MS} ms:\n${subject.said}`)
    if (outcome === 'ended') throw new Error(`the worker ended by itself:\n${subject.said}`)
    longestMs = Math.max(longestMs, performance.now() - subject.startedMs)
  }

  for (let kill = 1; kill <= rounds; kill++) {
    const subject = solo.begin()
    const early = chance.below(EARLY) === 0
    const lifeMs = chance.below(early ? START_MS : LIFE_MS)
    if (!early) await recovered(subject)
    const over = await Promise.race([pause(lifeMs, null, { signal }), subject.ended, failed])
    if (over !== null) throw new Error(`the worker ended by itself:\n${subject.said}`)
    await solo.kill(subject)
    say(`kill ${kill} of ${rounds}: ${lifeMs} ms after ${early ? 'the start' : 'recovery'}, ${tally.records} records`)
  }

  const subject = solo.begin()
  await recovered(subject)
  const figures = await solo.settle(subject, STUCK_MS)
  return `${rounds} kills, ${figures}, longest recovery ${Math.round(longestMs)} ms`
}

/** A kill damages nothing: a worker that says otherwise, or shows a stack, is wrong. */
function checkSaid({ said }: Subject): void {
  const stack = bareStack(said)
  if (stack !== null) throw new Error(`the worker showed a stack: ${stack}\n${said}`)
  const code = /E_(JOURNAL|STORE|SEGMENT|FILE)_\w+|E_RESTORE|E_DISK/.exec(said)?.[0]
  if (code !== undefined) throw new Error(`the worker found damage (${code}):\n${said}`)
}

await prove(proof)
