/**
 * `potoroo up --workers N [FILE…]`: a cluster on this machine. One folder holds its store, its tokens and a data folder
 * for each worker; each worker is a process that is started again when it ends (`supervise.ts`).
 *
 * U1. No secret stands on a command line: tokens are in files that only their owner reads.
 * U2. When a process ends, the others are told before it is started again: its successor is never taken for it.
 * U3. When this process ends, however it does, its workers end in order.
 * U4. Workers have the settings that are found here, but for what each of several needs of its own: its name, folder
 *     and places.
 */
import { existsSync, readFileSync } from 'node:fs'
import { Command } from 'commander'
import { makeToken } from '../admin/tokens.ts'
import { fail } from '../base/errors.ts'
import { makeFolder } from '../client/folder.ts'
import { LockFile } from '../env/real/lock.ts'
import type { Plan } from '../model/plan.ts'
import { plan } from '../model/planner.ts'
import { Child, type ChildEvents } from './child.ts'
import { FOLDERS } from './control-client.ts'
import { EXIT_FAILED } from './exit.ts'
import { collectPairs, loadGraph } from './load.ts'
import type { LogLine } from './log-file.ts'
import { sayLine } from './log-words.ts'
import { Picture } from './picture.ts'
import { proposals, wordsOfPlaces } from './remarks.ts'
import { onSignals } from './signals.ts'
import { Submissions } from './submissions.ts'
import { CRASHES, MEMORY_MS } from './supervise.ts'
import { counted, say } from './terminal.ts'
import { ask, type ClusterNow, lookAt, submitTo } from './up-control.ts'
import { logLevelOption, settingsOf } from './worker-options.ts'

interface Options {
  readonly workers: string
  readonly cluster?: string
  readonly data?: string
  readonly config?: string
  readonly param?: Record<string, string>
  readonly limit?: Record<string, string>
  readonly acceptLoss?: true
  readonly logLevel?: string
}

const LOOK_MS = 250

export function upCommand(): Command {
  return new Command('up')
    .description('run a cluster of several workers on this machine; what ends is started again')
    .argument('[files...]', 'pipeline files to submit')
    .option('--workers <number>', 'how many workers', '3')
    .option('--cluster <name>', 'the name of the cluster (default: potoroo)')
    .option('--data <folder>', 'where its store, tokens and workers lie (default: .potoroo/<cluster>)')
    .option('--config <file>', 'settings of the workers in YAML (default: potoroo.yaml where it is there)')
    .option('--param <name=value>', 'a parameter of the pipelines; may be repeated', collectPairs)
    .option('--limit <name=value>', 'another limit than the default, for all workers; may be repeated', collectPairs)
    .option('--accept-loss', 'where checkpoints are damaged, or older than they were, go on with what can be read')
    .addOption(logLevelOption('what the workers log to their files'))
    .action((files: string[], options: Options) => up(files, options))
}

async function up(files: readonly string[], options: Options): Promise<void> {
  const workers = Number(options.workers)
  if (!Number.isInteger(workers) || workers < 1) throw fail('E_USAGE', { reason: '--workers takes a number from 1 on' })
  // What is wrong with a setting or a pipeline is said before anything is started.
  const { limits, cluster: name } = settingsOf(options)
  if (workers > limits.workers) {
    throw fail('E_USAGE', { reason: `--workers: a cluster has up to ${limits.workers} workers (limits.workers)` })
  }
  const programs = await Promise.all(files.map((file) => loadGraph(file, options.param, limits)))
  const folder = options.data ?? `${FOLDERS}/${name}`
  const lock = openFolder(folder)
  try {
    const cluster = new LocalCluster(name, folder, workers, programs, options)
    const signals = onSignals(
      (signal) => {
        cluster.stop(`${signal}: every worker makes a last checkpoint and ends; once more to end at once`)
      },
      () => cluster.kill(),
    )
    // A signal that comes from here on finds somebody who ends what is started.
    cluster.start()
    const failed = await cluster.ended
    signals.forget()
    say(`cluster ${name}: every worker has ended${failed === 0 ? '' : `, ${failed} of them against its will`}`)
    if (failed > 0 || cluster.refused) process.exitCode = EXIT_FAILED
  } finally {
    lock.release()
  }
}

