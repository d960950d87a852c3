import { expect, test } from 'vitest'
import * as face from '../../src/index.ts'
import { connectorsPage } from './connectors-page.ts'

test('docs/connectors.md says what connectors say (write it anew with `vitest run test/cli -u`)', async () => {
  await expect(await connectorsPage()).toMatchFileSnapshot('../../docs/connectors.md')
})

test('every source and sink that the package exports stands there', async () => {
  const page = await connectorsPage()
  const names = Object.keys(face).filter((name) => /(Source|Sink|Input)$/.test(name))
  expect(names.length).toBeGreaterThan(10)
  for (const name of names) expect(page).toContain(`### ${name}\n`)
})
