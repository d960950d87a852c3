/**
 * Hosts of one machine: network namespaces on a bridge, each with an address of its own, so that a network can be cut
 * between them. Needs root and `ip`. Everything is removed when the proof ends.
 */
import { execFileSync } from 'node:child_process'

export class Hosts {
  /** The address of this process, on the bridge. */
  readonly gateway: string
  private readonly tag = `pt${process.pid % 100_000}`
  private readonly net = `10.77.${process.pid % 256}`
  private readonly names: string[] = []

  constructor() {
    this.gateway = `${this.net}.254`
    process.on('exit', () => this.remove())
    ip('link', 'add', this.tag, 'type', 'bridge')
    ip('addr', 'add', `${this.gateway}/24`, 'dev', this.tag)
    ip('link', 'set', this.tag, 'up')
  }

  /** Makes host `name`; answers its address. */
  add(name: string): string {
    this.names.push(name)
    const space = this.spaceOf(name)
    const cable = this.cableOf(name)
    ip('netns', 'add', space)
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
    ip('link', 'set', cable, 'master', this.tag, 'up')
    ip('-n', space, 'addr', 'add', `${this.addressOf(name)}/24`, 'dev', 'eth0')
    ip('-n', space, 'link', 'set', 'eth0', 'up')
    ip('-n', space, 'link', 'set', 'lo', 'up')
    return this.addressOf(name)
  }

  addressOf(name: string): string {
    return `${this.net}.${1 + this.names.indexOf(name)}`
  }

  /** The words in front of a command that is to run on host `name`. */
  on(name: string): readonly string[] {
    return ['ip', 'netns', 'exec', this.spaceOf(name)]
  }

  /** Nothing that `from` sends reaches `to` any more. */
  cut(from: string, to: string): void {
    ip('-n', this.spaceOf(from), 'route', 'add', 'blackhole', `${this.addressOf(to)}/32`)
  }

  /** Undoes `cut`. */
  heal(from: string, to: string): void {
    ip('-n', this.spaceOf(from), 'route', 'del', 'blackhole', `${this.addressOf(to)}/32`)
  }

  private spaceOf(name: string): string {
    return `${this.tag}-${name}`
  }

  private cableOf(name: string): string {
    return `${this.tag}h${this.names.indexOf(name)}`
  }

  private remove(): void {
    for (const name of this.names) {
      try {
        ip('netns', 'del', this.spaceOf(name))
      } catch {
        // It was not made.
      }
    }
    try {
      ip('link', 'del', this.tag)
    } catch {
      // It was not made.
    }
  }
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] })
}