/** Makes the folder and its tokens where they are absent, and takes it: one `up` at a time. */
function openFolder(folder: string): LockFile {
  makeFolderOf(folder)
  const lock = LockFile.take(`${folder}/up.lock`, () => {})
  if (!(lock instanceof LockFile)) {
    if (lock.code === 'locked') throw fail('E_DATA_LOCKED', { path: folder })
    throw fail('E_DISK', { operation: 'locking', path: folder, reason: lock.reason }, lock)
  }
  // A folder that has tokens has, or had, a store: what is gone from it is not made anew.
  if (!existsSync(`${folder}/read.token`)) makeFolderOf(`${folder}/store`)
  for (const name of ['cluster', 'admin', 'read']) makeToken(`${folder}/${name}.token`)
  return lock
}

function makeFolderOf(path: string): void {
  try {
    makeFolder(path)
  } catch (error) {
    throw fail('E_DISK', { operation: 'making', path, reason: (error as Error).message }, error)
  }
}

class LocalCluster implements ChildEvents {
  /** How many workers were given up, or have not ended in order, once no process is left. */
  readonly ended: Promise<number>
  private readonly name: string
  private readonly folder: string
  private readonly children: Child[]
  private readonly picture: Picture
  private timer: NodeJS.Timeout | undefined
  private readonly done = Promise.withResolvers<number>()
  private readonly listening = new Set<string>()
  private stopping = false
  private looking = false
  private submitting = false
  private readonly submissions: Submissions
  /** Of the files that it was given, by pipeline. */
  private readonly plans: ReadonlyMap<string, Plan>

  constructor(
    name: string,
    folder: string,
    workers: number,
    programs: Awaited<ReturnType<typeof loadGraph>>[],
    options: Options,
  ) {
    this.name = name
    this.folder = folder
    this.ended = this.done.promise
    this.picture = new Picture()
    this.plans = new Map(programs.map(({ pipeline, graph }) => [pipeline.name, plan(graph)]))
    const tell = (text: string): void => {
      if (!this.stopping) this.picture.tell(text)
    }
    this.submissions = new Submissions(programs, tell, ({ pipeline }) => wordsOfPlaces(this.plans.get(pipeline.name)!))
    const names = Array.from({ length: workers }, (_, i) => `w${i + 1}`)
    say(`cluster ${name} of ${counted(workers, 'worker')} in ${folder}`)
    this.children = names.map((worker) => this.child(worker, workers, options))
  }

  private child(worker: string, expected: number, options: Options): Child {
    const { folder } = this
    const data = `${folder}/${worker}`
    const prepare = (): void => {
      makeFolderOf(data)
      // The same tokens open every worker.
      for (const name of ['admin', 'read']) {
        makeToken(`${data}/${name}.token`, readFileSync(`${folder}/${name}.token`, 'utf8').trim())
      }
    }
    const args = [
      ...['worker', '--worker', worker, '--data', data, '--cluster', this.name, '--store', `${folder}/store`],
      ...['--journals', `${folder}/journals`],
      ...['--listen', '127.0.0.1:0', '--reach', '127.0.0.1', '--control-port', '0'],
      ...['--expected', String(expected), '--until-stdin-ends', '--log-format', 'json'],
      ...(options.logLevel === undefined ? [] : ['--log-level', options.logLevel]),
      ...(expected > 1 ? ['--share-ports'] : []),
      ...(options.acceptLoss === true ? ['--accept-loss'] : []),
      ...(options.config === undefined ? [] : ['--config', options.config]),
      ...Object.entries(options.limit ?? {}).flatMap(([name, value]) => ['--limit', `${name}=${value}`]),
    ]
    const env = { ...process.env, POTOROO_CLUSTER_TOKEN_FILE: `${folder}/cluster.token` }
    return new Child({ worker, data, prepare, args, env, output: this.picture.output }, this)
  }

  /** Starts the workers, and submits the programs once the cluster works. */
  start(): void {
    for (const child of this.children) child.start()
    this.timer = setInterval(() => this.look(), LOOK_MS)
  }

  /** Whether a pipeline was refused. */
  get refused(): boolean {
    return this.submissions.refused
  }

