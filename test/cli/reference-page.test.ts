import { expect, test } from 'vitest'
import { referencePage } from './reference-page.ts'

test('docs/reference.md says what the program says (write it anew with `vitest run -u`)', async () => {
  await expect(await referencePage()).toMatchFileSnapshot('../../docs/reference.md')
})
