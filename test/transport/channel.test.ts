/** Channels between workers: credit, markers, and what waits for what. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { NEWEST_VERSION } from '../../src/protocol/version.ts'
import { ReceiveCredit, SendCredit } from '../../src/transport/credit.ts'
import { activate, CHANNEL, linkedStage, stage, testLimits } from './fixture.ts'

describe('credit', () => {
  test('C1-C3: whatever is lost or late, no more is held than the window and one batch, and a sender hears of credit', () => {
    const act = fc.oneof(
      fc.record({ send: fc.integer({ min: 1, max: 300 }) }),
      fc.constant('take'),
      fc.constant('hear'),
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.array(act, { maxLength: 200 }), (window, acts) => {
        const [sender, receiver] = [new SendCredit(), new ReceiveCredit(window)]
        const queue: number[] = []
        let told = [receiver.tell()]
        const hear = (): void => {
          for (const consumed of told) if (!sender.grant(consumed, window)) throw new Error('credit that cannot be')
          told = []
        }
        const take = (): void => {
          const bytes = queue.shift()
          if (bytes !== undefined && receiver.take(bytes)) told.push(receiver.tell())
        }
        for (const one of acts) {
          if (one === 'take') take()
          else if (one === 'hear') hear()
          else if (sender.left > 0) {
            sender.spend(one.send)
            if (!receiver.arrive(one.send)) throw new Error('a sender with credit is refused')
            queue.push(one.send)
            if (receiver.held >= window + 300) throw new Error(`${receiver.held} are held`)
          }
        }
        while (queue.length > 0) take()
        hear()
        expect(sender.left).toBeGreaterThan(0)
      }),
    )
  })

  test('a sender that has spent it all is refused', () => {
    const receiver = new ReceiveCredit(100)
    receiver.tell()
    expect(receiver.arrive(99)).toBe(true)
    expect(receiver.arrive(500)).toBe(true)
    expect(receiver.arrive(1)).toBe(false)
  })

  test('what is told may be told again, and never less', () => {
    const sender = new SendCredit()
    expect(sender.grant(0, 100)).toBe(true)
    sender.spend(80)
    expect(sender.grant(50, 100)).toBe(true)
    expect(sender.grant(50, 100)).toBe(true)
    expect(sender.left).toBe(70)
    expect(sender.grant(49, 100)).toBe(false)
    expect(sender.grant(81, 100)).toBe(false)
  })
})

describe('a channel', () => {
  test('stops its sender when nobody takes, and wakes it when somebody does', () => {
    const { world, a, b } = linkedStage()
    const { inlet, came, bytes } = b.inlet(a)
    const outlet = a.outlet(b)
    let woken = 0
    outlet.onRoom = () => woken++
    expect(outlet.room).toBe(false)
    world.run(world.now + 50)
    expect([outlet.room, woken]).toEqual([true, 1])
    let pushed = 0
    for (; outlet.room; pushed++) outlet.push(Buffer.from(`batch ${pushed} `.padEnd(100, '.')))
    world.run(world.now + 1000)
    expect(came.length).toBe(pushed)
    expect(inlet.credit.held).toBeGreaterThanOrEqual(1000)
    expect([outlet.room, woken]).toEqual([false, 1])
    inlet.taken(bytes[0]!)
    world.run(world.now + 50)
    expect(outlet.room).toBe(false)
    for (const one of bytes.slice(1, 4)) inlet.taken(one)
    world.run(world.now + 50)
    expect([outlet.room, woken]).toEqual([true, 2])
    for (const one of bytes.slice(4)) inlet.taken(one)
    world.run(world.now + 50)
    expect(woken).toBe(2)
  })

  test('carries batches of any length up to a frame, in order with what is said between them', () => {
    const { world, a, b } = linkedStage({}, makeLimits({ ...testLimits, channelCreditBytes: 8 << 20 }))
    const { came } = b.inlet(a)
    const outlet = a.outlet(b)
    world.run(world.now + 50)
    const sizes = [10, 9000, 20, 30, 3000, 3000, 3000, 3000, 3000, 5000, 2 << 20, 1, 4096, 4095, 300_000, 7]
    const push = (): void => {
      for (const [i, size] of sizes.entries()) {
        outlet.push(Buffer.alloc(size, String.fromCharCode(97 + i)))
        if (i % 3 === 0) outlet.mark({ kind: 'barrier', epoch: i, purpose: 'checkpoint' })
      }
    }
    push()
    world.network.reset('a', 'b')
    push()
    world.run(world.now + 3000)
    const expected = sizes.flatMap((size, i) => {
      const batch = String.fromCharCode(97 + i).repeat(size)
      return i % 3 === 0 ? [batch, i] : [batch]
    })
    const found = came.map((one) => (typeof one === 'string' ? one : one.kind === 'barrier' ? one.epoch : one.kind))
    expect(found.length).toBe(2 * expected.length)
    expect(found.every((one, i) => one === expected[i % expected.length])).toBe(true)
  })

  test('that is blocked holds up neither control messages nor other channels nor its own markers', () => {
    const { world, a, b } = linkedStage()
    const blocked = b.inlet(a)
    const other = b.inlet(a, { pipeline: 1, channel: 6 })
    const [outlet, free] = [a.outlet(b), a.outlet(b, { pipeline: 1, channel: 6 })]
    world.run(world.now + 50)
    while (outlet.room) outlet.push(Buffer.alloc(200))
    outlet.mark({ kind: 'barrier', epoch: 7, purpose: 'checkpoint' })
    free.push(Buffer.from('free'))
    a.tell(b, 3)
    world.run(world.now + 5)
    expect(b.epochs).toEqual([3])
    expect(other.came).toEqual(['free'])
    expect(blocked.came.at(-1)).toMatchObject({ kind: 'barrier', epoch: 7, purpose: 'checkpoint' })
  })

  test('that fills a slow way does not hold up control messages', () => {
    const { world, a, b } = linkedStage({ bytesPerMs: 100 }, makeLimits({ ...testLimits, channelCreditBytes: 1 << 20 }))
    const { came } = b.inlet(a)
    const outlet = a.outlet(b)
    world.run(world.now + 50)
    for (let i = 0; i < 10; i++) outlet.push(Buffer.alloc(50_000))
    world.run(world.now + 100)
    const asked = world.now
    a.tell(b, 1)
    world.runUntil(() => b.epochs.length === 1, world.now + 10_000)
    expect(came.length).toBeLessThan(2)
    // The data of the two seconds to come are on their way; the message waits for none of it.
    expect(world.now - asked).toBeLessThan(10)
  })

  test('O1: nothing leaves before the receiver has opened it; then the markers do, in order', () => {
    const { world, a, b } = linkedStage()
    const outlet = a.outlet(b)
    outlet.mark({ kind: 'watermark', time: 1 })
    outlet.mark({ kind: 'watermark', time: 2 })
    outlet.mark({ kind: 'barrier', epoch: 1, purpose: 'checkpoint' })
    outlet.mark({ kind: 'barrier', epoch: 2, purpose: 'checkpoint' })
    outlet.mark({ kind: 'watermark', time: 3 })
    outlet.mark({ kind: 'end' })
    world.run(world.now + 200)
    const { came } = b.inlet(a)
    world.run(world.now + 50)
    expect(came).toMatchObject([
      { kind: 'watermark', time: 2 },
      { kind: 'barrier', epoch: 1 },
      { kind: 'barrier', epoch: 2 },
      { kind: 'watermark', time: 3 },
      { kind: 'end' },
    ])
  })

  test('may be opened by its receiver long before its sender, and before there is a link', () => {
    const on = stage()
    activate(on)
    const { came } = on.b.inlet(on.a)
    on.world.run(500)
    const outlet = on.a.outlet(on.b)
    expect(outlet.room).toBe(true)
    outlet.push(Buffer.from('first'))
    on.world.run(600)
    expect(came).toEqual(['first'])
  })

  test('O3: watermarks of a lane that stands still take the place of one another', () => {
    const { world, a, b } = linkedStage()
    const { came } = b.inlet(a)
    const outlet = a.outlet(b)
    world.run(world.now + 50)
    world.network.cut('a', 'b')
    world.network.reset('a', 'b')
    world.run(world.now + 10)
    outlet.push(Buffer.from('x'))
    for (let time = 1; time <= 1000; time++) outlet.mark({ kind: 'watermark', time })
    expect(a.board.status[0]!.lanes.data.keptBytes).toBeLessThan(200)
    world.network.heal('a', 'b')
    world.run(world.now + 1000)
    expect(came).toMatchObject(['x', { kind: 'watermark', time: 1000 }])
  })

  test('an encoder that throws, or a batch that no frame holds, leaves the channel as it was', () => {
    const { world, a, b } = linkedStage()
    const { came } = b.inlet(a)
    const outlet = a.board.outlet<string>('b', { pipeline: 1, channel: 5 }, (writer, batch) => {
      writer.utf8(batch)
      if (batch === 'bad') throw new Error('no such value')
    })
    world.run(world.now + 50)
    expect(() => outlet.push('bad')).toThrow('no such value')
    expect(() => outlet.push('x'.repeat(9 << 20))).toThrow(/frame/)
    outlet.push('good')
    world.run(world.now + 50)
    expect(came).toEqual(['\u0004good'])
  })

  test('a batch is written as the version has it that both speak', () => {
    const { world, a, b } = linkedStage()
    b.inlet(a)
    const versions: number[] = []
    const outlet = a.board.outlet<null>('b', CHANNEL, (_writer, _batch, version) => versions.push(version))
    world.run(world.now + 50)
    outlet.push(null)
    expect(versions).toEqual([NEWEST_VERSION])
  })

  test('I3: a closed inlet passes over what still comes', () => {
    const { world, a, b } = linkedStage()
    const { inlet, came } = b.inlet(a)
    const outlet = a.outlet(b)
    world.run(world.now + 50)
    outlet.push(Buffer.from('late'))
    inlet.close()
    outlet.mark({ kind: 'end' })
    world.run(world.now + 50)
    expect(came).toEqual([])
    expect(b.lost).toEqual([])
  })
})
