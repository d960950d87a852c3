/** docs/testing.md says what there is: its example is a test that runs, and no name is missing. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as face from '../../src/testing.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/testing.md'), 'utf8')
/** What stands behind the imports. */
const body = (text: string) => text.slice(text.indexOf("\ntest('"))

test.each([
  ['word-count.test.ts', 'example.test.ts'],
  ['in word-count.test.ts, too', 'example-cluster.test.ts'],
])('the example of the page is the one that runs: %s', (title, file) => {
  const shown = new RegExp(`\`\`\`ts\\n// ${title}.*(\\n[\\s\\S]*?)\`\`\``).exec(page)![1]!
  expect(body(shown)).toBe(body(readFileSync(join(import.meta.dirname, file), 'utf8')))
})

test('every name that the face exports stands on the page', () => {
  const durations = ['days', 'hours', 'milliseconds', 'minutes', 'seconds']
  for (const name of Object.keys(face)) {
    if (!durations.includes(name) && name !== 'PotorooError') expect(page).toContain(name)
  }
})
