/** Everything compiles, the tests of the types among it. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)

/** What the compiler complains about; empty where it is content. */
async function complaints(): Promise<string> {
  try {
    await run(join(root, 'node_modules/.bin/tsc'), ['--noEmit'], { cwd: root, maxBuffer: 16 << 20 })
    return ''
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return `${stdout}${stderr}`
  }
}

test('every file compiles', async () => {
  expect(await complaints()).toBe('')
})
