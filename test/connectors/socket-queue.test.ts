/** Output on its way into one socket (`src/connectors/socket/queue.ts`). */
import { expect, test } from 'vitest'
import { SocketQueue } from '../../src/connectors/socket/queue.ts'
import type { Connection } from '../../src/env/network.ts'
import { World } from '../../src/sim/world.ts'

/** A connection that keeps what it is given until it is closed, when it holds nothing any more. */
class Pipe implements Connection {
  readonly remote = 'there'
  readonly given: string[] = []
  queued = 0
  closed = false

  write(bytes: Uint8Array): boolean {
    if (this.closed) return false
    this.given.push(Buffer.from(bytes).toString())
    this.queued += bytes.length
    return true
  }

  destroy(): void {
    this.closed = true
    this.queued = 0
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
}

test('Q3: what a connection held when it was closed, and what it is given then, has not left', () => {
  const world = new World(1)
  const { clock } = world.machine('m').start('p').env
  let progress = 0
  const queue = new SocketQueue(
    clock,
    1000,
    false,
    () => true,
    () => progress++,
  )
  const first = new Pipe()
  queue.attach(first)
  queue.add(Buffer.from('held '))
  first.destroy()
  queue.add(Buffer.from('late '))
  world.run(world.now + 100)
  expect([queue.bytes, progress, first.given]).toEqual([10, 0, ['held ']])
  const second = new Pipe()
  queue.attach(second)
  expect(second.given).toEqual(['held ', 'late '])
  second.queued = 0
  world.run(world.now + 100)
  expect([queue.bytes, progress]).toEqual([0, 1])
})
