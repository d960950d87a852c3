/**
 * `potoroo dev FILE`: `run` for whoever is writing the pipeline. A file that is saved is checked and taken over: the
 * running program comes to a last checkpoint, and the new one goes on from it.
 *
 * N1. What cannot be loaded, or does not fit the state, is said, and the program that ran goes on.
 * N2. One change is taken over at a time; what is saved meanwhile comes next.
 * N3. What a running program would stop for is said, and a change is waited for.
 * N4. What is saved is tried beside the loop (`load.ts`): what waits at first and then computes for ever would hold the
 *     program that runs, and nobody would see what is saved next.
 * N5. What is saved while the first program comes up, or while a file is loaded, is not lost: it comes next.
 */
import { Command } from 'commander'
import { fail } from '../base/errors.ts'
import type { Limits } from '../base/limits.ts'
import type { Parameters } from '../model/graph.ts'
import { refuseFaults } from '../model/validate.ts'
import type { Pipelines, PipelinesEvents, Resident, SubmitOptions } from '../worker/pipelines/pipelines.ts'
import { inForeground, type Stop } from './foreground.ts'
import { loadTriedGraph } from './load.ts'
import { proposals, sayBeginning, sayContinuing, sayEnd } from './remarks.ts'
import { addBeginningOptions, type BeginningFlags } from './run.ts'
import { readsInput, withOutput } from './standard-streams.ts'
import { say, sayError, sayWarning } from './terminal.ts'
import { FileWatch, filesOf } from './watch-files.ts'
import { addWorkerOptions, envOf, settingsOf } from './worker-options.ts'

type Loaded = Awaited<ReturnType<typeof loadTriedGraph>>

export function devCommand(): Command {
  const command = new Command('dev').description(
    'run a pipeline and take over every change of its file, with its state; with the checks of `run --dev`',
  )
  return addWorkerOptions(addBeginningOptions(command)).action((file: string, options: BeginningFlags) =>
    develop(file, options),
  )
}

async function develop(file: string, options: BeginningFlags): Promise<void> {
  const settings = settingsOf(options)
  const changes = new Changes()
  const watch = new FileWatch(() => changes.tell())
  try {
    watch.add([file])
    const load = () => whole(file, options.param, settings.limits, watch)
    const first = await firstWhole(load, changes)
    const env = envOf(settings, 'warn')
    const { name } = first.pipeline
    const data = settings.data ?? `.potoroo/${name}`
    const acceptLoss = options.acceptLoss === true
    const seat = { pipeline: name, env, settings, data, development: true, acceptLoss }
    const shown = new Shown(data)
    await inForeground(
      seat,
      (stop) => shown.events(stop),
      async (pipelines, stopped) => {
        const desk = new Desk(pipelines, options, shown, load, first)
        await desk.begin()
        say(`  changes of ${file} are taken over as they are saved`)
        changes.each(() => void desk.takeOver(file))
        void stopped.then(() => watch.close())
        return () => {
          const resident = pipelines.residents.get(name)
          if (resident !== undefined) sayEnd(resident)
        }
      },
    )
  } finally {
    watch.close()
  }
}

/** The first state of the file that can run (N1): until then, each change is looked at. */
async function firstWhole(load: () => Promise<Loaded>, changes: Changes): Promise<Loaded> {
  for (;;) {
    changes.clear()
    try {
      return await load()
    } catch (error) {
      sayError(error)
      say('  waits for a change')
      await changes.next()
    }
  }
}

/** The program in the file as it is now; its files are watched from the moment when they have been read. */
async function whole(
  file: string,
  parameters: Parameters | undefined,
  limits: Limits,
  watch: FileWatch,
): Promise<Loaded> {
  const loaded = await loadTriedGraph(file, parameters, limits, (bundle) => watch.add(filesOf(bundle)))
  refuseFaults(loaded.graph)
  return loaded
}

/** Changes of the files; one that comes before anybody asks for it waits (N5). */
class Changes {
  private due = false
  private heard = (): void => {}

  tell(): void {
    this.due = true
    this.heard()
  }

  /** The files are about to be read: only what comes later is a change. */
  clear(): void {
    this.due = false
  }

  /** Resolves with the next change. */
  async next(): Promise<void> {
    if (this.due) return
    await new Promise<void>((resolve) => {
      this.heard = resolve
    })
  }

  /** Calls `look` for what waits, and for each change from now on. */
  each(look: () => void): void {
    this.heard = look
    if (this.due) look()
  }
}

/** What runs, and what takes its place. */
class Desk {
  private readonly pipelines: Pipelines
  private readonly options: BeginningFlags
  private readonly shown: Shown
  private readonly load: () => Promise<Loaded>
  private current: Loaded
  /** N2. */
  private busy = false
  private again = false
  /** The last word on the file was that it cannot run. */
  private refused = false

