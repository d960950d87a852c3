/** What `src/checkpoint/store.ts` promises (O1-O5), for every driver. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CreateOutcome, Store, Upload } from '../../src/checkpoint/store.ts'
import { call, type Fixture } from '../env/fixture.ts'
import { finished, value } from './fixture.ts'

/** `open` gives a worker's view of the store in the fixture's folder: several workers, one store. */
export function storeContract(
  name: string,
  make: () => Fixture,
  open: (on: Fixture, worker: string) => Promise<Store>,
): void {
  describe(`store: ${name}`, () => {
    let on: Fixture
    let store: Store
    beforeEach(async () => {
      on = make()
      store = await open(on, 'a')
    })
    afterEach(() => on.close())

    const create = (path: string, text: string, by: Store = store) =>
      call<CreateOutcome>(on, (report) => by.createExclusive(path, Buffer.from(text), (outcome) => report(outcome)))
    const read = async (path: string) => (await value<Buffer | null>(on, (done) => store.read(path, done)))?.toString()
    const list = (folder: string) => value<readonly string[]>(on, (done) => store.list(folder, done))
    const upload = (path: string) => value<Upload>(on, (done) => store.upload(path, done))

    test('an object is created once, whole, and never changes', async () => {
      expect(await read('chain/1')).toBeUndefined()
      expect(await create('chain/1', 'first')).toBe('created')
      expect(await create('chain/1', 'second')).toBe('exists')
      expect(await read('chain/1')).toBe('first')
      await finished(on, (done) => store.makeDurable('chain', done))
    })

    test('of many that create one name at once, one does', async () => {
      const workers = await Promise.all(['b', 'c', 'd', 'e'].map((worker) => open(on, worker)))
      const outcomes = await Promise.all(workers.map((worker, i) => create('chain/7', `by ${i}`, worker)))
      expect(outcomes.toSorted()).toEqual(['created', 'exists', 'exists', 'exists'])
      expect(await read('chain/7')).toBe(`by ${outcomes.indexOf('created')}`)
    })

    test('a folder lists what stands in it and nothing else; an absent one is empty', async () => {
      expect(await list('a')).toEqual([])
      await create('a/2', 'x')
      await create('a/10', 'x')
      await create('a/b/1', 'x')
      expect((await list('a')).toSorted()).toEqual(['10', '2', 'b'])
    })

    test('a part of an object is read, fewer bytes at its end', async () => {
      await create('x', '0123456789')
      const range = async (position: number, length: number) =>
        (await value<Buffer | null>(on, (done) => store.readRange('x', position, length, done)))?.toString()
      expect(await range(2, 3)).toBe('234')
      expect(await range(8, 5)).toBe('89')
      expect(await range(12, 5)).toBe('')
      expect(await value(on, (done) => store.readRange('y', 0, 5, done))).toBeNull()
    })

    test('a removed object is gone; removing it again is no error', async () => {
      await create('a/1', 'x')
      await finished(on, (done) => store.remove('a/1', done))
      await finished(on, (done) => store.remove('a/1', done))
      await finished(on, (done) => store.remove('nowhere/1', done))
      expect(await read('a/1')).toBeUndefined()
      expect(await create('a/1', 'y')).toBe('created')
    })

    test('a hint is overwritten', async () => {
      await finished(on, (done) => store.put('beat/a', Buffer.from('1'), done))
      await finished(on, (done) => store.put('beat/a', Buffer.from('2'), done))
      expect(await read('beat/a')).toBe('2')
      expect(await list('beat')).toEqual(['a'])
    })

    test('a folder that is empty is removed, and made again with the next object in it', async () => {
      await create('a/b/1', 'x')
      const remove = (folder: string) => call<{ code: string } | null>(on, (done) => store.removeFolder(folder, done))
      expect(await remove('a/b')).toMatchObject({ code: 'E_STORE' })
      await finished(on, (done) => store.remove('a/b/1', done))
      expect([await remove('a/b'), await remove('a/b')]).toEqual([null, null])
      expect(await list('a')).toEqual([])
      expect(await create('a/b/2', 'y')).toBe('created')
    })

    test('an object is replaced', async () => {
      await create('chain/1', 'long')
      await finished(on, (done) => store.replace('chain/1', Buffer.from('s'), done))
      expect(await read('chain/1')).toBe('s')
      expect(await create('chain/1', 'x')).toBe('exists')
      expect(await list('tmp')).toEqual([])
    })

    test('a linked object lives on without its first name; linking it again is no error', async () => {
      await create('packs/1', 'x')
      await finished(on, (done) => store.link('packs/1', 'savepoints/s/1', done))
      await finished(on, (done) => store.link('packs/1', 'savepoints/s/1', done))
      await finished(on, (done) => store.remove('packs/1', done))
      expect(await read('savepoints/s/1')).toBe('x')
      await expect(finished(on, (done) => store.link('packs/1', 'savepoints/s/2', done))).rejects.toMatchObject({
        code: 'E_STORE',
      })
    })

    test('a large object is uploaded in parts', async () => {
      const object = await upload('packs/1')
      await finished(on, (done) => object.append([Buffer.from('ab'), Buffer.from('cd')], done))
      await finished(on, (done) => object.append([Buffer.from('ef')], done))
      await finished(on, (done) => object.finish(done))
      expect(await read('packs/1')).toBe('abcdef')
    })

    test('an upload that is given up leaves nothing', async () => {
      const object = await upload('packs/1')
      await finished(on, (done) => object.append([Buffer.from('ab')], done))
      await finished(on, (done) => object.abort(done))
      expect(await list('packs')).toEqual([])
    })

    test('an upload overwrites nothing', async () => {
      await create('packs/1', 'x')
      await expect(upload('packs/1')).rejects.toMatchObject({ code: 'E_STORE' })
      expect(await read('packs/1')).toBe('x')
    })
  })
}
