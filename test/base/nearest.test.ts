import { expect, test } from 'vitest'
import { nearest } from '../../src/base/nearest.ts'

test.each([
  ['prot', ['port', 'host'], 'port'],
  ['Port', ['port', 'host'], 'port'],
  ['hosts', ['port', 'host'], 'host'],
  ['hst', ['port', 'host'], 'host'],
  ['tcpSorce', ['tcpSink', 'tcpSource', 'fileSource'], 'tcpSource'],
  ['concurency', ['concurrency', 'timeoutMs'], 'concurrency'],
  ['hats', ['port', 'host'], null],
  ['completely', ['other', 'words'], null],
  ['x', [], null],
])('%s among %j is %s', (given, names, meant) => {
  expect(nearest(given, names)).toBe(meant)
})
