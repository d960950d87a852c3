/**
 * The network between all machines of a run.
 *
 * Fair, because real networks do it: any delay; chunks split and merged; a dial refused although somebody listens; a
 * connection reset at any byte; a way that is cut, in one direction or both, for any time, and then delivers what the
 * sender's kernel has kept, or times out; a connection that stays silent for ever while both ends believe in it; a peer
 * that is stopped while its kernel goes on taking bytes; a crash that loses the user-space queue and delivers what the
 * kernel had; bits that turn, since TCP's checksum passes one error in some ten thousand, but only between machines
 * whose protocols check what they get (`checked`).
 *
 * Not fair: bytes of one connection out of order or twice; bytes from nowhere; a user-space queue that outlives its
 * process.
 */
import { assert } from '../base/assert.ts'
import { fail } from '../base/errors.ts'
import type { Prng } from '../base/prng.ts'
import {
  type Address,
  type Connection,
  type ConnectionHandler,
  type Listener,
  type ListenOptions,
  NetworkError,
} from '../env/network.ts'
import { type ConnectionHome, SimConnection } from './connection.ts'
import type { Life, Mortal } from './life.ts'
import { Pipe } from './pipe.ts'
import { type Host, Route } from './route.ts'
import type { Timeline } from './timeline.ts'
import type { NetworkWeather } from './weather.ts'

type Accept = (connection: Connection) => ConnectionHandler | null

/** First of the ports that are given out when 0 is asked. */
const FIRST_PORT = 49_152

interface Place extends Host {
  readonly ports: Map<number, SimListener[]>
  nextPort: number
}

export class Fabric implements ConnectionHome {
  readonly timeline: Timeline
  readonly highWaterBytes: number
  private readonly random: Prng
  private readonly weather: NetworkWeather
  private readonly places = new Map<string, Place>()
  private readonly routes = new Map<string, Route>()
  private readonly connections = new Set<SimConnection>()

  constructor(timeline: Timeline, random: Prng, weather: NetworkWeather) {
    this.timeline = timeline
    this.random = random
    this.weather = weather
    this.highWaterBytes = weather.highWaterBytes
  }

  /** Adds a machine. */
  add(name: string, checked: boolean): Host {
    const place: Place = { name, checked, off: false, ports: new Map(), nextPort: FIRST_PORT }
    this.places.set(name, place)
    return place
  }

  /** The machine is there again: what waited for it tries again. */
  returned(host: Host): void {
    for (const route of this.routes.values()) if (route.to === host) route.retry()
  }

  /** The way from one machine to another, to cut, heal or slow down. */
  route(from: string, to: string): Route {
    const name = `${from}>${to}`
    let route = this.routes.get(name)
    if (route === undefined) {
      const [source, target] = [this.places.get(from), this.places.get(to)]
      assert(source !== undefined && target !== undefined, `a way leads from a machine to a machine: ${name}`)
      route = new Route(this.timeline, this.random, this.weather, source, target)
      this.routes.set(name, route)
    }
    return route
  }

  cut(a: string, b: string): void {
    this.route(a, b).cut()
    this.route(b, a).cut()
  }

  heal(a: string, b: string): void {
    this.route(a, b).heal()
    this.route(b, a).heal()
  }

  /** Resets every connection between two machines. */
  reset(a: string, b: string): void {
    for (const connection of this.between(a, b)) connection.reset()
  }

  /** Makes every connection between two machines silent for ever; new ones are sound. */
  silence(a: string, b: string): void {
    for (const connection of this.between(a, b)) connection.silence()
  }

  listen(
    life: Life,
    at: Address,
    options: ListenOptions,
    accept: Accept,
    done: (error: NetworkError | null, listener: Listener | null) => void,
  ): void {
    if (life.state === 'dead') return
    const place = this.places.get(life.host)!
    const port = at.port === 0 ? freePort(place) : at.port
    const there = place.ports.get(port) ?? []
    const shared = options.reusePort === true && there.every((other) => other.shared)
    if (there.length > 0 && !shared) {
      const error = fail('E_PORT_IN_USE', { port, host: at.host, by: ` by ${there[0]!.life.name}` })
      this.timeline.at(this.timeline.now, life, () => done(new NetworkError('inUse', error.message, error), null))
      return
    }
    const listener = new SimListener({ host: at.host, port }, life, accept, options.reusePort === true, (gone) =>
      unlisten(place, gone),
    )
    place.ports.set(port, [...there, listener])
    this.timeline.at(this.timeline.now, life, () => done(null, listener))
  }

