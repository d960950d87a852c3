import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FileWatch } from '../../src/cli/watch-files.ts'

test('a folder that is not there is named, where it cannot be watched', () => {
  const watch = new FileWatch(() => {})
  expect(() => watch.add(['/nowhere/at-all/count.ts'])).toThrow(
    expect.objectContaining({ code: 'E_FILE', details: expect.objectContaining({ path: '/nowhere/at-all' }) }),
  )
  watch.close()
})

test('a file that a pipeline is made of is looked after, whatever it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-watch-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'words.txt')
  writeFileSync(file, 'one')
  const changed = Promise.withResolvers<void>()
  const watch = new FileWatch(changed.resolve)
  onTestFinished(() => watch.close())
  watch.add([file])
  writeFileSync(file, 'two')
  await changed.promise
})
