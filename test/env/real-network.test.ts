/** What only the operating system's network can show. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Connection, ConnectionHandler, Listener, NetworkError } from '../../src/env/network.ts'
import { Guests } from '../../src/env/real/guests.ts'
import { networkError } from '../../src/env/real/network-error.ts'
import { portOwner } from '../../src/env/real/port-owner.ts'
import { RealNetwork } from '../../src/env/real/tcp.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const network = new RealNetwork(quiet, new Guests(quiet, Infinity))

function handler(changes: Partial<ConnectionHandler> = {}): ConnectionHandler {
  return { onOpen() {}, onBytes() {}, onEnd() {}, onDrain() {}, onClosed() {}, ...changes }
}

let listener: Listener
let accepted: Promise<Connection>
/** What the accepted connection does. */
let far: Partial<ConnectionHandler>
beforeEach(async () => {
  far = {}
  let tell: (connection: Connection) => void
  accepted = new Promise((go) => (tell = go))
  const accept = (connection: Connection): ConnectionHandler => {
    tell(connection)
    return handler(far)
  }
  listener = await new Promise((go, stop) =>
    network.listen({ host: '127.0.0.1', port: 0 }, {}, accept, (error, value) => (error ? stop(error) : go(value!))),
  )
})
afterEach(() => listener.close())

test.runIf(process.platform === 'linux')('the owner of a port is named by its command and pid', async () => {
  expect(await portOwner(listener.address.port)).toMatch(new RegExp(`^.+ \\(pid ${process.pid}\\)$`))
  expect(await portOwner(1)).toBeNull()
})

test('an address that is not ours cannot be listened on, and a name that is none cannot be dialled', async () => {
  const listened = await new Promise<NetworkError | null>((go) =>
    network.listen(
      { host: '192.0.2.1', port: 0 },
      {},
      () => null,
      (error) => go(error),
    ),
  )
  expect(listened?.code).toBe('unreachable')
  const dialled = await new Promise<NetworkError | null>((go) =>
    network.dial({ host: 'nobody.invalid', port: 1 }, handler({ onClosed: go })),
  )
  expect(dialled?.code).toBe('unreachable')
})

test('all connections, dialled or accepted, read into one buffer', async () => {
  const MANY = 1 << 20
  const buffers = new Set<ArrayBufferLike>()
  /** What takes `MANY` bytes and then calls `done`. */
  const taking = (done: () => void): Partial<ConnectionHandler> => {
    let taken = 0
    return {
      onBytes(chunk) {
        buffers.add(chunk.buffer)
        taken += chunk.length
        if (taken === MANY) done()
      },
    }
  }
  const farTook = new Promise<void>((go) => (far = taking(go)))
  const [near, nearTook] = await new Promise<[Connection, Promise<void>]>((go) => {
    const took = new Promise<void>((done) => {
      const dialled: Connection = network.dial(
        listener.address,
        handler({ ...taking(done), onOpen: () => go([dialled, took]) }),
      )
    })
  })
  const other = await accepted
  near.write(Buffer.alloc(MANY))
  other.write(Buffer.alloc(MANY))
  await Promise.all([nearTook, farTook])
  expect(buffers.size).toBe(1)
  near.destroy()
  other.destroy()
})

test('where a name has several addresses it is said what each of them answers', () => {
  const refused = (at: string) => new Error(`connect ECONNREFUSED ${at}`)
  const all = Object.assign(new AggregateError([refused('::1:7'), refused('127.0.0.1:7')]), { code: 'ECONNREFUSED' })
  const { code, message } = networkError('localhost:7', all)
  expect(code).toBe('refused')
  expect(message).toBe('localhost:7: connect ECONNREFUSED ::1:7; connect ECONNREFUSED 127.0.0.1:7')
})
