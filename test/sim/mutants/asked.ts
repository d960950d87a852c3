/** What people ask for at once, and pipelines that are drained for good. */
import type { SimMutant } from './mutant.ts'

export const askedMutants: readonly SimMutant[] = [
  {
    name: 'submit-waits-for-what-was-drained',
    file: 'src/worker/pipelines/submission.ts',
    text: 'return entry === undefined || entry.drained || !isProgram(program, entry)',
    replacement: 'return entry === undefined || !isProgram(program, entry)',
  },
  {
    name: 'drained-and-brought-up',
    file: 'src/worker/pipelines/residents.ts',
    text: 'if (!entry.drained && this.seams.wants(name)) arrivals.bring(name, entry)',
    replacement: 'if (this.seams.wants(name)) arrivals.bring(name, entry)',
  },
  {
    name: 'last-epoch-is-not-shown',
    file: 'src/worker/execution/running.ts',
    text: 'for (const [step, held] of committed.sinks) atBase',
    replacement: 'for (const [step, held] of epoch === this.drainsWith ? [] : committed.sinks) atBase',
  },
  {
    name: 'ended-before-it-was-committed',
    file: 'src/worker/execution/ending.ts',
    text: 'return active.whenCommitted(() => {',
    replacement: 'return ((then: () => void) => then())(() => {',
  },
  {
    name: 'said-to-be-drained',
    file: 'src/worker/pipelines/endings.ts',
    text: "resolve(resident.phase === 'drained' ? null : reason)",
    replacement: 'resolve(null)',
  },
  {
    name: 'asked-for-in-a-generation-that-was-over',
    file: 'src/worker/ledger.ts',
    text: '} else this.append(make, done)',
    replacement: '} else done(null, undefined)',
  },
  {
    name: 'last-output-of-the-dead-stays-hidden',
    bend: 'struck-drains',
    file: 'src/worker/pipelines/last-output.ts',
    text: '(drained ? [name] : [])',
    replacement: '(drained ? [] : [])',
  },
  {
    name: 'alone-in-the-middle-of-a-drain',
    bend: 'stopped-drains-of-one',
    file: 'src/worker/pipelines/pipelines.ts',
    text: 'const turn = this.inTurn(name, () => this.drainLast(name))',
    replacement: 'const turn = isUp(this.residents.get(name)!) ? this.drainLast(name) : Promise.resolve()',
  },
  {
    name: 'nobody-hears-that-a-worker-ends',
    bend: 'people-and-slow-programs',
    file: 'src/worker/pipelines/continuation.ts',
    text: 'void until(() => !isStarting()).then(() => done(null), done)',
    replacement: 'void until(() => !isStarting()).then(() => done(null))',
  },
  {
    name: 'ends-in-the-middle-of-a-drain',
    bend: 'stopped-drains',
    file: 'src/worker/pipelines/endings.ts',
    text: "return resident?.phase === 'starting' || resident?.phase === 'draining'",
    replacement: "return resident?.phase === 'starting'",
  },
  {
    name: 'place-lost-with-the-next-program',
    bend: 'rivals',
    file: 'src/worker/pipelines/arrivals.ts',
    text: 'working.filter((one) => one.run < run)',
    replacement: 'working.filter((one) => one.submitted < pipelines.get(name)!.submitted)',
  },
  {
    name: 'both-have-one-place',
    bend: 'rivals',
    file: 'src/worker/pipelines/arrivals.ts',
    text: 'if (late !== null) one.execution.fail(late)',
    replacement: 'if (late === undefined) one.execution.fail(late!)',
  },
  {
    name: 'files-of-another-not-seen',
    bend: 'rivals',
    file: 'src/worker/pipelines/programs.ts',
    text: '|| faultOfHeld(cluster, pipeline, places) !== null) return null',
    replacement: ') return null',
  },
  {
    name: 'files-given-away-once-drained',
    bend: 'rivals',
    file: 'src/worker/pipelines/places.ts',
    text: 'filter(([name, entry]) => name !== pipeline && count(entry))',
    replacement: 'filter(([name, entry]) => name !== pipeline && count(entry) && !entry.drained)',
  },
  {
    name: 'port-of-another-not-seen',
    bend: 'rivals',
    file: 'src/worker/pipelines/places.ts',
    text: 'return faultOfSinks(holderOf(plan), others.map(holderOf)) ?? faultOfSources(plan, listening)',
    replacement: 'return faultOfSinks(holderOf(plan), others.map(holderOf))',
  },
].map((one): SimMutant => ({ bend: 'people', ...one, swarm: 'clusters' }))
