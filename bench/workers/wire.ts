/**
 * The wire between the workers of a proof, which flips bits: each worker listens at a loopback address of its own, and
 * tells the others another one, where this process passes on what comes.
 *
 * Where a worker takes heartbeats is known once it has beaten; its beats are looked at.
 */
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Prng } from '../../src/base/prng.ts'
import { decodeBeat } from '../../src/cluster/beats.ts'

/** How often the beats are looked at. */
const LOOK_MS = 5
const HEARTBEATS_MORE = 100

export class Wire {
  /** Bits that were flipped, in frames of links and in heartbeats. */
  flipped = { links: 0, heartbeats: 0 }
  /** Flips one bit in about so many bytes; 0: none. */
  everyBytes = 0
  private readonly chance: Prng
  private readonly beats: string
  private readonly names: string[] = []
  private readonly servers = new Map<string, Server>()
  private readonly sockets = new Set<Socket>()
  private readonly timer: NodeJS.Timeout

  /** `store` is the folder that the workers share. */
  constructor(store: string, chance: Prng) {
    this.beats = `${store}/beat`
    this.chance = chance
    this.timer = setInterval(() => this.look(), LOOK_MS)
  }

  listenOf(name: string): string {
    return `127.0.1.${this.numberOf(name)}`
  }

  /** Where others find `name`, whose links are at `port`. */
  reachOf(name: string, port: number): string {
    this.pass(name, port, 'links')
    return `127.0.2.${this.numberOf(name)}`
  }

  close(): void {
    clearInterval(this.timer)
    for (const server of this.servers.values()) server.close()
    for (const socket of this.sockets) socket.destroy()
  }

  private numberOf(name: string): number {
    if (!this.names.includes(name)) this.names.push(name)
    return 1 + this.names.indexOf(name)
  }

  private look(): void {
    for (const name of this.names) {
      const path = `${this.beats}/${name}`
      const beat = decodeBeat(path, readIfThere(path))
      if (beat !== null) this.pass(name, Number(beat.heartbeats.split(':').at(-1)), 'heartbeats')
    }
  }

  private pass(name: string, port: number, what: keyof Wire['flipped']): void {
    const at = `127.0.2.${this.numberOf(name)}`
    if (this.servers.has(`${at}:${port}`)) return
    const server = createServer((from) => {
      const to = connect(port, this.listenOf(name))
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        this.sockets.add(one)
        one.setNoDelay()
        one.on('data', (chunk: Buffer) => {
          this.flip(chunk, what)
          if (!other.write(chunk)) one.pause()
        })
        one.on('drain', () => other.resume())
        one.on('end', () => other.end())
        one.on('error', () => other.destroy())
        one.on('close', () => {
          this.sockets.delete(one)
          other.destroy()
        })
      }
    })
    server.listen(port, at)
    this.servers.set(`${at}:${port}`, server)
  }

  /** At most one bit of a chunk. Heartbeats are few and short, and more of them are hit. */
  private flip(chunk: Buffer, what: keyof Wire['flipped']): void {
    const { everyBytes, chance } = this
    const bytes = what === 'links' ? everyBytes : Math.ceil(everyBytes / HEARTBEATS_MORE)
    if (bytes === 0 || chance.below(bytes) >= chunk.length) return
    chunk[chance.below(chunk.length)]! ^= 1 << chance.below(8)
    this.flipped[what]++
  }
}

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path)
  } catch {
    return null
  }
}
