/** Ends with status 1 where holes, or objects without prototype, are not what they were. */
import { isDeepStrictEqual } from 'node:util'
import { expected, sayAll } from './exact.ts'

for (const workers of [1, 2]) {
  const said = await sayAll(workers)
  if (isDeepStrictEqual(said, expected())) continue
  process.stdout.write(`they are not, on ${workers} workers\n`)
  process.exit(1)
}
process.stdout.write('all hold\n')
