/** Tokens on a disk that has no more of a file than was flushed when the power fails. */
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openTokens } from '../../src/admin/tokens.ts'

/** Files that got their names before what is in them was on the disk. */
const lost = vi.hoisted(() => new Set<string>())

vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof fs>()
  const flushed = new Set<string>()
  return {
    ...real,
    writeFileSync: (path: string, text: string, options: fs.WriteFileOptions & { flush?: boolean }) => {
      real.writeFileSync(path, text, options)
      if (options.flush === true) flushed.add(path)
    },
    renameSync: (from: string, to: string) => {
      real.renameSync(from, to)
      if (!flushed.has(from)) lost.add(to)
    },
  }
})

test('a token that has its name is on the disk', () => {
  const data = fs.mkdtempSync(join(tmpdir(), 'potoroo-tokens-'))
  onTestFinished(() => fs.rmSync(data, { recursive: true }))
  openTokens(data)
  for (const path of lost) fs.writeFileSync(path, '', { flush: true })
  expect(() => openTokens(data)).not.toThrow()
})
