/** What readers are answered. */
import type { SimMutant } from './mutant.ts'

export const readMutants: readonly SimMutant[] = [
  {
    name: 'committed-out-of-memory',
    swarm: 'clusters',
    bend: 'readers',
    file: 'src/admin/state-query.ts',
    text: "if (read === 'committed') return committed()",
    replacement: `if (read === 'committed') {
    const across = asked.key === null ? pageAcross : keyAcross
    return { ...head, ...((await across(seams, { ...asked, read: 'live', after, ms })) as object), completeness: null }
  }`,
  },
  {
    name: 'token-not-looked-at',
    swarm: 'clusters',
    bend: 'readers',
    file: 'src/admin/across.ts',
    text: 'if (after === null) return null',
    replacement: 'if (after === null || ms > 0) return null',
  },
  {
    name: 'token-not-looked-at-in-epochs',
    swarm: 'clusters',
    bend: 'readers',
    file: 'src/admin/state-query.ts',
    text: 'if (!held) return isCovered(plan, sources, after)',
    replacement: 'if (!held) return true',
  },
  {
    name: 'what-steps-hold-not-waited-for',
    swarm: 'clusters',
    bend: 'readers-behind-answers',
    file: 'src/worker/execution/epochs/passage.ts',
    text: ' && last.heldSince >= epoch',
    replacement: '',
  },
  {
    name: 'parts-of-two-generations',
    swarm: 'clusters',
    bend: 'readers',
    file: 'src/admin/across.ts',
    text: 'if (part?.generation !== generation) {',
    replacement: 'if (part === null) {',
  },
  {
    name: 'counted-by-later-owners',
    swarm: 'clusters',
    bend: 'readers',
    seed: 11,
    file: 'src/admin/across.ts',
    text: 'completenessOf(owned, parts)',
    replacement: 'completenessOf(viewKeyGroups(seams.pipelines.worker), parts)',
  },
  {
    name: 'answer-before-any-generation',
    swarm: 'clusters',
    bend: 'readers-of-the-new',
    file: 'src/admin/across.ts',
    text: 'while (worker.cluster.generation === 0) {',
    replacement: 'while (worker.cluster.generation < 0) {',
  },
  {
    name: 'linearizable-before-its-epoch',
    swarm: 'clusters',
    bend: 'readers',
    file: 'src/admin/part.ts',
    text: "if (read === 'linearizable' && !(await",
    replacement: "if (read === 'linearizable' && ms < 0 && !(await",
  },
  {
    name: 'live-without-a-lease',
    swarm: 'clusters',
    bend: 'readers-of-the-blind',
    file: 'src/admin/part.ts',
    text: "if (read === 'live' && !(await",
    replacement: "if (read === 'live' && ms < 0 && !(await",
  },
  {
    name: 'shown-of-who-owns-it-no-more',
    swarm: 'clusters',
    bend: 'readers',
    rare: 'who is asked has to be in another generation than the one who asks, and answer before it has heard',
    file: 'src/admin/part.ts',
    text: 'const owned = keysOf(key).filter((one) => owners[groupOf(one, owners)] === self)',
    replacement: 'const owned = keysOf(key)',
  },
]
