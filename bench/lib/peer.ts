/**
 * Potoroo against another engine: both count the words of one file, in turn, each with a checkpoint a second.
 *
 * Both cut lines at spaces, keep a count for each word in memory and make a row of each word. The rows of words that
 * mark how far the file has been read go to standard output, which is how the bench knows. The first third is warm-up.
 * CPU and memory are those of the whole process, with all its threads.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Lines } from '../../pipelines/data/words.ts'
import { type Measure, paired } from './report.ts'
import { cpuMs, launch, residentBytes } from './subject.ts'

const PIPELINE = resolve(import.meta.dirname, '../pipelines/word-count-file.ts')
const PAIRS = 3
const LINES = 20_000
/** Parts of the file that Potoroo reads. */
const BLOCKS = 150

export interface Peer {
  readonly name: string
  /**
   * Parts of the file that it reads, each of some 300,000 words; a multiple of 3. What is slower need not read as much.
   */
  readonly blocks: number
  /** How to start its program, which reads `path` and may write into `folder`, made for this run. */
  start(path: string, folder: string): { readonly command: string; readonly argv: readonly string[] }
  /** What the ratios of words per second and of CPU per word have to be. */
  readonly reach: { readonly perSecond: string; readonly cpu: string }
}

interface Run {
  readonly perSecond: number
  readonly cpuNs: number
  readonly residentMiB: number
}

export async function againstPeer({ name, blocks, start, reach }: Peer): Promise<Measure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-bench-'))
  const engine: Run[] = []
  const peer: Run[] = []
  try {
    const [path, peerPath] = [join(folder, 'words.txt'), join(folder, 'words-for-the-peer.txt')]
    const words = writeWords(path, BLOCKS)
    writeWords(peerPath, blocks)
    for (let i = 0; i < PAIRS; i++) {
      const data = ['--param', `path=${path}`, '--data', join(folder, `data-${i}`)]
      engine.push(await run(process.execPath, ['--conditions=source', launch, 'run', PIPELINE, ...data], BLOCKS, words))
      const { command, argv } = start(peerPath, mkdtempSync(join(folder, 'peer-')))
      peer.push(await run(command, argv, blocks, words))
      const ratio = engine.at(-1)!.perSecond / peer.at(-1)!.perSecond
      process.stderr.write(`pair ${i + 1} of ${PAIRS}: ${ratio.toFixed(2)}\n`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const measure = (title: string, unit: string, of: (run: Run) => number, reached: string | null) =>
    paired(`${name}: ${title}`, unit, engine.map(of), peer.map(of), reached)
  return [
    measure('word-count', 'words/s', ({ perSecond }) => perSecond, reach.perSecond),
    measure('CPU', 'ns/word', ({ cpuNs }) => cpuNs, reach.cpu),
    measure('memory', 'MiB', ({ residentMiB }) => residentMiB, null),
  ]
}

/** Runs `program ARGUMENTS` to its end; throws `without` where there is no such program, and where it fails. */
export function prepare(program: string, argv: readonly string[], cwd: string, without: string): void {
  const { error, status } = spawnSync(program, argv, { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  if (error !== undefined) throw new Error(`there is no ${program}: ${without}`)
  if (status !== 0) throw new Error(`${program} ${argv.join(' ')} ended with status ${status}`)
}

/** Writes the file, a mark behind each block; answers the words of a block. */
function writeWords(path: string, blocks: number): number {
  const lines = new Lines(1)
  const block = Array.from({ length: LINES }, () => lines.next())
  writeFileSync(path, '')
  for (let n = 1; n <= blocks; n++) appendFileSync(path, `${block.join('\n')}\nmark-${n}\n`)
  return block.reduce((sum, line) => sum + line.split(' ').length, 1)
}

/** Runs a program that writes the marks, to its end. */
async function run(command: string, argv: readonly string[], blocks: number, wordsOfBlock: number): Promise<Run> {
  const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const warmup = blocks / 3
  let first = { ms: 0, cpu: 0 }
  let last = first
  let residentMiB = 0
  let marks = 0
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.includes('mark-')) continue
    marks++
    last = { ms: performance.now(), cpu: cpuMs(child.pid!) }
    if (marks === warmup) first = last
    residentMiB = Math.max(residentMiB, residentBytes(child.pid!) / 2 ** 20)
  }
  const [code] = (await ended) as [number | null]
  if (code !== 0 || marks !== blocks) throw new Error(`${command} ended (${code}) after ${marks} of ${blocks} marks`)
  const words = (blocks - warmup) * wordsOfBlock
  return {
    perSecond: (words * 1000) / (last.ms - first.ms),
    cpuNs: ((last.cpu - first.cpu) * 1e6) / words,
    residentMiB,
  }
}
