import { expect, test } from 'vitest'
import { makeProgram } from '../../src/cli/program.ts'

test.each([
  ['--outbox', 'kept'],
  ['--token-file', 'token'],
  ['--producer', 'till-4'],
  ['--wait', 'stable'],
  ['--print-token'],
])('%s without --acked is refused before anything is sent', async (...flag) => {
  const args = ['send', '7001', import.meta.filename, ...flag]
  await expect((await makeProgram(args)).parseAsync(args, { from: 'user' })).rejects.toMatchObject({
    code: 'E_USAGE',
    message: `${flag[0]} is for what is acknowledged: say --acked SOURCE`,
  })
})
