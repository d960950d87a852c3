/** docker/ names what there is: metrics, settings, files. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { LOOP_DELAY, metricRows, workerRows } from '../../src/admin/metrics.ts'
import { readSettings } from '../../src/cli/settings.ts'
import { PARTS } from '../process/packing.ts'

const FOLDER = join(import.meta.dirname, '../../docker')
const read = (file: string): string => readFileSync(join(FOLDER, file), 'utf8')

test('the board shows metrics that there are, and every pipeline’s and worker’s main ones', () => {
  const known = new Set([...metricRows, ...workerRows, { name: LOOP_DELAY }].map(({ name }) => `potoroo_${name}`))
  const used = new Set(Array.from(read('grafana/boards/potoroo.json').matchAll(/potoroo_\w+/g), ([name]) => name))
  for (const name of used) expect(known).toContain(name)
  expect(used.size).toBeGreaterThan(15)
})

test('the workers of the compose file are given settings that there are', () => {
  const { services } = parse(read('compose.yaml'), { merge: true }) as {
    services: Record<string, { environment?: Record<string, string>; stop_grace_period?: string }>
  }
  const workers = ['w1', 'w2', 'w3']
  for (const worker of workers) {
    const { SHARED_TOKENS, ...environment } = services[worker]!.environment!
    expect(SHARED_TOKENS).toBe('/shared/tokens')
    const settings = readSettings({}, environment, '/dev/null')
    expect(settings).toMatchObject({ worker, reach: worker, store: '/shared/store', expected: workers.length })
    // Longer than a last checkpoint may take.
    expect(Number.parseInt(services[worker]!.stop_grace_period!, 10)).toBeGreaterThan(
      settings.limits.drainTimeoutMs / 1000,
    )
  }
})

test('the image is made of files that are there', () => {
  for (const [, from, files] of read('Dockerfile').matchAll(/^COPY (--from=\w+ )?(.*) \S+$/gm)) {
    if (from === undefined)
      for (const file of files!.split(' ')) expect(existsSync(join(FOLDER, '..', file)), file).toBe(true)
  }
})

test('the image is built of all that the package is made of', () => {
  const copied = Array.from(read('Dockerfile').matchAll(/^COPY (?!--)(.*) \S+$/gm), ([, files]) =>
    files!.split(' '),
  ).flat()
  const context = read('../.dockerignore').split('\n')
  for (const part of PARTS) {
    expect(copied).toContain(part)
    expect(context).toContain(`!${part}`)
    expect(read('try.sh')).toMatch(new RegExp(`cp -r .*(?<= )${part} `))
  }
})
