/** A program that takes the lock on its first argument, says so, and lives until it is killed. */
import { RealDisk } from '../../src/env/real/disk.ts'

const disk = new RealDisk()
const path = process.argv[2]!
disk.lock(path, (error) => {
  // A second attempt must not cost the first its lock.
  disk.lock(path, (second) => process.stdout.write(`${error?.code ?? 'held'} ${second?.code}\n`))
})
setInterval(() => {}, 1000)
