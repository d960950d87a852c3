import { expect, test } from 'vitest'
import { PotorooError } from '../../src/base/errors.ts'
import { clusterOf } from '../../src/cli/cluster.ts'
import { type Given, readSettings } from '../../src/cli/settings.ts'
import { keyGroupsOf } from '../../src/cli/worker-options.ts'

const token = 'sixteen-or-more-letters'
const log = { level: 'silent', common: {}, format: 'json' } as const

function cluster(flags: Given, secret: string | null = token) {
  return clusterOf(readSettings(flags, {}, '/dev/null'), secret, log)
}

function refusal(flags: Given, secret: string | null = token): string {
  try {
    cluster(flags, secret)
  } catch (error) {
    if (error instanceof PotorooError && error.code === 'E_CONFIG') return error.message
    throw error
  }
  throw new Error('it was not refused')
}

test('a worker without a store is alone, and says so where it is told of others', () => {
  expect(cluster({ worker: 'w7' }, null)).toBeNull()
  expect(refusal({ expected: '3' })).toMatch(/^--expected: it is for workers that share a store/)
  expect(refusal({ cluster: 'mine' })).toMatch(/^--cluster: /)
})

test('a worker with a store is one of several', () => {
  expect(cluster({ store: '/s', listen: '10.0.0.1:7100', expected: '3', cluster: 'mine' })).toMatchObject({
    ...{ name: 'mine', token, store: '/s', listen: { host: '10.0.0.1', port: 7100 }, reach: '10.0.0.1' },
    ...{ expected: 3 },
  })
  expect(cluster({ store: '/s' })).toMatchObject({ expected: 1 })
  expect(cluster({ store: '/s', listen: '0.0.0.0:7100', reach: 'host' })).toMatchObject({ reach: 'host' })
})

test('its token is never a flag, and never so short that it is guessed', () => {
  expect(refusal({ store: '/s' }, null)).toMatch(/^POTOROO_CLUSTER_TOKEN: workers of a cluster need a token/)
  expect(refusal({ store: '/s' }, 'short')).toMatch(/16 to 1000 characters/)
  expect(refusal({ store: '/s' }, 'with a space in its middle')).toMatch(/without spaces/)
})

test('what cannot be is refused with the place that it came from', () => {
  expect(refusal({ store: '/s', listen: 'nowhere' })).toMatch(/^--listen: "nowhere" is no address/)
  expect(refusal({ store: '/s', listen: '0.0.0.0:1' })).toMatch(/^--listen: nobody is reached at 0\.0\.0\.0/)
  expect(refusal({ store: '/s', expected: '99' })).toMatch(/^--expected: a cluster has up to 20 workers/)
  expect(refusal({ cluster: '../x' })).toMatch(/^--cluster: cluster is not a name of .*: "..\/x"$/)
})

test('key groups that are asked for are compared with the store, and those of the defaults are not', () => {
  expect(keyGroupsOf(readSettings({ 'limits.keyGroups': '64' }, {}, '/dev/null'))).toBe(64)
  expect(keyGroupsOf(readSettings({}, {}, '/dev/null'))).toBeNull()
})
