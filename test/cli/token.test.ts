import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readClusterToken, readSourceToken, readToken } from '../../src/cli/token.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'potoroo-'))
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

const readers = [
  ['POTOROO_TOKEN', () => readToken()],
  ['POTOROO_SOURCE_TOKEN', readSourceToken],
  ['POTOROO_CLUSTER_TOKEN', readClusterToken],
] as const

test.each(readers)('%s is a token, or names a file of one, and is none where it is not set', (variable, read) => {
  expect(read()).toBeNull()
  vi.stubEnv(variable, 'given')
  expect(read()).toBe('given')
  const file = join(folder, 'token')
  writeFileSync(file, 'kept\r\n')
  vi.stubEnv(`${variable}_FILE`, file)
  expect(read()).toBe('kept')
})

test.each(readers)('%s that is empty is refused: whoever shows no token would show it', (variable, read) => {
  vi.stubEnv(variable, '')
  expect(read).toThrow(
    expect.objectContaining({ code: 'E_CONFIG', details: expect.objectContaining({ where: variable }) }),
  )
  const file = join(folder, 'token')
  writeFileSync(file, '\n')
  vi.stubEnv(`${variable}_FILE`, file)
  expect(read).toThrow(expect.objectContaining({ code: 'E_CONFIG', details: expect.objectContaining({ where: file }) }))
})
