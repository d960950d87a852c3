/** The faults of the simulated network: what they do, and what they must not do (W1-W4). */
import { describe, expect, test } from 'vitest'
import type { Connection, ConnectionHandler, NetworkError } from '../../src/env/network.ts'
import { calm, type NetworkWeather } from '../../src/sim/weather.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'

const PORT = 9000

/** A handler that keeps what it hears. */
class Ear implements ConnectionHandler {
  opened = false
  ended = false
  drains = 0
  closed: NetworkError | null | undefined
  readonly chunks: Buffer[] = []

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1')
  }

  onOpen(): void {
    this.opened = true
  }
  onBytes(chunk: Buffer): void {
    this.chunks.push(Buffer.from(chunk))
  }
  onEnd(): void {
    this.ended = true
  }
  onDrain(): void {
    this.drains++
  }
  onClosed(error: NetworkError | null): void {
    this.closed = error
  }
}

interface Stage {
  readonly world: World
  readonly a: Machine
  readonly b: Machine
  readonly dialler: SimProcess
  readonly acceptor: SimProcess
  readonly near: Connection
  readonly far: Connection
  readonly nearEar: Ear
  readonly farEar: Ear
}

function stage(changes: Partial<NetworkWeather> = {}, checked = true, seed = 1, farEar = new Ear()): Stage {
  const world = new World(seed, { ...calm, network: { ...calm.network, ...changes } })
  const a = world.machine('a', { checked })
  const b = world.machine('b', { checked })
  const dialler = a.start('dialler')
  const acceptor = b.start('acceptor')
  const nearEar = new Ear()
  let far: Connection | null = null
  const accept = (connection: Connection): ConnectionHandler => {
    far = connection
    return farEar
  }
  acceptor.env.network.listen({ host: 'b', port: PORT }, {}, accept, () => {})
  const near = dialler.env.network.dial({ host: 'b', port: PORT }, nearEar)
  world.runUntil(() => far !== null && nearEar.opened, 1000)
  return { world, a, b, dialler, acceptor, near, far: far!, nearEar, farEar }
}

const hello = Buffer.from('hello')

describe('bytes', () => {
  test('W1: what the kernel has taken is not changed by its writer; what it has not taken is', () => {
    const { world, near, farEar } = stage({ kernelBytes: 10 })
    const first = Buffer.from('0123456789')
    const second = Buffer.from('abcdefghij')
    near.write(first)
    near.write(second)
    first.fill('X')
    second.fill('Y')
    world.run(1000)
    expect(farEar.text).toBe('0123456789YYYYYYYYYY')
  })

  test('a chunk is only good during the call (N3)', () => {
    const kept: Buffer[] = []
    const ear = new (class extends Ear {
      override onBytes(chunk: Buffer): void {
        kept.push(chunk)
      }
    })()
    const { world, near } = stage({}, true, 1, ear)
    near.write(hello)
    world.run(1000)
    expect(kept[0]).toEqual(Buffer.alloc(5, 0xdb))
  })

  test('chunks are split and merged as the weather says, and come in order (W2)', () => {
    const sent = Array.from({ length: 200 }, (_, i) => `${i},`)
    for (const [split, merge] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [0.5, 0.5],
    ] as const) {
      const { world, near, farEar } = stage({ splitChance: split, mergeChance: merge, jitterMs: 5 })
      for (const piece of sent) near.write(Buffer.from(piece))
      near.end()
      world.run(100_000)
      expect(farEar.text).toBe(sent.join(''))
      expect(farEar.ended).toBe(true)
      if (split === 0 && merge === 0) expect(farEar.chunks.length).toBe(200)
      if (split === 1) expect(farEar.chunks.length).toBeGreaterThan(350)
      if (merge === 1) expect(farEar.chunks.length).toBeLessThan(100)
    }
  })

  test('a slow way takes its time', () => {
    const { world, near, farEar } = stage({ bytesPerMs: 10 })
    const start = world.now
    near.write(Buffer.alloc(1000))
    world.runUntil(() => farEar.text.length === 1000, 10_000)
    expect(world.now - start).toBeGreaterThan(100)
    expect(world.now - start).toBeLessThan(110)
  })

  test('bits turn between machines that check, and nowhere else', () => {
    const told = (checked: boolean): string => {
      const { world, near, farEar } = stage({ flipChance: 1 }, checked)
      near.write(hello)
      world.run(1000)
      return farEar.text
    }
    expect(told(false)).toBe('hello')
    const flipped = Buffer.from(told(true), 'latin1')
    let bits = 0
    for (const [i, byte] of hello.entries()) {
      for (let x = byte ^ flipped[i]!; x > 0; x &= x - 1) bits++
    }
    expect(bits).toBe(1)
  })

  test('W3: a reader that does not read pushes back until its writer waits, and frees it by reading', () => {
    const { world, near, far, nearEar, farEar } = stage({ kernelBytes: 1000, highWaterBytes: 500 })
    far.pause()
    let written = 0
    while (near.write(Buffer.alloc(100))) written += 100
    written += 100
    world.run(1000)
    expect(near.queued).toBe(written - 1000)
    expect(written).toBe(1500)
    expect(nearEar.drains).toBe(0)
    far.resume()
    world.run(2000)
    expect(near.queued).toBe(0)
    expect(nearEar.drains).toBe(1)
    expect(farEar.text.length).toBe(written)
  })
})

