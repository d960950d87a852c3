import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { inShell } from '../../src/base/shell.ts'

test.each(['word-count', 'zähler', 'till 4', "it's", '', '$HOME `ls`', 'a\nb', '*'])(
  '%j is one word of a shell',
  (text) => {
    const { stdout } = spawnSync('sh', ['-c', `printf %s ${inShell(text)}`], { encoding: 'utf8' })
    expect(stdout).toBe(text)
  },
)

test('a remedy names what is to be typed as it is typed, and what happened as it is called', () => {
  const { message, remedy } = fail('E_NO_LETTER', { pipeline: "Ina's orders", id: 'x 1' })
  expect(message).toBe('pipeline "Ina\'s orders" has no dead letter x 1')
  expect(remedy).toBe("`potoroo dead-letters list 'Ina'\\''s orders'` shows what there is")
})
