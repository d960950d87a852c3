/**
 * `kill -9` of one of three workers at half the highest rate, with a million keys: from the kill until every key group
 * gives rows of records that were sent after it, and how long the key groups of the survivors are silent meanwhile.
 *
 * Each of the workers is killed once, and then started again in its folder: it joins and gets a share. What a plain
 * sink writes again after a recovery counts as a row, but not as one of a record that was sent after the kill.
 *
 * `--keys=N` takes another number of them.
 *
 * Not measured: a worker that stops without its connections closing; other machines; a supervisor.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { ClusterStage } from './lib/cluster-stage.ts'
import { bench } from './lib/main.ts'
import { type Measure, single } from './lib/report.ts'
import { numberGiven, say } from './lib/stage.ts'

const WORKERS = 3
const KEYS = numberGiven('keys', 1_000_000)
/** Life before each kill, from when all is caught up: a moment of the interval that the bench does not choose. */
const LIFE_MS = 2300
const BEHIND_SECONDS = 2.5
const LOOK_MS = 100

async function run(): Promise<readonly Measure[]> {
  const stage = await ClusterStage.open(WORKERS, KEYS)
  const { fleet, groups, receiver } = stage
  try {
    const highest = await stage.highestRate()
    stage.pace(highest / 2)
    const all: number[] = []
    const survivors: number[] = []
    for (const victim of fleet.names) {
      while (stage.outstanding > (highest / 2) * BEHIND_SECONDS) await pause(LOOK_MS)
      await pause(LIFE_MS)
      const owners = await stage.owners(victim)
      groups.begin(receiver)
      await fleet.cluster.stop(victim, 'SIGKILL')
      await groups.all()
      const { again, silences } = groups
      const [lost, kept] = [true, false].map((gone) =>
        silences.filter((_, group) => (owners[group] === victim) === gone),
      )
      all.push(Math.max(...again) / 1000)
      survivors.push(Math.max(...kept!) / 1000)
      const silent = `its ${lost!.length} key groups were silent for ${ms(lost!)}, the others for ${ms(kept!)}`
      say(`${victim} killed: all give output again after ${Math.round(Math.max(...again))} ms; ${silent}`)
      await fleet.start(victim)
      await fleet.together(WORKERS)
    }
    return [
      single('highest rate', 'records/s', [highest], null),
      single('all key groups, at worst', 's', [Math.max(...all)], '<= 3'),
      single('survivors’ own, at worst', 's', [Math.max(...survivors)], '<= 1'),
    ]
  } finally {
    await stage.close()
  }
}

function ms(values: readonly number[]): string {
  return `${Math.round(Math.max(...values))} ms`
}

await bench('recovery-cluster', run)
