/** Readers in the simulator, in any weather. */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startMutant } from '../mutant/mutant.ts'

const program = fileURLToPath(new URL('./reading-main.ts', import.meta.url))

test('in any weather readers see what was acknowledged, and nothing goes back', async () => {
  const { status, output } = await startMutant(null, program, ['1', '3'])
  expect(output).toMatch(/^3 seeds, \{"live":\d{2}/)
  expect(status).toBe(0)
})