  stop(why: string): void {
    this.stopping = true
    this.picture.end()
    this.picture.tell(why)
    for (const child of this.children) child.stop()
    this.endWhenOver()
  }

  kill(): void {
    for (const child of this.children) child.kill()
  }

  // ── What happens to the processes ────────────────────────────────────────────────────────────────────────────────

  started({ worker, pid, state }: Child): void {
    if (state.restarts > 0) this.picture.tell(`${worker} starts again, process ${pid}`)
    else this.picture.tell(`${worker} starts, process ${pid}`)
  }

  logged({ worker }: Child, line: LogLine): void {
    if (line.code === 'step.listening') return this.listens(line)
    const said = sayLine(line)
    if (said !== null) this.picture.tell(`${worker} ${said}`)
  }

  /** Workers share ports: each is told of once. */
  private listens({ pipeline, step, address }: LogLine): void {
    const plan = this.plans.get(String(pipeline))
    const where = plan && proposals.listening(plan, String(step), String(address)).trimStart()
    const told = `${pipeline}: ${where ?? `${step} listens on ${address}`}`
    if (this.listening.has(told)) return
    this.listening.add(told)
    this.picture.tell(told)
  }

  /** Tells the others (U2). */
  async exited(child: Child, how: string): Promise<void> {
    const { worker } = child
    if (this.stopping) return
    this.picture.tell(`${worker} ${how}`)
    const others = this.children.filter((other) => other !== child && other.pid !== null)
    await Promise.all(others.map(({ data }) => ask(data, 'POST', '/v1/cluster/exited', { worker })))
  }

  settled(child: Child, waitMs: number | null): void {
    const { worker, state, logPath } = child
    if (waitMs !== null) this.picture.tell(`${worker} starts again in ${waitMs / 1000} s`)
    else if (state.phase === 'left') {
      this.picture.tell(`${worker} is not started again: it has ended in order, as by SIGTERM or \`potoroo leave\``)
    } else if (state.phase === 'ended' && !state.inOrder) {
      this.picture.tell(`${worker} has not ended in order: see the end of ${logPath}`)
    } else if (state.phase === 'givenUp') {
      const why = state.wrong
        ? 'another start would end the same way'
        : `it has ended ${CRASHES} times within ${MEMORY_MS / 1000} s`
      this.picture.tell(
        `${worker} is not started any more: ${why}; see the end of ${logPath}, mend it, and start \`up\` again`,
      )
    }
    this.endWhenOver()
  }

  private endWhenOver(): void {
    if (!this.children.every(({ over }) => over)) return
    clearInterval(this.timer)
    this.picture.end()
    const failed = ({ state }: Child): boolean =>
      state.phase === 'givenUp' || (state.phase === 'ended' && !state.inOrder)
    this.done.resolve(this.children.filter(failed).length)
  }

  // ── What is seen of the cluster ──────────────────────────────────────────────────────────────────────────────────

  private look(): void {
    for (const child of this.children) child.readLog()
    if (this.looking || this.stopping) return
    this.looking = true
    void this.lookOnce().finally(() => {
      this.looking = false
    })
  }

  private async lookOnce(): Promise<void> {
    const now = await lookAt(this.children.filter(({ pid }) => pid !== null).map(({ data }) => data))
    this.picture.show(
      now,
      this.children.map(({ worker, pid, state }) => ({ worker, pid, phase: state.phase, restarts: state.restarts })),
    )
    // What a worker is asked holds up no look.
    if (now?.mode === 'normal') void this.submit(now)
    this.submissions.wait(this.whyNot(now), performance.now())
  }

  private async submit({ data }: ClusterNow): Promise<void> {
    if (this.submitting) return
    this.submitting = true
    await this.submissions.tryAll(({ bundle, graph }) => submitTo(data, bundle, graph.parameters))
    this.submitting = false
  }

  /** Why nothing can be submitted, or is not answered. */
  private whyNot(now: ClusterNow | null): string | null {
    if (now === null) return `no worker answers: see the ends of their logs, such as ${this.children[0]!.logPath}`
    if (now.mode !== 'normal') {
      return `the workers are not in order (${now.mode}): \`potoroo status --data ${this.folder}\` shows how far they are`
    }
    return this.submitting ? 'the worker that was asked has not answered' : null
  }
}
