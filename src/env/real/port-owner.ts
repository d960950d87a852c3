/**
 * Who listens on a port, for the error that says it is taken. Read from `/proc`: it finds processes of the same user
 * (or all, for root), and nothing on systems without `/proc`.
 */
import { readdir, readFile, readlink } from 'node:fs/promises'

/** State `LISTEN` in `/proc/net/tcp`. */
const LISTEN = '0A'

/** `node (pid 4711)` for a process that listens on `port` of this machine, or `null` where none can be found. */
export async function portOwner(port: number): Promise<string | null> {
  const sockets = await listeningSockets(port)
  if (sockets.size === 0) return null
  for (const entry of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue
    if (await holdsOneOf(entry, sockets)) return `${await commandOf(entry)} (pid ${entry})`
  }
  return null
}

/** The links `socket:[inode]` under which processes hold the sockets that listen on `port`. */
async function listeningSockets(port: number): Promise<ReadonlySet<string>> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const found = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'utf8').catch(() => '')
    for (const line of text.split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/)
      if (columns[1]?.endsWith(suffix) && columns[3] === LISTEN) found.add(`socket:[${columns[9]}]`)
    }
  }
  return found
}

async function holdsOneOf(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '')
    if (sockets.has(target)) return true
  }
  return false
}

async function commandOf(pid: string): Promise<string> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  // Node calls its first thread by what it is.
  return name.trim().replace(/-MainThread$/, '') || 'a process'
}
