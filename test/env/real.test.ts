/** The real world keeps the contracts of the seams. */
import { prompt } from '../../src/env/real/calls.ts'
import { RealDisk } from '../../src/env/real/disk.ts'
import { clockContract } from './clock.contract.ts'
import { diskContract } from './disk.contract.ts'
import { httpContract } from './http.contract.ts'
import { networkContract } from './network.contract.ts'
import { makeReal } from './real-fixture.ts'

clockContract('real', makeReal)
diskContract('real', makeReal)
diskContract('real, without a pool of threads', () => {
  const on = makeReal()
  return { ...on, env: { ...on.env, disk: new RealDisk(prompt) } }
})
networkContract('real', makeReal)
httpContract('real', makeReal)
