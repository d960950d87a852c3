/** What `src/env/network.ts` promises (N1-N5), for every implementation. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../src/env/network.ts'
import { Ear, type Fixture, here, listen, pair, quietly } from './fixture.ts'

export function networkContract(name: string, make: () => Fixture): void {
  describe(`network: ${name}`, () => {
    let on: Fixture
    beforeEach(() => {
      on = make()
    })
    afterEach(() => on.close())

    test('a dial opens once, and an ordered end closes both sides once, without an error', async () => {
      const { near, nearEar, far, farEar, listener } = await pair(on)
      expect(listener.address.port).toBeGreaterThan(0)
      quietly(() => near.write(Buffer.from('ping')))
      await on.until(() => farEar.bytes.length === 4)
      quietly(() => far.write(Buffer.from('pong!')))
      await on.until(() => nearEar.bytes.length === 5)
      quietly(() => near.end())
      await on.until(() => farEar.ended)
      expect(farEar.closed).toBe(false)
      quietly(() => far.end())
      await on.until(() => nearEar.closed && farEar.closed)
      expect(nearEar.said).toEqual(['open', 'bytes', 'end', 'closed'])
      expect(farEar.said).toEqual(['bytes', 'end', 'closed'])
      expect([nearEar.error, farEar.error]).toEqual([null, null])
      listener.close()
    })

    test('N1: a dial to a port where nobody listens is refused, and says so once', async () => {
      const { listener } = await listen(on, () => null)
      const { address } = listener!
      listener!.close()
      const ear = new Ear(on)
      quietly(() => on.env.network.dial(address, ear))
      await on.until(() => ear.closed)
      expect(ear.said).toEqual(['closed'])
      expect(ear.error?.code).toBe('refused')
    })

    test('N1: after destroy nothing comes but onClosed(null)', async () => {
      const { near, nearEar, far, farEar, listener } = await pair(on)
      far.write(Buffer.alloc(100_000))
      quietly(() => near.destroy())
      quietly(() => near.destroy())
      expect(near.write(Buffer.from('lost'))).toBe(false)
      await on.until(() => nearEar.closed && (farEar.ended || farEar.closed))
      expect(nearEar.said).toEqual(['open', 'closed'])
      expect(nearEar.error).toBeNull()
      far.destroy()
      await on.until(() => farEar.closed)
      listener.close()
    })

    test('a dial that is given up at once never opens', async () => {
      const { listener } = await listen(on, () => new Ear(on))
      const ear = new Ear(on)
      quietly(() => on.env.network.dial(listener!.address, ear).destroy())
      await on.until(() => ear.closed)
      expect(ear.said).toEqual(['closed'])
      expect(ear.error).toBeNull()
      listener!.close()
    })

    test('a refused connection ends for its dialler', async () => {
      const { listener } = await listen(on, () => null)
      const ear = new Ear(on)
      const connection = on.env.network.dial(listener!.address, ear)
      await on.until(() => ear.ended || ear.closed)
      connection.end()
      await on.until(() => ear.closed)
      expect(ear.said[0]).toBe('open')
      expect(ear.bytes.length).toBe(0)
      listener!.close()
    })

    test('N4: a megabyte in odd pieces arrives as it was written', async () => {
      const { near, far, farEar, listener, nearEar } = await pair(on)
      const sent: Buffer[] = []
      let total = 0
      for (let i = 0; total < 1 << 20; i++) {
        const piece = Buffer.alloc(1 + ((i * 7919) % 20_011), i % 251)
        sent.push(piece)
        total += piece.length
        near.write(piece)
      }
      near.end()
      await on.until(() => farEar.ended)
      expect(farEar.bytes.equals(Buffer.concat(sent))).toBe(true)
      far.end()
      await on.until(() => nearEar.closed)
      listener.close()
    })

    test('bytes may be written before the connection stands', async () => {
      const ear = new Ear(on)
      const { listener } = await listen(on, () => ear)
      const near = on.env.network.dial(listener!.address, new Ear(on))
      quietly(() => near.write(Buffer.from('early')))
      await on.until(() => ear.bytes.length === 5)
      expect(ear.bytes.toString()).toBe('early')
      near.destroy()
      listener!.close()
    })

    test('a reader that pauses pushes back: write answers false, and onDrain comes when the queue is empty', async () => {
      const { near, nearEar, far, farEar, listener } = await pair(on)
      quietly(() => far.pause())
      const piece = Buffer.alloc(64 << 10, 7)
      let written = 0
      for (let refused = 0; refused < 200 && near.queued < 1 << 20; refused++) {
        near.write(piece)
        written += piece.length
      }
      expect(near.write(piece)).toBe(false)
      written += piece.length
      expect(near.queued).toBeGreaterThan(0)
      expect(nearEar.drains).toBe(0)
      const before = farEar.chunks
      expect(farEar.bytes.length).toBeLessThan(written)
      quietly(() => far.resume())
      await on.until(() => nearEar.drains > 0)
      expect(near.queued).toBe(0)
      await on.until(() => farEar.bytes.length === written)
      expect(farEar.chunks).toBeGreaterThan(before)
      near.destroy()
      far.destroy()
      listener.close()
    })

    for (const side of ['accepting', 'dialling'] as const) {
      test(`pause inside onBytes holds back all that follows until resume, on the ${side} side`, async () => {
        let listener: Connection | null = null
        const stand = await pair(on, { near: () => listener?.pause(), far: () => listener?.pause() })
        const [speaker, ear] = side === 'accepting' ? [stand.near, stand.farEar] : [stand.far, stand.nearEar]
        listener = side === 'accepting' ? stand.far : stand.near
        speaker.write(Buffer.from('one'))
        await on.until(() => ear.chunks === 1)
        speaker.write(Buffer.from('two'))
        speaker.end()
        // A round trip on another connection: what was written before it has had time to arrive.
        const other = await pair(on)
        other.near.write(Buffer.from('x'))
        await on.until(() => other.farEar.chunks > 0)
        expect(ear.chunks).toBe(1)
        expect(ear.ended).toBe(false)
        for (let heard = 1; !ear.ended; heard = ear.chunks) {
          quietly(() => listener.resume())
          await on.until(() => ear.chunks > heard || ear.ended)
        }
        expect(ear.bytes.toString()).toBe('onetwo')
        for (const connection of [stand.near, stand.far, other.near, other.far]) connection.destroy()
        stand.listener.close()
        other.listener.close()
      })

      test(`N1: destroy inside onBytes is the last of it, on the ${side} side`, async () => {
        let reader: Connection | null = null
        const stand = await pair(on, { near: () => reader?.destroy(), far: () => reader?.destroy() })
        const [speaker, ear] = side === 'accepting' ? [stand.near, stand.farEar] : [stand.far, stand.nearEar]
        reader = side === 'accepting' ? stand.far : stand.near
        speaker.write(Buffer.alloc(300_000))
        await on.until(() => ear.closed)
        expect(ear.chunks).toBe(1)
        expect(ear.said.slice(-2)).toEqual(['bytes', 'closed'])
        expect(ear.error).toBeNull()
        speaker.destroy()
        stand.listener.close()
      })
    }

    test('N5: a write after the end is a mistake of the caller', async () => {
      const { near, far, listener } = await pair(on)
      quietly(() => near.end())
      quietly(() => near.end())
      expect(() => near.write(Buffer.from('more'))).toThrow('N5')
      near.destroy()
      far.destroy()
      listener.close()
    })

    test('who has ended still hears, and the other may still speak', async () => {
      const { near, nearEar, far, farEar, listener } = await pair(on)
      near.end()
      await on.until(() => farEar.ended)
      far.write(Buffer.from('last words'))
      far.end()
      await on.until(() => nearEar.closed && farEar.closed)
      expect(nearEar.bytes.toString()).toBe('last words')
      expect(nearEar.said).toEqual(['open', 'bytes', 'end', 'closed'])
      expect([nearEar.error, farEar.error]).toEqual([null, null])
      listener.close()
    })

    test('who goes on writing to a peer that is gone is told of a reset', async () => {
      const { near, far, farEar, listener } = await pair(on)
      near.destroy()
      await on.until(() => farEar.ended || farEar.closed)
      for (let turn = 0; !farEar.closed; turn++) {
        quietly(() => far.write(Buffer.from('anybody there?')))
        let waited = false
        on.env.clock.after(1, () => {
          waited = true
          on.changed()
        })
        await on.until(() => farEar.closed || waited)
        expect(turn).toBeLessThan(200)
      }
      expect(farEar.error?.code).toBe('reset')
      listener.close()
    })

    test('a port that is taken is an error that names it', async () => {
      const first = await listen(on, () => null)
      const { port } = first.listener!.address
      const second = await listen(on, () => null, { ...here, port })
      expect(second.listener).toBeNull()
      expect(second.error?.code).toBe('inUse')
      expect(second.error?.message).toMatch(new RegExp(`port ${port} on 127.0.0.1 is in use by .+`))
      expect(second.error?.cause).toMatchObject({ code: 'E_PORT_IN_USE' })
      first.listener!.close()
    })

    test('listeners that share a port take all connections between them', async () => {
      const ears: Ear[] = []
      const accept = (): Ear => {
        const ear = new Ear(on)
        ears.push(ear)
        on.changed()
        return ear
      }
      const first = await listen(on, accept, here, true)
      const second = await listen(on, accept, first.listener!.address, true)
      expect(second.error).toBeNull()
      const dialled: Connection[] = []
      for (let i = 0; i < 8; i++) dialled.push(on.env.network.dial(first.listener!.address, new Ear(on)))
      await on.until(() => ears.length === 8)
      for (const connection of dialled) connection.destroy()
      first.listener!.close()
      second.listener!.close()
    })

    test('the accepting side knows its peer as host:port', async () => {
      const { near, far, listener } = await pair(on)
      expect(near.remote).toBe(`127.0.0.1:${listener.address.port}`)
      expect(far.remote).toMatch(/^[\w.]+:\d+$/)
      near.destroy()
      far.destroy()
      listener.close()
    })
  })
}
