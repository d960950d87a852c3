import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { PotorooError } from '../../src/base/errors.ts'
import { type Given, readSettings, settingPaths, variableOf } from '../../src/cli/settings.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'potoroo-settings-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(text: string): string {
  const path = join(folder, 'potoroo.yaml')
  writeFileSync(path, text)
  return path
}

function read(flags: Given, environment: Record<string, string> = {}, yaml = '{}') {
  return readSettings(flags, environment, file(yaml))
}

function refusal(flags: Given, environment: Record<string, string> = {}, yaml = '{}'): string {
  try {
    read(flags, environment, yaml)
  } catch (error) {
    if (error instanceof PotorooError && error.code === 'E_CONFIG') return error.message.replace(folder, '')
    throw error
  }
  throw new Error('it was not refused')
}

describe('settings', () => {
  test('have defaults', () => {
    expect(read({})).toMatchObject({
      worker: 'w1',
      control: { host: '127.0.0.1', port: 0 },
      log: { format: 'auto' },
      limits: { keyGroups: 1024 },
    })
  })

  test('come from flags, before the environment, before the file', () => {
    const yaml = 'worker: file\ncontrol: { port: 1 }\nlimits: { batchRecords: 7, keyGroups: 64 }'
    const environment = { POTOROO_CONTROL_PORT: '2', POTOROO_LIMITS_BATCH_RECORDS: '8', OTHER: 'x' }
    expect(read({ 'control.port': '3' }, environment, yaml)).toMatchObject({
      worker: 'file',
      control: { port: 3 },
      limits: { batchRecords: 8, keyGroups: 64 },
    })
    expect(read({}, environment, yaml).control.port).toBe(2)
    expect(read({}, {}, yaml).control.port).toBe(1)
  })

  test('that are unknown are refused wherever they stand, with the name that was meant', () => {
    expect(refusal({}, {}, 'worke: x')).toBe('/potoroo.yaml: there is no setting worke; did you mean worker?')
    expect(refusal({}, {}, 'limts: {}')).toMatch(/did you mean limits\?/)
    expect(refusal({}, {}, 'control: { prot: 1 }')).toMatch(/did you mean control\.port\?/)
    expect(refusal({}, { POTOROO_CONTROL_PROT: '1' })).toMatch(/did you mean POTOROO_CONTROL_PORT\?/)
    expect(refusal({ 'limits.keyGroup': '1' })).toBe(
      '--limit: there is no setting limits.keyGroup; did you mean limits.keyGroups?',
    )
    expect(refusal({}, {}, 'limits: { nothing: 1 }')).toMatch(/there is no setting limits\.nothing$/)
  })

  test('of a wrong kind are refused with the place that they came from', () => {
    expect(refusal({ 'control.port': 'x' })).toBe(
      '--control-port: control.port is not a whole number from 0 to 65535: "x"',
    )
    expect(refusal({}, { POTOROO_LIMITS_KEY_GROUPS: '1.5' })).toMatch(
      /^POTOROO_LIMITS_KEY_GROUPS: .* is not a whole number of at least 1: "1\.5"$/,
    )
    expect(refusal({}, {}, 'log: { level: loud }')).toMatch(
      /^\/potoroo\.yaml: log\.level is not one of debug, .*: "loud"$/,
    )
    expect(refusal({}, {}, 'control: 5')).toMatch(/control is a mapping, with settings such as host/)
    expect(refusal({}, {}, 'log: warn')).toBe('/potoroo.yaml: log is a mapping, with settings such as level')
    expect(read({}, {}, 'limits: # keyGroups: 64\nlog:\n  level: warn').log.level).toBe('warn')
    expect(refusal({}, {}, '- a')).toMatch(/it is no mapping/)
    expect(refusal({}, {}, 'a: [')).toMatch(/^\/potoroo\.yaml line 1: /)
    expect(refusal({ 'limits.keyGroups': 'many' })).toMatch(/^--limit: limits\.keyGroups is not a whole .*: "many"$/)
    expect(refusal({ 'control.port': '99999' })).toMatch(/ is not a whole number from 0 to 65535: "99999"$/)
    expect(refusal({}, { POTOROO_LIMITS_KEY_GROUPS: '100' })).toBe('limits: keyGroups: key groups are a power of two')
    expect(refusal({}, { POTOROO_LIMITS_CHANNEL_CREDIT_BYTES: '4294967296' })).toBe(
      'limits: channelCreditBytes: it is told in 32 bits, 4294967295 at most',
    )
    expect(refusal({}, {}, 'limits: { messageBytes: 6000, recordBytes: 5000 }')).toBe(
      'limits: messageBytes, recordBytes: a message holds the longest record twice, for its frame',
    )
  })

  test('that pages show are there: the file as it stands, and the variables by their names', () => {
    const pages = globSync('{README.md,docs/*.md,docker/README.md}', { cwd: root })
    const shown = pages.map((page) => readFileSync(join(root, page), 'utf8')).join('\n')
    const files = Array.from(shown.matchAll(/```yaml\n([\s\S]*?)```/g), ([, text]) => text!)
    expect(files).toHaveLength(1)
    expect(read({}, {}, files[0])).toMatchObject({ worker: 'w1', data: '/var/lib/potoroo', control: { port: 7070 } })
    const settings = new Set(settingPaths.map(variableOf))
    const others = (shown.match(/POTOROO_[A-Z_]*[A-Z]/g) ?? []).filter((name) => !settings.has(name))
    expect(others).toContain('POTOROO_CLUSTER_TOKEN_FILE')
    // Who reads the environment refuses what it does not know.
    expect(() => read({}, Object.fromEntries(others.map((name) => [name, 'x'])))).not.toThrow()
  })

  test('never hold a secret', () => {
    expect(settingPaths.filter((path) => /token|secret|password/i.test(path))).toEqual([])
  })

  test('have variables of their own', () => {
    expect(variableOf('limits.keyGroups')).toBe('POTOROO_LIMITS_KEY_GROUPS')
    expect(new Set(settingPaths.map(variableOf)).size).toBe(settingPaths.length)
  })
})
