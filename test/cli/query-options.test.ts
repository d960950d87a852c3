/** Options of `potoroo query` that would mean nothing, or something else than they seem to. */
import { expect, test } from 'vitest'
import { portion } from '../../src/cli/numbers.ts'
import { makeProgram } from '../../src/cli/program.ts'

test.each([
  [['--wait', '10'], /--wait is for --after/],
  [['--min-completeness', '0.5'], /takes a whole number, or a share such as 99%, not "0.5"/],
  [['--min-completeness', '101%'], /not "101%"/],
  [['a-key', '--min-completeness', '1'], /is for lists/],
])('%j is refused before anybody is asked', async (options, says) => {
  const program = await makeProgram()
  const asked = program.parseAsync(['query', 'count', 'total', ...options], { from: 'user' })
  await expect(asked).rejects.toMatchObject({ code: 'E_USAGE', message: expect.stringMatching(says) })
})

test('a portion is a number, or a share of all', () => {
  expect(portion('--of', '7')(1024)).toBe(7)
  expect(portion('--of', '0')(1024)).toBe(0)
  expect(portion('--of', '99%')(1024)).toBe(1014)
  expect(portion('--of', '0.1%')(1024)).toBe(2)
})
