/**
 * `potoroo up` as a person meets it: comes up, starts again what ends, ends with its workers, and gives up in words.
 */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFailed, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import type { ClusterView } from '../../src/admin/cluster-view.ts'
import { findWorker } from '../../src/cli/control-client.ts'
import { folder, potoroo, ran } from './fixture.ts'

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('runs a cluster, starts again what is killed, and ends with all of it', async () => {
  const cwd = folder()
  const up = potoroo(['up', '--workers', '2'], { cwd })
  onTestFailed(() => console.error(up.err))
  await up.said(/normal, generation \d+: w1, w2\n/)
  const data = join(cwd, '.potoroo/potoroo')
  for (const name of ['cluster', 'admin', 'read']) expect(statSync(`${data}/${name}.token`).mode & 0o777).toBe(0o600)

  const first = Number((await up.said(/w1 starts, process (\d+)/))[1])
  process.kill(first, 'SIGKILL')
  // It may have lost its disk, too.
  rmSync(join(data, 'w1'), { recursive: true })
  await up.said(/w1 has ended by SIGKILL\n.*w1 starts again in 0\.2 s/)
  const again = Number((await up.said(/w1 starts again, process (\d+)/))[1])
  await up.said(/w1 starts again, process[\s\S]*normal, generation ([2-9]|\d\d): w1, w2\n/)
  const seen = async () => {
    const { workers } = await (await findWorker({ data })).get<ClusterView>('/v1/cluster')
    return workers.map(({ worker, keyGroups, linked }) => `${worker} ${keyGroups} ${linked}`)
  }
  await expect.poll(seen).toEqual(['w1 512 true', 'w2 512 true'])
  const status = await ran(['status'], { cwd })
  expect(status.out).toMatch(
    /^cluster normal, generation \d+ of 2 workers, w[12] decides\nWORKER +STATE +OF 1024 KEY GROUPS\nw1 +member +512\nw2 +member +512\n/,
  )
  const groups = JSON.parse((await ran(['key-groups', '--json'], { cwd })).out) as { from: number; to: number }[]
  expect(groups.reduce((sum, { from, to }) => sum + to - from + 1, 0)).toBe(1024)
  expect((await ran(['where', '42'], { cwd })).out).toMatch(
    /^KEY +TYPE +GROUP +WORKER\n42 +string +\d+ +w[12]\n42 +number +[\d,]+ +w[12]\n$/,
  )

  up.kill('SIGTERM')
  expect(await up.ended, up.err).toEqual({ status: 0, signal: null })
  expect(alive(again)).toBe(false)
  expect(readdirSync(data).toSorted()).toEqual([
    'admin.token',
    'cluster.token',
    'journals',
    'read.token',
    'store',
    'up.lock',
    'w1',
    'w2',
  ])
})

test('takes settings that are those of one worker, and a signal to all of its processes for one request', async () => {
  const cwd = folder()
  const settings = `cluster: mine\ncontrol: { port: ${await freePort()} }\nreach: 192.0.2.1\n`
  writeFileSync(join(cwd, 'potoroo.yaml'), settings)
  const up = potoroo(['up', '--workers', '2'], { cwd })
  await up.said(/normal, generation \d+: w1, w2\n/)
  const workers = [...up.err.matchAll(/starts, process (\d+)/g)].map(([, pid]) => Number(pid))
  up.kill('SIGTERM')
  for (const pid of workers) process.kill(pid, 'SIGTERM')
  expect(await up.ended, up.err).toEqual({ status: 0, signal: null })
  for (const worker of ['w1', 'w2']) {
    expect(readFileSync(join(cwd, `.potoroo/mine/${worker}/worker.log`), 'utf8')).toMatch(/"worker\.ended"/)
  }
})

test('a terminal that is closed, or sends Ctrl-C, kills no worker that has just been started', async () => {
  const cwd = folder()
  const up = potoroo(['up', '--workers', '1'], { cwd, detached: true })
  await up.said(/w1 starts, process/)
  up.killGroup('SIGINT')
  expect(await up.ended, up.err).toEqual({ status: 0, signal: null })
})

test('says which worker has not ended in order', async () => {
  const cwd = folder()
  const up = potoroo(['up', '--workers', '1'], { cwd })
  const worker = Number((await up.said(/w1 starts, process (\d+)/))[1])
  await up.said(/normal, generation 1: w1\n/)
  process.kill(worker, 'SIGSTOP')
  up.kill('SIGTERM')
  await up.said(/SIGTERM: every worker makes a last checkpoint/)
  process.kill(worker, 'SIGKILL')
  expect(await up.ended, up.err).toEqual({ status: 1, signal: null })
  expect(up.err).toMatch(/w1 has not ended in order: see the end of .*worker\.log\n.*ended, 1 of them against its will/)
})

test('leaves no worker behind when it is killed; workers log as much as the settings say', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'potoroo.yaml'), 'log: { level: warn }\n')
  const up = potoroo(['up', '--workers', '1'], { cwd })
  const worker = Number((await up.said(/w1 starts, process (\d+)/))[1])
  await up.said(/normal, generation 1: w1\n/)
  up.kill('SIGKILL')
  await up.ended
  await expect.poll(() => alive(worker)).toBe(false)
  expect(readFileSync(join(cwd, '.potoroo/potoroo/w1/worker.log'), 'utf8')).not.toMatch(/"level":"info"/)
})

test('does not start again what would end the same way, and says where to look', async () => {
  const cwd = folder()
  const first = potoroo(['up', '--workers', '1'], { cwd })
  await first.said(/normal, generation \d+: w1\n/)
  first.kill('SIGTERM')
  await first.ended
  const up = await ran(['up', '--workers', '1', '--limit', 'keyGroups=64'], { cwd })
  expect(up).toMatchObject({ status: 1 })
  expect(up.err).toMatch(
    /w1 is not started any more: another start would end the same way; see the end of .*worker\.log/,
  )
})

test('starts nothing where a pipeline is wrong, or another one runs in the folder', async () => {
  const cwd = folder()
  writeFileSync(join(cwd, 'wrong.ts'), 'export default 7\n')
  expect(await ran(['up', 'wrong.ts'], { cwd })).toMatchObject({ status: 2 })
  const limited = await ran(['up', '--limit', 'keyGroups=3'], { cwd })
  expect(limited).toMatchObject({ status: 2, err: expect.stringMatching(/^error E_CONFIG: .*keyGroups/) })
  const crowded = await ran(['up', '--workers', '21'], { cwd })
  expect(crowded).toMatchObject({ status: 2, err: expect.stringMatching(/^error E_USAGE: .*up to 20 workers/) })
  const inTheWay = await ran(['up', '--data', 'wrong.ts'], { cwd })
  expect(inTheWay).toMatchObject({ status: 1, err: expect.stringMatching(/^error E_DISK: .*wrong\.ts/) })
  const first = potoroo(['up', '--workers', '1'], { cwd })
  await first.said(/w1 starts, process/)
  const second = await ran(['up', '--workers', '1'], { cwd })
  expect(second).toMatchObject({ status: 1, err: expect.stringMatching(/E_DATA_LOCKED/) })
})
