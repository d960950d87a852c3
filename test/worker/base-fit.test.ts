import { expect, test } from 'vitest'
import type { Manifest } from '../../src/checkpoint/manifest.ts'
import { keptOf } from '../../src/worker/execution/base-fit.ts'

test('a base of which nothing is dropped is that base: what was prepared for it counts', () => {
  const part = (step: string) => ({ step, worker: 'w', snapshot: [] })
  const base = { steps: [], sources: [part('a'), part('b')], sinks: [part('c')] } as unknown as Manifest
  expect(keptOf(base, new Set())).toBe(base)
  const { sources, sinks } = keptOf(base, new Set(['a', 'c']))
  expect([sources, sinks]).toEqual([[part('b')], []])
})
