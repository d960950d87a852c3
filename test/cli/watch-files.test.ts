import { expect, test } from 'vitest'
import { FileWatch } from '../../src/cli/watch-files.ts'

test('a folder that is not there is named, where it cannot be watched', () => {
  const watch = new FileWatch(() => {})
  expect(() => watch.add(['/nowhere/at-all/count.ts'])).toThrow(
    expect.objectContaining({ code: 'E_FILE', details: expect.objectContaining({ path: '/nowhere/at-all' }) }),
  )
  watch.close()
})
