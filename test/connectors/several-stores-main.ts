/** Lets stores come to one path, from a seed up to another; ends with status 1 at the first that finds something. */
import { severalStores } from './several-stores.ts'

const [from = 1, to = from] = process.argv.slice(2, 4).map(Number)
for (let seed = from; seed <= to; seed++) {
  const [wrong] = severalStores(seed)
  if (wrong === undefined) continue
  process.stdout.write(`seed ${seed}: ${wrong}\n`)
  process.exit(1)
}