  dial(life: Life, to: Address, handler: ConnectionHandler): Connection {
    const target = this.places.get(isLocal(to.host) ? life.host : to.host)
    const here = this.places.get(life.host)!
    const route = this.route(life.host, target?.name ?? life.host)
    const dialler = new SimConnection(this, life, route, `${to.host}:${to.port}`)
    if (dialler.closed) return dialler
    dialler.attach(handler)
    this.connections.add(dialler)
    if (target === undefined) {
      this.timeline.at(this.timeline.now + this.weather.latencyMs, null, () =>
        dialler.failed('unreachable', 'no such host'),
      )
      return dialler
    }
    const name = `${life.host}:${here.nextPort++}`
    dialler.awaitAnswer(this.weather.timeoutMs)
    route.carry(() => this.knock(dialler, name, target, to.port))
    return dialler
  }

  forget(connection: SimConnection): void {
    this.connections.delete(connection)
  }

  /** A dial reaches its target: the kernel there answers, its process is told. */
  private knock(dialler: SimConnection, name: string, target: Place, port: number): void {
    const back = this.route(target.name, dialler.life.host)
    const elsewhere = target.name !== dialler.life.host
    const listeners = (target.ports.get(port) ?? []).filter(({ address }) => !(elsewhere && isLocal(address.host)))
    if (listeners.length === 0 || this.random.chance(this.weather.refuseChance)) {
      back.carry(() => dialler.failed('refused', 'nobody listens'))
      return
    }
    const listener = listeners[listeners.length === 1 ? 0 : this.random.below(listeners.length)]!
    const acceptor = new SimConnection(this, listener.life, back, name)
    this.connections.add(acceptor)
    const forth = this.route(dialler.life.host, target.name)
    const toAcceptor = new Pipe(this.timeline, this.random, this.weather, forth, back, dialler, acceptor)
    const toDialler = new Pipe(this.timeline, this.random, this.weather, back, forth, acceptor, dialler)
    dialler.join(acceptor, toAcceptor, toDialler)
    acceptor.join(dialler, toDialler, toAcceptor)
    acceptor.stand()
    this.timeline.at(this.timeline.now, listener.life, () => listener.offer(acceptor))
    back.carry(() => dialler.answered())
  }

  private between(a: string, b: string): SimConnection[] {
    return [...this.connections].filter(
      ({ life, peerHost }) => (life.host === a && peerHost === b) || (life.host === b && peerHost === a),
    )
  }
}

class SimListener implements Listener, Mortal {
  readonly address: Address
  readonly life: Life
  readonly shared: boolean
  private readonly accept: Accept
  private readonly gone: (listener: SimListener) => void
  private open = true

  constructor(address: Address, life: Life, accept: Accept, shared: boolean, gone: (listener: SimListener) => void) {
    this.address = address
    this.life = life
    this.accept = accept
    this.shared = shared
    this.gone = gone
    life.hold(this)
  }

  offer(connection: SimConnection): void {
    if (connection.closed) return
    const handler = this.open ? this.accept(connection) : null
    if (handler === null) connection.destroy()
    else connection.attach(handler)
  }

  close(): void {
    if (!this.open) return
    this.open = false
    this.life.release(this)
    this.gone(this)
  }

  died(): void {
    this.open = false
    this.gone(this)
  }
}

function unlisten(place: Place, listener: SimListener): void {
  const { port } = listener.address
  const left = (place.ports.get(port) ?? []).filter((other) => other !== listener)
  if (left.length === 0) place.ports.delete(port)
  else place.ports.set(port, left)
}

function freePort(place: Place): number {
  while (place.ports.has(place.nextPort)) place.nextPort++
  return place.nextPort++
}

function isLocal(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost' || host === '::1'
}
