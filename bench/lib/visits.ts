/** JSON lines of 100 bytes, of 50,000 users. */
import { Random } from '../../pipelines/data/random.ts'

const USERS = 50_000
const random = new Random(7)

export function visit(): string {
  const user = `user-${random.below(USERS).toString(36).padStart(4, '0')}`
  const head = `{"user":"${user}","page":"/shop/${random.below(1e6)}","ms":${random.below(10_000)},"ok":true,"note":"`
  return `${head}${'x'.repeat(Math.max(0, 97 - head.length))}"}\n`
}
