/** Faults planted in the cluster's tables, each of which the simulated clusters find. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Mutant, runMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./sim-main.ts', import.meta.url))

/** A fault, a seed shortly before the first that finds it, and what is found. */
const mutants: readonly (Mutant & { readonly from?: number; readonly found: RegExp })[] = [
  {
    name: 'takes over without reading the store again',
    file: 'src/cluster/claim.ts',
    text: "if (s.bid === 'rereading' && e.reread) {",
    replacement: "if (s.bid === 'none' || s.bid === 'rereading') {",
    found: /on what it knew before/,
  },
  {
    name: 'times the coordinator’s lease from the answer',
    from: 318,
    file: 'test/cluster/sim-worker.ts',
    text: 'this.leases.renew(requestMs)',
    replacement: 'this.leases.renew(this.now)',
    found: /speaks in generation/,
  },
  {
    name: 'takes a lease that outlasts the coordinator’s',
    file: 'src/cluster/leases.ts',
    text: 'return grantMs > 0 ? Math.max(lease, requestMs + grantMs) : lease',
    replacement: 'return grantMs > 0 ? Math.max(lease, requestMs + grantMs + 2000) : lease',
    found: /speaks in generation/,
  },
  {
    name: 'proposes a set that is not the largest',
    file: 'src/cluster/standing.ts',
    text: 'among.length > 0 ? among : [...beats.keys()]',
    replacement: 'among.length > 0 ? among.slice(-2) : [...beats.keys()]',
    found: /drops|minority|fair weather/,
  },
  {
    name: 'accepts an older incarnation',
    file: 'src/cluster/standing.ts',
    text: 'return members.some((member) => member.worker === one.worker && member.incarnation === one.incarnation)',
    replacement: 'return members.some((member) => member.worker === one.worker)',
    found: /is (following|ready) in fair weather/,
  },
  {
    name: 'begins before all are ready, so that an old owner still works',
    file: 'src/cluster/recovery.ts',
    text: 'if (missing.size > 0) return { next: { ...s, missing }, effects: NONE }',
    replacement: 'if (missing.size > 1) return { next: { ...s, missing }, effects: NONE }',
    found: /begins when every member is ready|begins without/,
  },
  {
    name: 'works on until it is told that the next generation begins',
    from: 4,
    file: 'src/cluster/membership.ts',
    text: 'if (cluster.generation === s.cluster.generation) return { next: { ...s, cluster }, effects: NONE }\n  if (includes(cluster.members, identity(s))) {\n    const entered',
    replacement:
      'return { next: { ...s }, effects: NONE }\n  if (includes(cluster.members, identity(s))) {\n    const entered',
    found: /coordinates generation/,
  },
  {
    name: 'keeps what a pipeline holds that went on',
    file: 'test/cluster/entry.ts',
    text: 'const stands = base !== null && holdings.held.get(pipeline) === base',
    replacement: 'const stands = base !== null',
    found: /begins .* with/,
  },
  {
    name: 'does not release what holds for an attempt that was given up',
    from: 101,
    file: 'src/cluster/rescale.ts',
    text: "{ kind: 'release', attempt, pipelines: asked },",
    replacement: "{ kind: 'release', attempt, pipelines: [] },",
    found: /in fair weather/,
  },
  {
    name: 'counts the time in which it was stopped as the silence of others',
    from: 411,
    file: 'src/cluster/silence.ts',
    text: 'return silentMs + Math.min(Math.max(0, sinceLookMs), lookMs)',
    replacement: 'return silentMs + sinceLookMs + 0 * lookMs',
    found: /drops/,
  },
  {
    name: 'acts on a set that is contested',
    from: 78,
    file: 'src/cluster/claim.ts',
    text: 'return !standing.contested || nowMs - claim.sinceMs >= s.settings.settleMs',
    replacement: 'return nowMs - claim.sinceMs >= 0 * s.settings.settleMs',
    found: /drops/,
  },
  {
    name: 'lets sinks speak at once in a new generation',
    from: 7,
    file: 'src/cluster/leases.ts',
    text: 'if (incarnation !== self) next.set(incarnation, untilMs)',
    replacement: 'if (incarnation === self) next.set(incarnation, untilMs)',
    found: /speaks in generation/,
  },
]

describe('simulated clusters find tables that', () => {
  test.each(mutants)('$name', (mutant) => {
    const { from = 1, found } = mutant
    const { status, output } = runMutant(mutant, program, [String(from), String(from + 49)])
    expect(output).toMatch(/seed \d+: /)
    expect(output).toMatch(found)
    expect(status).toBe(1)
  })
})