describe('cuts', () => {
  test('a cut way keeps the bytes, and delivers them once it is healed', () => {
    const { world, near, far, nearEar, farEar } = stage()
    world.network.cut('a', 'b')
    near.write(hello)
    far.write(hello)
    world.run(5000)
    expect([nearEar.text, farEar.text]).toEqual(['', ''])
    world.network.heal('a', 'b')
    world.run(6000)
    expect([nearEar.text, farEar.text]).toEqual(['hello', 'hello'])
  })

  test('a cut may be one way', () => {
    const { world, near, far, nearEar, farEar } = stage()
    world.network.route('a', 'b').cut()
    near.write(hello)
    far.write(hello)
    world.run(5000)
    expect([nearEar.text, farEar.text]).toEqual(['hello', ''])
  })

  test('bytes that are not answered for too long end the connection, at their sender alone', () => {
    const { world, near, nearEar, farEar } = stage({ timeoutMs: 3000 })
    world.network.cut('a', 'b')
    near.write(hello)
    world.run(10_000)
    expect(nearEar.closed?.code).toBe('timeout')
    expect(farEar.closed).toBeUndefined()
  })

  test('an answer ends the waiting: a connection outlives many short cuts', () => {
    const { world, near, nearEar, farEar } = stage({ timeoutMs: 3000, retransmitMs: 10 })
    world.network.cut('a', 'b')
    near.write(hello)
    world.run(1000)
    world.network.heal('a', 'b')
    world.network.cut('a', 'b')
    world.run(2000)
    expect(farEar.text).toBe('')
    world.network.heal('a', 'b')
    world.run(20_000)
    expect(farEar.text).toBe('hello')
    expect(nearEar.closed).toBeUndefined()
  })

  test('a dial over a cut way opens after the heal, or times out', () => {
    const { world, dialler } = stage({ timeoutMs: 3000, retransmitMs: 10 })
    world.network.cut('a', 'b')
    const [early, late] = [new Ear(), new Ear()]
    dialler.env.network.dial({ host: 'b', port: PORT }, early)
    world.run(2000)
    dialler.env.network.dial({ host: 'b', port: PORT }, late)
    world.run(4000)
    expect(early.closed?.code).toBe('timeout')
    world.network.heal('a', 'b')
    world.run(4500)
    expect(late.opened).toBe(true)
    expect(early.opened).toBe(false)
  })

  test('a silent connection stays silent; a new one is sound', () => {
    const { world, dialler, near, nearEar, farEar } = stage({ timeoutMs: 3000 })
    world.network.silence('a', 'b')
    near.write(hello)
    const other = new Ear()
    dialler.env.network.dial({ host: 'b', port: PORT }, other)
    world.run(2000)
    expect(other.opened).toBe(true)
    expect(farEar.text).toBe('')
    world.run(10_000)
    expect(nearEar.closed?.code).toBe('timeout')
  })

  test('an unknown machine is unreachable; a reset breaks both ends', () => {
    const { world, dialler, nearEar, farEar } = stage()
    const lost = new Ear()
    dialler.env.network.dial({ host: 'nowhere', port: 1 }, lost)
    world.network.reset('b', 'a')
    world.run(1000)
    expect(lost.closed?.code).toBe('unreachable')
    expect([nearEar.closed?.code, farEar.closed?.code]).toEqual(['reset', 'reset'])
  })

  test('weather refuses dials and resets connections', () => {
    const world = new World(1, { ...calm, network: { ...calm.network, refuseChance: 1 } })
    const { env } = world.machine('a').start('p')
    env.network.listen(
      { host: 'a', port: 1 },
      {},
      () => new Ear(),
      () => {},
    )
    const ear = new Ear()
    env.network.dial({ host: 'a', port: 1 }, ear)
    world.run(100)
    expect(ear.closed?.code).toBe('refused')
    const { world: other, near, nearEar, farEar } = stage({ resetChance: 1 })
    near.write(hello)
    other.run(100)
    expect([nearEar.closed?.code, farEar.closed?.code]).toEqual(['reset', 'reset'])
  })

  test('a dial that was given up before its answer is reset at the accepting side', () => {
    const { world, dialler, farEar } = stage()
    const before = farEar.closed
    const ear = new Ear()
    dialler.env.network.dial({ host: 'b', port: PORT }, ear).destroy()
    world.run(1000)
    expect(before).toBeUndefined()
    expect(farEar.closed?.code).toBe('reset')
    expect(ear.opened).toBe(false)
  })

  test('a listener that is closed accepts nothing, not even what the kernel had taken for it', () => {
    const world = new World(1)
    const [a, b] = [world.machine('a').start('a'), world.machine('b').start('b')]
    let accepted = 0
    const accept = (): null => {
      accepted++
      return null
    }
    b.env.network.listen({ host: 'b', port: 5 }, {}, accept, (_, listener) => {
      b.env.clock.after(10, () => listener!.close())
    })
    world.run(5)
    b.stop()
    world.run(20)
    const ear = new Ear()
    a.env.network.dial({ host: 'b', port: 5 }, ear)
    world.run(100)
    b.continue()
    world.run(200)
    expect(accepted).toBe(0)
    expect([ear.opened, ear.ended]).toEqual([true, true])
  })

  test('who listens on the loopback is not heard of by other machines', () => {
    const world = new World(1)
    const [a, b] = [world.machine('a').start('a'), world.machine('b').start('b')]
    b.env.network.listen(
      { host: '127.0.0.1', port: 5 },
      {},
      () => new Ear(),
      () => {},
    )
    const [far, own] = [new Ear(), new Ear()]
    a.env.network.dial({ host: 'b', port: 5 }, far)
    b.env.network.dial({ host: 'localhost', port: 5 }, own)
    world.run(100)
    expect(far.closed?.code).toBe('refused')
    expect(own.opened).toBe(true)
  })
})

