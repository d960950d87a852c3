import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as face from '../../src/index.ts'
import { connectorsPage } from './connectors-page.ts'

test('docs/connectors.md says what connectors say (write it anew with `vitest run test/cli -u`)', async () => {
  await expect(await connectorsPage()).toMatchFileSnapshot('../../docs/connectors.md')
})

test('every source and sink that the package exports stands there', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/connectors.md'), 'utf8')
  const names = Object.keys(face).filter((name) => /(Source|Sink|Input)$/.test(name))
  expect(names.length).toBeGreaterThan(10)
  for (const name of names) expect(page).toContain(`### ${name}\n`)
})
