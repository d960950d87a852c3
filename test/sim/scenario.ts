/**
 * A run with a bit of everything: timers, a conversation over two machines, a disk, kills, cuts and a power loss.
 * Started as a program, it prints the fingerprint of the run whose seed is its argument.
 */
import { Prng } from '../../src/base/prng.ts'
import type { Connection, ConnectionHandler } from '../../src/env/network.ts'
import { drawWeather } from '../../src/sim/weather.ts'
import { type SimProcess, World } from '../../src/sim/world.ts'

const PORT = 7000
const END_MS = 5000

export interface Run {
  readonly fingerprint: string
  readonly events: number
  readonly log: readonly string[]
}

export function runScenario(seed: number): Run {
  const world = new World(seed, drawWeather(new Prng(seed).fork(), true))
  const server = world.machine('server', { checked: true })
  const client = world.machine('client', { checked: true })
  let echo = serve(server.start('echo'))
  let talker = talk(client.start('talker'))
  const { random } = world
  for (let time = 100; time < END_MS; time += 100) {
    world.at(time, () => {
      const deed = random.below(8)
      if (deed === 0) world.network.cut('server', 'client')
      else if (deed === 1) world.network.route('client', 'server').cut()
      else if (deed <= 3) world.network.heal('server', 'client')
      else if (deed === 4) talker.stop()
      else if (deed === 5) talker.continue()
      else if (deed === 6) {
        talker.kill()
        talker = talk(client.start('talker'))
      } else {
        server.powerOff()
        server.powerOn()
        echo = serve(server.start('echo'))
      }
    })
  }
  world.run(END_MS)
  echo.kill()
  return { fingerprint: world.fingerprint, events: world.events, log: world.drainLog() }
}

/** Answers every chunk with itself, and keeps all it hears in a file. */
function serve(process: SimProcess): SimProcess {
  const { network, disk, log, random } = process.env
  let at = 0
  disk.open(`/heard-${random.id()}`, 'write', (error, file) => {
    if (error !== null) return log.warn('no-file', { reason: error.code })
    const ended = new Set<Connection>()
    const accept = (connection: Connection): ConnectionHandler => ({
      onOpen() {},
      onBytes(chunk) {
        const copy = Buffer.from(chunk)
        file.write([copy], at, (failed) => log.info('kept', { bytes: copy.length, failed: failed?.code }))
        at += copy.length
        file.sync((failed) => {
          if (failed !== null) connection.destroy()
          else if (!ended.has(connection)) connection.write(copy)
        })
      },
      onEnd() {
        ended.add(connection)
        connection.end()
      },
      onDrain() {},
      onClosed: (reason) => log.info('closed', { reason: reason?.code ?? null }),
    })
    network.listen({ host: 'server', port: PORT }, {}, accept, () => {})
  })
  return process
}

/** Says something every few milliseconds, and dials again when the connection breaks. */
function talk(process: SimProcess): SimProcess {
  const { network, clock, log, random } = process.env
  const dial = (): void => {
    let open = false
    const connection = network.dial(
      { host: 'server', port: PORT },
      {
        onOpen() {
          open = true
          say()
        },
        onBytes: (chunk) => log.debug('answer', { bytes: chunk.length }),
        onEnd: () => connection.end(),
        onDrain() {},
        onClosed(error) {
          open = false
          log.info('lost', { reason: error?.code ?? null, now: clock.now() })
          clock.after(20, dial)
        },
      },
    )
    const say = (): void => {
      if (!open) return
      connection.write(Buffer.from(`${random.id()} ${clock.monotonic()}\n`.repeat(1 + random.below(20))))
      clock.after(1 + random.below(10), say)
    }
  }
  dial()
  return process
}

if (import.meta.main) process.stdout.write(runScenario(Number(process.argv[2])).fingerprint)
