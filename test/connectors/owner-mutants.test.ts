/** Faults in whose files a path holds (`src/connectors/file/owner.ts`), each of which stores that come to one find. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Mutant, runMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./several-stores-main.ts', import.meta.url))
const file = 'src/connectors/file/owner.ts'

const mutants: readonly (Mutant & { readonly found: RegExp })[] = [
  {
    name: 'makes no mark (M1)',
    file,
    text: "if (owner.store === '' || names.includes(own)) return done(null)",
    replacement: "if (owner.store !== '' || names.includes(own)) return done(null)",
    found: /T1/,
  },
  {
    name: 'makes one mark for all stores (M1)',
    file,
    text: 'owner.store.replace(/[^\\w-]+/g, percents)',
    replacement: "'store'",
    found: /T1/,
  },
  {
    name: 'makes its mark where others have made theirs (M2)',
    file,
    text: 'if (others !== undefined) return refuse(others)',
    replacement: '',
    found: /T[12]/,
  },
  {
    name: 'does not look again (M3)',
    file,
    text: 'if (late === undefined) done(null)',
    replacement: "if (late !== '') done(null)",
    found: /T1/,
  },
]

describe('stores that come to one path find a sink that', () => {
  test.each(mutants)('$name', (mutant) => {
    const { status, output } = runMutant(mutant, program, ['1', '100'])
    expect(output).toMatch(mutant.found)
    expect(status).toBe(1)
  })
})
