import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { complaints, rooms } from './layering.ts'

const src = join(import.meta.dirname, '../../src')

describe('the checker', () => {
  test('reports an import that the table forbids, types included', () => {
    expect(complaints('dataflow/x.ts', "import type { W } from '../worker/w.ts'")).toEqual([
      'dataflow/x.ts:1: dataflow may not import worker',
    ])
    expect(complaints('dataflow/x.ts', "import { a } from '../base/assert.ts'\nimport { b } from './b.ts'")).toEqual([])
  })

  test('reports what is fenced in elsewhere', () => {
    expect(complaints('state/x.ts', 'const t = Date.now()')).toEqual([
      'state/x.ts:1: clock and chance may not be used here',
    ])
    expect(complaints('env/real/clock.ts', 'const t = Date.now()')).toEqual([])
    for (const span of ['clock.now() + timeoutMs', 'endMs - this.seams.clock.now()']) {
      expect(complaints('worker/x.ts', `const ms = ${span}`)).toEqual([
        'worker/x.ts:1: spans of time by the clock on the wall may not be used here',
      ])
    }
    expect(complaints('worker/x.ts', 'const ms = clock.monotonic() + timeoutMs')).toEqual([])
    expect(complaints('admin/x.ts', "import { createServer, type Server } from 'node:http'")).toEqual([
      'admin/x.ts:1: HTTP by its names (env/real/node-http.ts) may not be used here',
    ])
    expect(complaints('admin/x.ts', "import type { Server } from 'node:http'")).toEqual([])
    expect(complaints('worker/x.ts', "import { pino } from 'pino'")).toEqual([
      'worker/x.ts:1: package pino may not be used here',
    ])
  })

  test('reports waiting in a synchronous room, but not in a comment', () => {
    expect(complaints('dataflow/x.ts', 'export async function f() {}')).toEqual([
      'dataflow/x.ts:1: dataflow waits for nothing',
    ])
    expect(complaints('dataflow/x.ts', '/** never await here */')).toEqual([])
  })

  test('reports a folder that is no room', () => {
    expect(complaints('helpers/x.ts', '')).toEqual(['helpers/x.ts: helpers is not a room'])
  })
})

test('the rooms have no cycle', () => {
  const seen = new Set<string>()
  for (const [room, may] of Object.entries(rooms)) {
    for (const other of may) if (other !== '*') expect(seen, `${room} before ${other}`).toContain(other)
    seen.add(room)
  }
})

test('every file keeps to the table', () => {
  const found = globSync('**/*.{ts,js}', { cwd: src })
    .sort()
    .flatMap((path) => complaints(path, readFileSync(join(src, path), 'utf8')))
  expect(found).toEqual([])
})