describe('deaths', () => {
  test('W4: a killed writer loses its user-space queue; what the kernel had arrives, then the end', () => {
    const { world, dialler, near, farEar } = stage({ kernelBytes: 10 })
    near.write(Buffer.from('0123456789lost'))
    dialler.kill()
    world.run(1000)
    expect(farEar.text).toBe('0123456789')
    expect(farEar.ended).toBe(true)
  })

  test('a killed reader with unread bytes resets its writer', () => {
    const { world, acceptor, near, far, nearEar } = stage()
    far.pause()
    near.write(hello)
    world.run(100)
    acceptor.kill()
    world.run(200)
    expect(nearEar.closed?.code).toBe('reset')
  })

  test('who writes to a dead process is reset; who dials it is refused', () => {
    const { world, acceptor, dialler, near, nearEar } = stage()
    acceptor.kill()
    world.run(100)
    expect(nearEar.ended).toBe(true)
    near.write(hello)
    world.run(200)
    near.write(hello)
    const again = new Ear()
    dialler.env.network.dial({ host: 'b', port: PORT }, again)
    world.run(300)
    expect(nearEar.closed?.code).toBe('reset')
    expect(again.closed?.code).toBe('refused')
  })

  test('a stopped process takes no bytes, its kernel does; it hears all of them when it continues', () => {
    const { world, acceptor, near, farEar } = stage()
    acceptor.stop()
    near.write(hello)
    near.end()
    world.run(1000)
    expect(near.queued).toBe(0)
    expect(farEar.text).toBe('')
    acceptor.continue()
    world.run(2000)
    expect(farEar.text).toBe('hello')
    expect(farEar.ended).toBe(true)
  })

  test('a connection of a stopped process stands, and is accepted later', () => {
    const { world, acceptor, dialler } = stage()
    acceptor.stop()
    const ear = new Ear()
    dialler.env.network.dial({ host: 'b', port: PORT }, ear)
    world.run(1000)
    expect(ear.opened).toBe(true)
  })

  test('a machine without power says nothing: its peer believes in it until it writes, or hears of its return', () => {
    const { world, b, near, nearEar } = stage({ timeoutMs: 60_000 })
    b.powerOff()
    world.run(10_000)
    expect(nearEar.ended).toBe(false)
    near.write(hello)
    world.run(20_000)
    expect(nearEar.closed).toBeUndefined()
    b.powerOn()
    world.run(21_000)
    expect(nearEar.closed?.code).toBe('reset')
  })

  test('W4: who gives up a connection sends no more of it when the way is free again', () => {
    const lengths = new Set<number>()
    for (let seed = 0; seed < 60; seed++) {
      const { world, near, nearEar, far, farEar } = stage({ timeoutMs: 1000 }, true, seed)
      world.network.cut('a', 'b')
      for (let i = 0; i < 4; i++) near.write(Buffer.from([65 + i]))
      world.run(2000)
      expect(nearEar.closed?.code).toBe('timeout')
      world.network.heal('a', 'b')
      world.run(3000)
      expect('ABCD'.startsWith(farEar.text)).toBe(true)
      lengths.add(farEar.text.length)
      far.write(hello)
      world.run(4000)
      expect(farEar.closed?.code).toBe('reset')
    }
    expect([...lengths].sort()).toEqual([0, 1, 2, 3, 4])
  })

  test('W4: who leaves bytes unread takes with him what he has sent', () => {
    const texts = new Set<string>()
    for (let seed = 0; seed < 60; seed++) {
      const { world, acceptor, near, far, nearEar } = stage({ latencyMs: 10, jitterMs: 0 }, true, seed)
      far.pause()
      near.write(hello)
      world.run(100)
      far.write(Buffer.from('A'))
      far.write(Buffer.from('B'))
      world.run(105)
      acceptor.kill()
      world.run(1000)
      expect(nearEar.closed?.code).toBe('reset')
      texts.add(nearEar.text)
    }
    expect([...texts].sort()).toEqual(['', 'A', 'AB'])
  })

  test('who has read the end hears of a reset by what he has to write still', () => {
    const { world, near, far, nearEar } = stage({ kernelBytes: 2 })
    far.end()
    world.run(100)
    expect(nearEar.ended).toBe(true)
    near.write(hello)
    far.destroy()
    world.run(1000)
    expect(nearEar.closed?.code).toBe('reset')
  })

  test('of what is on the wire when its machine loses power, some first part arrives', () => {
    const lengths = new Set<number>()
    for (let seed = 0; seed < 60; seed++) {
      const { world, a, near, farEar } = stage({ latencyMs: 50 }, true, seed)
      for (let i = 0; i < 4; i++) near.write(Buffer.from([65 + i]))
      a.powerOff()
      world.run(1000)
      expect('ABCD'.startsWith(farEar.text)).toBe(true)
      expect(farEar.ended).toBe(false)
      lengths.add(farEar.text.length)
    }
    expect([...lengths].sort()).toEqual([0, 1, 2, 3, 4])
  })
})
