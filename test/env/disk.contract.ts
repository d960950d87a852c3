/** What `src/env/disk.ts` promises of a disk that works (K1, K4), for every implementation. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Disk, File, Lock, OpenMode } from '../../src/env/disk.ts'
import { call, type Fixture, failure, value } from './fixture.ts'

export function diskContract(name: string, make: () => Fixture): void {
  describe(`disk: ${name}`, () => {
    let on: Fixture
    let disk: Disk
    beforeEach(() => {
      on = make()
      disk = on.env.disk
    })
    afterEach(() => on.close())

    const path = (inside: string): string => `${on.folder}/${inside}`
    const open = (inside: string, mode: OpenMode): Promise<File> =>
      value(on, (done) => disk.open(path(inside), mode, done))
    const text = async (inside: string): Promise<string> =>
      String(await value<Buffer>(on, (done) => disk.readFile(path(inside), done)))
    const names = (inside: string): Promise<readonly string[]> => value(on, (done) => disk.list(path(inside), done))
    const make1 = async (inside: string, content: string): Promise<void> => {
      const file = await open(inside, 'write')
      await value<void>(on, (done) => file.write([Buffer.from(content)], 0, (e) => done(e, undefined)))
      await value<void>(on, (done) => file.close((e) => done(e, undefined)))
    }

    test('K1: operations on a file complete in the order asked, each as if alone', async () => {
      const file = await open('a', 'create')
      const order: string[] = []
      const said = (word: string) => (error: unknown) => {
        order.push(error === null ? word : `${word}: ${error}`)
        on.changed()
      }
      const seen: unknown[] = []
      file.write([Buffer.from('hello '), Buffer.from('world')], 0, said('write'))
      file.read(0, 100, (e, bytes) => {
        seen.push(String(bytes))
        said('read')(e)
      })
      file.write([Buffer.from('HE')], 0, said('rewrite'))
      file.sync(said('sync'))
      file.truncate(4, said('truncate'))
      file.size((e, size) => {
        seen.push(size)
        said('size')(e)
      })
      file.read(0, 100, (e, bytes) => {
        seen.push(String(bytes))
        said('read again')(e)
      })
      file.close(said('close'))
      expect(order).toEqual([])
      await on.until(() => order.length === 8)
      expect(order).toEqual(['write', 'read', 'rewrite', 'sync', 'truncate', 'size', 'read again', 'close'])
      expect(seen).toEqual(['hello world', 4, 'HEll'])
      expect(() => file.sync(() => {})).toThrow(/closed/)
    })

    test('a write of thousands of parts, at a position, leaves zeros before it', async () => {
      const file = await open('parts', 'create')
      const parts = Array.from({ length: 3000 }, (_, i) => Buffer.from([i % 256, (i * 7) % 256]))
      expect(await failure(on, (done) => file.write(parts, 10, done))).toBe('none')
      expect(await value(on, (done) => file.size(done))).toBe(6010)
      const back = await value<Buffer>(on, (done) => file.read(0, 10_000, done))
      expect(back.equals(Buffer.concat([Buffer.alloc(10), ...parts]))).toBe(true)
      expect(await failure(on, (done) => file.close(done))).toBe('none')
    })

    test('nothing to write is written all the same, and a read past the end is empty', async () => {
      const file = await open('empty', 'create')
      expect(await failure(on, (done) => file.write([], 0, done))).toBe('none')
      expect(await failure(on, (done) => file.write([Buffer.alloc(0)], 0, done))).toBe('none')
      expect((await value<Buffer>(on, (done) => file.read(5, 10, done))).length).toBe(0)
      expect((await value<Buffer>(on, (done) => file.read(0, 0, done))).length).toBe(0)
      expect(await value(on, (done) => file.size(done))).toBe(0)
      expect(await failure(on, (done) => file.close(done))).toBe('none')
    })

    test('what a truncation has cut stays cut when the file grows again', async () => {
      const file = await open('cut', 'create')
      await failure(on, (done) => file.write([Buffer.from('abcdef')], 0, done))
      await failure(on, (done) => file.truncate(2, done))
      await failure(on, (done) => file.write([Buffer.from('x')], 4, done))
      await failure(on, (done) => file.truncate(6, done))
      expect(String(await value<Buffer>(on, (done) => file.read(0, 9, done)))).toBe('ab\0\0x\0')
      expect(await failure(on, (done) => file.close(done))).toBe('none')
    })

    test('a file has a number of its own, whatever its name', async () => {
      const file = await open('numbered', 'create')
      const number = await value<string>(on, (done) => file.inode(done))
      expect(number).toMatch(/^\d+$/)
      const other = await open('other', 'create')
      expect(await value<string>(on, (done) => other.inode(done))).not.toBe(number)
      expect(await failure(on, (done) => disk.link(path('numbered'), path('linked'), done))).toBe('none')
      expect(await failure(on, (done) => disk.rename(path('numbered'), path('other'), done))).toBe('none')
      for (const name of ['linked', 'other']) {
        const again = await open(name, 'read')
        expect(await value<string>(on, (done) => again.inode(done)), name).toBe(number)
        expect(await failure(on, (done) => again.close(done))).toBe('none')
      }
      for (const each of [file, other]) expect(await failure(on, (done) => each.close(done))).toBe('none')
    })

    test('modes: read and update want a file, create wants none, write takes both', async () => {
      expect(await failure(on, (done) => disk.open(path('no'), 'read', done))).toBe('absent')
      expect(await failure(on, (done) => disk.readFile(path('no'), done))).toBe('absent')
      await make1('yes', 'kept')
      expect(await failure(on, (done) => disk.open(path('yes'), 'create', done))).toBe('exists')
      expect(await failure(on, (done) => disk.open(path('no'), 'update', done))).toBe('absent')
      const known = await open('yes', 'update')
      await value<void>(on, (done) => known.write([Buffer.from('K')], 0, (e) => done(e, undefined)))
      await value<void>(on, (done) => known.close((e) => done(e, undefined)))
      const file = await open('yes', 'write')
      expect(String(await value<Buffer>(on, (done) => file.read(0, 9, done)))).toBe('Kept')
      expect(file.path).toBe(path('yes'))
      expect(await failure(on, (done) => file.close(done))).toBe('none')
      expect(await failure(on, (done) => disk.open(path('no/no'), 'write', done))).toBe('absent')
    })

    test('list gives names in byte order', async () => {
      for (const name of ['b', 'a', 'é', 'Z', '\u{1F600}', '\uFF5E']) await make1(name, '')
      expect(await names('.')).toEqual(['Z', 'a', 'b', 'é', '\uFF5E', '\u{1F600}'])
      expect(await failure(on, (done) => disk.list(path('none'), done))).toBe('absent')
      // Somebody's file among the journals of workers is no journal, which would be waited for until it can be read.
      expect(await failure(on, (done) => disk.list(path('a'), done))).toBe('absent')
    })

    test('directories: made with those above, again without complaint, removed with all below', async () => {
      const deep = path('x/y/z')
      expect(await failure(on, (done) => disk.makeDirectory(deep, done))).toBe('none')
      expect(await failure(on, (done) => disk.makeDirectory(deep, done))).toBe('none')
      const below = (root: string, deep: string) =>
        failure(on, (done) => disk.makeDirectoryBelow(path(root), path(deep), done))
      expect(await below('none', 'none/a')).toBe('absent')
      expect(await below('none', 'none')).toBe('absent')
      expect(await failure(on, (done) => disk.list(path('none'), done))).toBe('absent')
      expect(await below('x', 'x')).toBe('none')
      expect(await below('x', 'x/b/c')).toBe('none')
      expect(await below('x', 'x/b/c')).toBe('none')
      expect(await names('x')).toEqual(['b', 'y'])
      await make1('x/y/z/f', '1')
      await make1('x/y/g', '2')
      expect(await names('x/y')).toEqual(['g', 'z'])
      expect(await failure(on, (done) => disk.syncDirectory(path('x/y'), done))).toBe('none')
      expect(await failure(on, (done) => disk.syncDirectory(path('q'), done))).toBe('absent')
      expect(await failure(on, (done) => disk.removeDirectory(deep, done))).toBe('io')
      expect(await failure(on, (done) => disk.remove(path('x/y/z/f'), done))).toBe('none')
      expect(await failure(on, (done) => disk.removeDirectory(path('x/y/g'), done))).toBe('io')
      expect(await failure(on, (done) => disk.removeDirectory(deep, done))).toBe('none')
      expect(await failure(on, (done) => disk.removeDirectory(deep, done))).toBe('none')
      expect(await names('x/y')).toEqual(['g'])
      expect(await failure(on, (done) => disk.removeTree(path('x'), done))).toBe('none')
      expect(await names('.')).toEqual([])
      expect(await failure(on, (done) => disk.removeTree(path('x'), done))).toBe('none')
    })

    test('link gives a second name, never takes one', async () => {
      await make1('one', 'same')
      expect(await failure(on, (done) => disk.link(path('one'), path('two'), done))).toBe('none')
      expect(await failure(on, (done) => disk.link(path('one'), path('two'), done))).toBe('exists')
      expect(await failure(on, (done) => disk.link(path('none'), path('three'), done))).toBe('absent')
      expect(await failure(on, (done) => disk.remove(path('one'), done))).toBe('none')
      expect(await text('two')).toBe('same')
    })

    test('rename moves and replaces', async () => {
      await make1('new', 'new')
      await make1('old', 'old')
      expect(await failure(on, (done) => disk.rename(path('new'), path('old'), done))).toBe('none')
      expect(await names('.')).toEqual(['old'])
      expect(await text('old')).toBe('new')
      expect(await failure(on, (done) => disk.rename(path('new'), path('old'), done))).toBe('absent')
    })

    test('a removed file is there for who has it open, and its absence is no error', async () => {
      await make1('f', 'still')
      const file = await open('f', 'read')
      expect(await failure(on, (done) => disk.remove(path('f'), done))).toBe('none')
      expect(await failure(on, (done) => disk.remove(path('f'), done))).toBe('none')
      expect(String(await value<Buffer>(on, (done) => file.read(0, 9, done)))).toBe('still')
      expect(await failure(on, (done) => file.close(done))).toBe('none')
      expect(await names('.')).toEqual([])
    })

    test('free bytes are known', async () => {
      expect(await value(on, (done) => disk.free(on.folder, done))).toBeGreaterThan(0)
      expect(await failure(on, (done) => disk.free(path('none'), done))).toBe('absent')
    })

    test('a lock has one holder at a time', async () => {
      const take = (): Promise<Lock> => value(on, (done) => disk.lock(path('lock'), done))
      const first = await take()
      expect(await failure(on, (done) => disk.lock(path('lock'), done))).toBe('locked')
      expect(await failure(on, (done) => disk.lock(path('lock'), done))).toBe('locked')
      first.release()
      first.release()
      const second = await take()
      expect(await failure(on, (done) => disk.lock(path('lock'), done))).toBe('locked')
      second.release()
      expect(await failure(on, (done) => disk.lock(path('no/lock'), done))).not.toBe('none')
    })

    test('errors name the path', async () => {
      const error = await call(on, (report) => disk.open(path('gone'), 'read', report))
      expect(error).toMatchObject({ path: path('gone'), name: 'DiskError' })
      expect(String(error)).toContain(path('gone'))
    })
  })
}
