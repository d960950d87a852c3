/** `status --watch` while workers come and go. */
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import type { ControlClient } from '../../src/cli/control-client.ts'
import { looksAgain } from '../../src/cli/status.ts'

const [gone, another] = [{ address: 'gone' }, { address: 'another' }] as unknown as [ControlClient, ControlClient]

test.each([fail('E_NO_WORKER', { data: 'd' }), fail('E_CONTROL', { address: 'a', reason: 'timeout' })])(
  'a worker that does not answer is looked for anew, and the one that is found stays ($code)',
  async (silence) => {
    const asked: string[] = []
    const look = looksAgain(
      gone,
      async () => another,
      async ({ address }) => {
        asked.push(address)
        if (address === 'gone') throw silence
        return address as never
      },
    )
    expect([await look(), await look()]).toEqual(['another', 'another'])
    expect(asked).toEqual(['gone', 'another', 'another'])
  },
)

test('what a worker answers is said, and no other one is asked', async () => {
  const refusal = fail('E_NO_PIPELINE', { pipeline: 'p', known: '' })
  const find = () => expect.fail('looked for another worker')
  const look = looksAgain(gone, find, () => Promise.reject(refusal))
  await expect(look()).rejects.toBe(refusal)
})
