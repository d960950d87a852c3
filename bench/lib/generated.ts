/** Runs a pipeline that makes its own records on a cluster of its own, and reads what its workers have done. */
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Fleet } from './fleet.ts'
import { median } from './report.ts'

/** What a record costs falls for about so long: two workers compile as they come to new code, one has less of it. */
const WARMUP_MS = 4000
const MEASURED_MS = 2000

export interface Work {
  /** Records of all workers together. */
  readonly perSecond: number
  /** CPU time of all workers, with all their threads. */
  readonly cpuNs: number
}

/** What `workers` workers do of `bench/pipelines/NAME-generated.ts`, after a warm-up. */
export async function workOf(name: string, workers: number, parameters: Record<string, number> = {}): Promise<Work> {
  const fleet = await Fleet.open(workers)
  try {
    await fleet.cluster.submit(resolve(import.meta.dirname, `../pipelines/${name}-generated.ts`), parameters)
    await pause(WARMUP_MS)
    const before = await fleet.figures()
    await pause(MEASURED_MS)
    const after = await fleet.figures()
    const records = sum(after.records) - sum(before.records)
    return {
      perSecond: (records * 1000) / (after.atMs - before.atMs),
      cpuNs: ((after.cpuMs - before.cpuMs) * 1e6) / records,
    }
  } finally {
    await fleet.close()
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
