/**
 * One worker against one task manager of Apache Flink, of parallelism 1: words of a file, counted.
 *
 * Flink's program is `peers/flink/src/main/java/WordCount.java`, in a virtual machine of its own with objects reused;
 * Maven fetches Flink and builds it. Needs a JDK, 17 or newer, and Maven. Its tasks have a thread each, so it may use
 * two processors where a worker uses one. Not measured: sockets, several workers, state on disk, latency.
 */
import { resolve } from 'node:path'
import { bench } from './lib/main.ts'
import { againstPeer, prepare } from './lib/peer.ts'

const HOME = resolve(import.meta.dirname, 'peers/flink')
const JAVA = [
  '-Xmx4g',
  '--add-opens=java.base/java.lang=ALL-UNNAMED',
  '--add-opens=java.base/java.util=ALL-UNNAMED',
  '-cp',
  `${HOME}/target/classes:${HOME}/target/lib/*`,
]

await bench('flink', async () => {
  prepare('mvn', ['-q', '-B', 'compile'], HOME, 'install a JDK and Maven')
  return againstPeer({
    name: 'flink',
    blocks: 150,
    start: (path, folder) => ({ command: 'java', argv: [...JAVA, 'WordCount', path, folder] }),
    reach: { perSecond: '>= 1', cpu: '<= 0.7' },
  })
})
