/**
 * A port that a test holds with a server that does nothing is one that it means to use otherwise: behind the server's
 * end, or at the same time. One of the system's own range may be somebody else's by then, so it comes from `freePort`.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const placeholder = /\bcreateServer\(\)\s*\.listen\(0\b/

test('no test takes a port from the range of the system to use it again', () => {
  const files = globSync('{test,bench}/**/*.ts', { cwd: root })
  expect(files.length).toBeGreaterThan(100)
  expect(files.filter((file) => placeholder.test(readFileSync(join(root, file), 'utf8')))).toEqual([])
})
