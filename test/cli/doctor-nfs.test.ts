import { expect, test } from 'vitest'
import { keptBy } from '../../src/cli/doctor/nfs.ts'

test('a client of NFS keeps nothing to itself that another host may have changed', () => {
  const options = ['rw', 'vers=4.2', 'hard']
  expect(keptBy('ext4', options)).toBe(null)
  for (const kind of ['nfs', 'nfs4']) {
    expect(keptBy(kind, options)?.what).toBe('remembers which files are absent')
    expect(keptBy(kind, [...options, 'lookupcache=all'])?.what).toBe('remembers which files are absent')
    expect(keptBy(kind, [...options, 'lookupcache=none'])).toBe(null)
    expect(keptBy(kind, [...options, 'lookupcache=pos'])).toBe(null)
    expect(keptBy(kind, [...options, 'lookupcache=positive'])).toBe(null)
    expect(keptBy(kind, [...options, 'nocto', 'lookupcache=none'])?.what).toBe('reads what it remembers')
  }
})