  constructor(pipelines: Pipelines, options: BeginningFlags, shown: Shown, load: () => Promise<Loaded>, first: Loaded) {
    this.pipelines = pipelines
    this.options = options
    this.shown = shown
    this.load = load
    this.current = first
  }

  async begin(): Promise<void> {
    const { from, fresh, drop } = this.options
    const resident = await this.submit(this.current, {
      savepoint: from ?? null,
      fresh: fresh === true,
      drop: drop ?? [],
    })
    await this.pipelines.settled(resident)
  }

  async takeOver(file: string): Promise<void> {
    this.again = true
    if (this.busy) return
    this.busy = true
    while (this.again) {
      this.again = false
      await this.reload(file)
    }
    this.busy = false
  }

  private async reload(file: string): Promise<void> {
    try {
      const next = await this.load()
      const { current, pipelines } = this
      // One that was cancelled from another terminal is not there any more.
      const runs = pipelines.residents.get(current.pipeline.name)?.error === null
      if (runs && next.bundle.hash === current.bundle.hash) return this.tellBack(file)
      this.refuseAnother(file, next)
      await this.replace(next, () => say(`\n${clockTime()} ${file} has changed`))
      this.refused = false
    } catch (error) {
      this.refused = true
      say(`\n${clockTime()} ${file} cannot run like this, and what ran goes on`)
      sayError(error)
    }
  }

  /** The file is again what runs; that is worth a word only where the last one was a refusal. */
  private tellBack(file: string): void {
    if (this.refused) say(`\n${clockTime()} ${file} is again what runs`)
    this.refused = false
  }

  private refuseAnother(file: string, { pipeline: { name } }: Loaded): void {
    const before = this.current.pipeline.name
    if (name === before) return
    const reason = `the pipeline in ${file} was "${before}" and is "${name}" now, which is another one`
    throw fail('E_USAGE', { reason: `${reason}: start \`dev\` anew for it` })
  }

  /**
   * Puts `next` in the place of what runs, which is stopped after `onStop`; where that was in vain, puts it back (N1).
   */
  private async replace(next: Loaded, onStop: () => void): Promise<void> {
    const { shown, current } = this
    let stopped = false
    const onFit = (): void => {
      stopped = true
      onStop()
    }
    shown.quiet = true
    try {
      await this.bringUp(next, { onFit })
      this.current = next
    } catch (error) {
      if (stopped) await this.bringUp(current)
      throw error
    } finally {
      shown.quiet = false
    }
  }

  private async bringUp(loaded: Loaded, how: SubmitOptions = {}): Promise<void> {
    const resident = await this.submit(loaded, how)
    await this.pipelines.settled(resident)
    if (resident.error !== null) throw resident.error
  }

  private submit({ pipeline, bundle, graph }: Loaded, how: SubmitOptions = {}): Promise<Resident> {
    const { stdout } = this.options
    const rewrite = stdout === true ? withOutput : undefined
    return this.pipelines.submit(pipeline, bundle, graph.parameters, rewrite === undefined ? how : { ...how, rewrite })
  }
}

/** What is said of the pipeline. */
class Shown {
  private readonly data: string
  private readonly lines = new Set<string>()
  private begun = false
  /** Whether its failures are somebody else's to tell. */
  quiet = false

  constructor(data: string) {
    this.data = data
  }

  events(stop: Stop): PipelinesEvents {
    return {
      running: (resident) => {
        if (this.begun) return sayContinuing(resident)
        sayBeginning(resident, this.data)
        this.begun = true
        // Sinks listen before that.
        for (const [step, address] of resident.addresses) this.listens(resident, step, address)
      },
      listening: (...where) => {
        if (this.begun) this.listens(...where)
      },
      ended: ({ name }) => say(`${name}: all sources have ended; waits for a change, or for Ctrl-C`),
      over: (name, how) => say(`${name}: ${how}; waits for a change, or for Ctrl-C`),
      failed: (_resident, error) => this.tellFailure(error),
      warned: (_resident, error) => sayWarning(error),
      lost: stop,
    }
  }

  /** Where it listens is the same after most changes, and said once. */
  private listens(resident: Resident, step: string, address: string): void {
    if (readsInput(resident.plan, step)) return
    const line = proposals.listening(resident.plan, step, address)
    if (!this.lines.has(line)) say(line)
    this.lines.add(line)
  }

  /** N3. */
  private tellFailure(error: Error): void {
    if (this.quiet) return
    sayError(error)
    say('  waits for a change')
  }
}

/** `12:03:44`, of this machine. */
function clockTime(): string {
  return new Date().toTimeString().slice(0, 8)
}
