/**
 * Words of a file, counted by Potoroo and by Apache Flink: one worker against one task manager of parallelism 1, each with a
 * checkpoint a second.
 *
 * Both read the same file, cut lines at spaces, keep a count for each word in memory and make a row of each word; the rows of
 * words that mark how far the file has been read go to standard output, which is how this bench knows. The first third is
 * warm-up. Flink's program is `flink/src/main/java/WordCount.java`, in a virtual machine of its own with objects reused; Maven
 * builds it. Needs a JDK, 17 or newer, and Maven.
 *
 * CPU is that of the whole process, with its threads for collecting and compiling: Flink's tasks have a thread each, so it may
 * use two processors where a worker uses one. Not measured: sockets, several workers, state on disk, latency.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Lines } from '../pipelines/data/words.ts'
import { bench } from './lib/main.ts'
import { paired } from './lib/report.ts'
import { cpuMs, launch, residentBytes } from './lib/subject.ts'

const HOME = resolve(import.meta.dirname, 'flink')
const PIPELINE = resolve(import.meta.dirname, 'pipelines/word-count-file.ts')
const PAIRS = 3
const BLOCKS = 150
const LINES = 20_000
/** Blocks that are read before it counts. */
const WARMUP = BLOCKS / 3

interface Run {
  readonly perSecond: number
  readonly cpuNs: number
  readonly residentMiB: number
}

/** Writes the file, block by block with a mark behind each; answers the words of a block. */
function writeWords(path: string): number {
  const lines = new Lines(1)
  const block = Array.from({ length: LINES }, () => lines.next())
  writeFileSync(path, '')
  for (let n = 1; n <= BLOCKS; n++) appendFileSync(path, `${block.join('\n')}\nmark-${n}\n`)
  return block.reduce((sum, line) => sum + line.split(' ').length, 1)
}

/** Runs a program that writes the marks, to its end. */
async function run(command: string, argv: readonly string[], wordsOfBlock: number): Promise<Run> {
  const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  let first = { ms: 0, cpu: 0 }
  let last = first
  let residentMiB = 0
  let marks = 0
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.includes('mark-')) continue
    marks++
    last = { ms: performance.now(), cpu: cpuMs(child.pid!) }
    if (marks === WARMUP) first = last
    residentMiB = Math.max(residentMiB, residentBytes(child.pid!) / 2 ** 20)
  }
  const [code] = (await ended) as [number | null]
  if (code !== 0 || marks !== BLOCKS) throw new Error(`${command} ended (${code}) after ${marks} of ${BLOCKS} marks`)
  const words = (BLOCKS - WARMUP) * wordsOfBlock
  return {
    perSecond: (words * 1000) / (last.ms - first.ms),
    cpuNs: ((last.cpu - first.cpu) * 1e6) / words,
    residentMiB,
  }
}

function build(): void {
  for (const [program, argument] of [
    ['java', '-version'],
    ['mvn', '-v'],
  ] as const) {
    if (spawnSync(program, [argument]).error !== undefined)
      throw new Error(`there is no ${program}: install a JDK and Maven`)
  }
  process.stderr.write('builds the program for Flink\n')
  const built = spawnSync('mvn', ['-q', '-B', 'compile'], { cwd: HOME, stdio: 'inherit' })
  if (built.status !== 0) throw new Error('Maven could not build bench/flink')
}

await bench('flink', async () => {
  build()
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
  const path = join(folder, 'words.txt')
  const words = writeWords(path)
  const engine: Run[] = []
  const flink: Run[] = []
  const checkpoints = join(folder, 'checkpoints')
  mkdirSync(checkpoints)
  const opens = ['--add-opens=java.base/java.lang=ALL-UNNAMED', '--add-opens=java.base/java.util=ALL-UNNAMED']
  const classes = `${HOME}/target/classes:${HOME}/target/lib/*`
  try {
    for (let i = 0; i < PAIRS; i++) {
      const data = join(folder, `data-${i}`)
      const argv = ['--conditions=source', launch, 'run', PIPELINE, '--param', `path=${path}`, '--data', data]
      engine.push(await run(process.execPath, argv, words))
      flink.push(await run('java', ['-Xmx4g', ...opens, '-cp', classes, 'WordCount', path, checkpoints], words))
      process.stderr.write(
        `pair ${i + 1} of ${PAIRS}: ${(engine.at(-1)!.perSecond / flink.at(-1)!.perSecond).toFixed(2)}\n`,
      )
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const measure = (name: string, unit: string, of: (run: Run) => number, reach: string | null) =>
    paired(name, unit, engine.map(of), flink.map(of), reach)
  return [
    measure('flink: word-count', 'words/s', ({ perSecond }) => perSecond, '>= 1'),
    measure('flink: word-count: CPU', 'ns/word', ({ cpuNs }) => cpuNs, '<= 0.7'),
    measure('flink: word-count: memory', 'MiB', ({ residentMiB }) => residentMiB, null),
  ]
})
