/** Ports of this machine for what has to know its own before it listens. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Where they are looked for: below what systems give by themselves to whoever dials, or listens at port 0 (from 32,768
 * on, or from 49,152). One of those may have gone to somebody else by the time that it is used.
 */
const [FIRST, END] = [20_000, 30_000]

/** A port on 127.0.0.1 at which nobody listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END)
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue
      throw error
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
