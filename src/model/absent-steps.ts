/**
 * Steps that somebody asks for where there are none of them, and what to write instead. Types refuse them; in plain
 * JavaScript the language would say no more than that something is no function.
 */
import { fail } from '../base/errors.ts'

const PLAIN = ['map', 'filter', 'flatMap', 'inspect', 'asyncMap', 'branch', 'merge', 'keyBy', 'sink']
const KEYED = ['mapWithState', 'flatMapWithState', 'reduce', 'aggregate']

/** What other systems have, by what does it here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  forEach: 'inspect looks at each record, and a sink writes them',
  join: 'merge both streams, give what belongs together one key, and let mapWithState keep what waits for the other',
  window: 'flatMapWithState keeps windows in the state of a key',
}

type Owner = 'pipeline' | 'stream' | 'keyed'

/** Gives `target`, which is a `pipeline`'s builder or what streams inherit from, the steps that it does not have. */
export function refuseAbsentSteps(target: object, owner: Owner): void {
  for (const step of [...PLAIN, ...KEYED, ...Object.keys(ELSEWHERE)]) {
    if (step in target) continue
    const refuse = (): never => {
      throw fail('E_STEP_ABSENT', {
        reason: ELSEWHERE[step] === undefined ? instead(owner, step) : `${step}: ${ELSEWHERE[step]}`,
      })
    }
    Object.defineProperty(target, step, { value: refuse })
  }
}

function instead(owner: Owner, step: string): string {
  if (owner === 'pipeline') return `${step} follows a source: p.source('name', …).${step}(…)`
  if (owner === 'stream') return `${step} needs keys: keyBy('name', (value) => …).${step}(…)`
  return `a stream with keys has ${KEYED.join(', ')}, and no ${step}: it belongs in front of keyBy, or behind one of these`
}
