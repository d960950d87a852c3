/** The real world keeps the contracts of the seams. */
import { clockContract } from './clock.contract.ts'
import { diskContract } from './disk.contract.ts'
import { httpContract } from './http.contract.ts'
import { networkContract } from './network.contract.ts'
import { makeReal } from './real-fixture.ts'

clockContract('real', makeReal)
diskContract('real', makeReal)
networkContract('real', makeReal)
httpContract('real', makeReal)
