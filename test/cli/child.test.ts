/** A worker's process under `up` that cannot be started. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { makeToken, openTokens } from '../../src/admin/tokens.ts'
import { Child } from '../../src/cli/child.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'potoroo-child-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

/** Starts one whose folder is made by `prepare`; answers what becomes of it. */
async function begun(
  data: string,
  prepare: () => void,
): Promise<{ readonly said: string; readonly waitMs: number | null }> {
  let said = ''
  const settled = Promise.withResolvers<number | null>()
  const child = new Child(
    { worker: 'w1', data, prepare, args: [], env: {}, output: null },
    {
      started: () => {},
      logged: () => {},
      exited: async (_, how) => {
        said = how
      },
      settled: (_, waitMs) => settled.resolve(waitMs),
    },
  )
  child.start()
  const waitMs = await settled.promise
  child.stop()
  expect(child.over).toBe(true)
  return { said, waitMs }
}

test('a folder that cannot be made, or a log that cannot be written, is tried again like an end of the process', async () => {
  const full = () => makeToken('/dev/null/admin.token')
  expect(await begun(folder(), full)).toEqual({
    said: expect.stringMatching(/^cannot be started: cannot write \/dev\/null\/admin\.token: ENOTDIR/),
    waitMs: 200,
  })
  expect(await begun('/dev/null/w1', () => {})).toEqual({
    said: expect.stringMatching(/^cannot be started: ENOTDIR/),
    waitMs: 200,
  })
})

test('a token is written whole or not at all', () => {
  const data = folder()
  // What a full disk has left behind.
  writeFileSync(`${data}/admin.token.new`, '', { mode: 0o600 })
  const { files, rightOf } = openTokens(data)
  expect(statSync(files.admin)).toMatchObject({ size: 44, mode: 0o100600 })
  expect(rightOf('')).toBeNull()
  makeToken(files.admin, 'another')
  expect(statSync(files.admin).size).toBe(44)
})
