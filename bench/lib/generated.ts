/** Runs a pipeline that makes its own records on a cluster of its own, and reads what its workers have done. */
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Fleet } from './fleet.ts'
import { median } from './report.ts'

/**
 * What a record costs falls for about so long where a machine is slow: what is done once for a frame of several hundred
 * records is compiled only after thousands of frames. One worker alone has hardly any such code and is warm sooner.
 */
const WARMUP_MS = 16_000
const MEASURED_MS = 2000

export interface Work {
  /** Records of all workers together. */
  readonly perSecond: number
  /** CPU time of all workers, with all their threads. */
  readonly cpuNs: number
}

/** What a cluster of `workers` workers does of `bench/pipelines/NAME-generated.ts`, after a warm-up. */
export function workOf(name: string, workers: number, parameters: Record<string, number> = {}): Promise<Work> {
  return workBeside(name, [workers], parameters)
}

/** The same of several clusters that run beside each other and know nothing of each other, all of them together. */
export async function workBeside(
  name: string,
  sizes: readonly number[],
  parameters: Record<string, number> = {},
): Promise<Work> {
  const pipeline = resolve(import.meta.dirname, `../pipelines/${name}-generated.ts`)
  const fleets: Fleet[] = []
  try {
    for (const size of sizes) fleets.push(await Fleet.open(size))
    await Promise.all(fleets.map(({ cluster }) => cluster.submit(pipeline, parameters)))
    await pause(WARMUP_MS)
    const before = await allFigures(fleets)
    await pause(MEASURED_MS)
    const after = await allFigures(fleets)
    const records = after.records - before.records
    return {
      perSecond: (records * 1000) / (after.atMs - before.atMs),
      cpuNs: ((after.cpuMs - before.cpuMs) * 1e6) / records,
    }
  } finally {
    await Promise.all(fleets.map((fleet) => fleet.close()))
  }
}

async function allFigures(fleets: readonly Fleet[]) {
  const all = await Promise.all(fleets.map((fleet) => fleet.figures()))
  return {
    atMs: all[0]!.atMs,
    records: sum(all.flatMap(({ records }) => records)),
    cpuMs: sum(all.map(({ cpuMs }) => cpuMs)),
  }
}

export function ratesOf(works: readonly Work[]): readonly number[] {
  return works.map(({ perSecond }) => perSecond)
}

/** For people: CPU time per record. */
export function cpuOf(works: readonly Work[]): string {
  return `${Math.round(median(works.map(({ cpuNs }) => cpuNs)))} ns`
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
