import { expect, test } from 'vitest'
import { showRaw } from '../../src/cli/terminal.ts'

test('bytes of a record are shown so that they can be told from others', () => {
  expect(showRaw(Buffer.from('7,"é"\n'))).toBe('"7,\\"é\\"\\n"')
  expect(showRaw(Buffer.from([0xc1, 0x00, 0xff]))).toBe('c1 00 ff')
  expect(showRaw(Buffer.alloc(300, 0x80))).toMatch(/^(80 ){256}… \(300 bytes; --json has them all\)$/)
})
