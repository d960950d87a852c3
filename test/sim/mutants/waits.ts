/** What waits, and is never let go. */
import type { SimMutant } from './mutant.ts'

export const waitMutants: readonly SimMutant[] = [
  {
    name: 'frame-never-ends',
    file: 'src/protocol/silence.ts',
    text: 'if (waiting > 0 || this.partial) this.unfinished++',
    replacement: '',
    bend: 'turned-bits',
  },
  {
    name: 'replaced-for-ever',
    file: 'src/ingest/session.ts',
    text: "this.send({ kind: 'refused', code: error.code, reason, retryMs })",
    replacement:
      "this.send({ kind: 'refused', code: error.code, reason, retryMs: error.code === 'E_ACKED_REPLACED' ? 0 : retryMs })",
  },
]
