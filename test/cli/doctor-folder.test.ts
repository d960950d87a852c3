/** What `doctor` says of folders that cannot be looked into: it is asked when something is wrong, and has to answer. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { defaultLimits } from '../../src/base/limits.ts'
import { seal } from '../../src/checkpoint/envelope.ts'
import { examineStore, startWarnings } from '../../src/cli/doctor/folder.ts'
import { examineVolume } from '../../src/cli/doctor/volume.ts'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'potoroo-doctor-'))
  onTestFinished(() => rmSync(made, { recursive: true }))
  return made
}

test('a disk that refuses what is tried out is a finding', () => {
  const found = examineVolume('store', join(folder(), 'gone'), defaultLimits, true).filter(
    ({ verdict }) => verdict === 'wrong',
  )
  expect(found.length).toBeGreaterThan(1)
  for (const { what } of found) expect(what).toContain('ENOENT')
})

test('what cannot be read of a store is named, and keeps no worker from its start', () => {
  const store = folder()
  // Nobody reads a folder as a file, whoever he is.
  mkdirSync(join(store, 'cluster'))
  mkdirSync(join(store, 'chain', '0000000001'), { recursive: true })
  const wrong = examineStore(store, defaultLimits).filter(({ verdict }) => verdict === 'wrong')
  expect(wrong.map(({ what }) => what)).toEqual([expect.stringContaining(join(store, 'cluster'))])
  expect(startWarnings(folder(), store)).toEqual([])
})

// Nobody makes a folder there, whoever he is.
test.skipIf(process.platform !== 'linux')('a worker says as it starts that it cannot write its store', () => {
  const [warning, ...others] = startWarnings(folder(), '/proc/self')
  expect(warning).toMatchObject({ code: 'E_STORE', details: { operation: 'write', path: '/proc/self' } })
  expect(others).toEqual([])
  expect(startWarnings(folder(), join(folder(), 'absent'))).toEqual([])
})

test("what lies beside a chain's records is no record", () => {
  const store = folder()
  writeFileSync(
    join(store, 'cluster'),
    seal({ kind: 'cluster', version: 1 }, { id: 'a', name: 'words', keyGroups: 64, chainEra: 8 }),
  )
  mkdirSync(join(store, 'chain', 'lost+found'), { recursive: true })
  expect(examineStore(store, defaultLimits).filter(({ verdict }) => verdict === 'wrong')).toEqual([])
})
