/** What only the operating system can show: locks between processes, real errors. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { DiskError, File, Lock } from '../../src/env/disk.ts'
import { RealDisk } from '../../src/env/real/disk.ts'
import { diskError } from '../../src/env/real/disk-error.ts'
import { unwritten } from '../../src/env/real/file.ts'

const program = fileURLToPath(new URL('./holder.ts', import.meta.url))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'potoroo-disk-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const disk = new RealDisk()
const lock = (path: string): Promise<DiskError | Lock> =>
  new Promise((go) => disk.lock(path, (error, value) => go(error ?? value)))
const open = (path: string, mode: 'read' | 'create' | 'write'): Promise<File> =>
  new Promise((go, stop) => disk.open(path, mode, (error, value) => (error ? stop(error) : go(value))))
const act = (begin: (done: (error: DiskError | null) => void) => void): Promise<string> =>
  new Promise((go) => begin((error) => go(error?.code ?? 'none')))

async function holder(path: string): Promise<{ child: ChildProcess; said: string; complaints: string[] }> {
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'pipe'] })
  const complaints: string[] = []
  child.stderr.on('data', (chunk: Buffer) => complaints.push(String(chunk)))
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, said: String(said), complaints }
}

test('a lock holds against another process, and the kernel frees it when that is killed', async () => {
  const path = join(folder, 'lock')
  const { child, said, complaints } = await holder(path)
  expect(said).toBe('held locked\n')
  expect(await lock(path)).toMatchObject({ code: 'locked', path })
  child.kill('SIGKILL')
  await once(child, 'exit')
  const mine = (await lock(path)) as Lock
  expect(mine).toHaveProperty('release')
  const late = await holder(path)
  expect(late.said).toBe('locked locked\n')
  late.child.kill('SIGKILL')
  await once(late.child, 'exit')
  mine.release()
  // The database module must not greet operators with a warning.
  expect(complaints).toEqual([])
})

// Whoever is root may write everything but what lies on a disk that is read-only.
test.skipIf(process.getuid?.() === 0)('a lock that cannot be written is refused and not taken by half', async () => {
  const path = join(folder, 'lock')
  writeFileSync(path, '', { mode: 0o400 })
  expect(await lock(path)).toMatchObject({ code: 'denied', path })
})

test('a lock that nobody refers to stays', async () => {
  const path = join(folder, 'lock')
  await lock(path)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i++) {
    collect()
    await setImmediate()
  }
  const { child, said } = await holder(path)
  expect(said).toBe('locked locked\n')
  child.kill('SIGKILL')
  await once(child, 'exit')
})

test('a stale handle says of an open file that it is gone, and of a path that the volume is', () => {
  const codeOf = (syscall: string): string =>
    diskError('read', 'path', Object.assign(new Error('stale'), { code: 'ESTALE', syscall })).code
  expect(['read', 'fstat', 'write', 'fdatasync'].map(codeOf)).toEqual(Array(4).fill('absent'))
  // Whoever took the chain, a seal or a journal for absent here would decide without them.
  expect(['open', 'scandir', 'fsync', 'link', 'unlink', 'rename'].map(codeOf)).toEqual(Array(6).fill('io'))
})

test('a pipe that nobody writes keeps nobody waiting: it cannot be read as a file', async () => {
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const file = await open(path, 'read')
  const error = await new Promise<DiskError | null>((go) => file.read(0, 1, (error) => go(error)))
  expect(error).toMatchObject({ code: 'io', reason: 'ESPIPE: invalid seek' })
  expect(await act((done) => file.close(done))).toBe('none')
})

test('files and directories are for their owner alone', async () => {
  const file = await open(join(folder, 'f'), 'create')
  await act((done) => file.close(done))
  await act((done) => disk.makeDirectory(join(folder, 'd/e'), done))
  ;((await lock(join(folder, 'l'))) as Lock).release()
  const mode = (name: string): number => statSync(join(folder, name)).mode & 0o777
  expect(['f', 'd', 'd/e', 'l'].map((name) => mode(name).toString(8))).toEqual(['600', '700', '700', '600'])
})

test.runIf(process.platform === 'linux')('a full device is called full', async () => {
  const file = await open('/dev/full', 'write')
  expect(await act((done) => file.write([Buffer.from('x')], 0, done))).toBe('full')
  await act((done) => file.close(done))
})

test('a failed operation leaves the file usable, and the next ones in order', async () => {
  const path = join(folder, 'f')
  await act((done) => disk.open(path, 'create', (error) => done(error)))
  const file = await open(path, 'read')
  const results = await Promise.all([
    act((done) => file.write([Buffer.from('x')], 0, done)),
    act((done) => file.size((error) => done(error))),
    act((done) => file.truncate(3, done)),
    act((done) => file.close(done)),
  ])
  expect(results).toEqual(['io', 'none', 'io', 'none'])
})

test('what a short write has left is found again, at any cut', () => {
  const parts = [Buffer.from('ab'), Buffer.alloc(0), Buffer.from('cde'), Buffer.from('f')]
  const all = Buffer.concat(parts)
  for (let written = 0; written <= all.length; written++) {
    expect(Buffer.concat(unwritten(parts, written))).toEqual(all.subarray(written))
  }
  expect(unwritten(parts, all.length)).toEqual([])
})

test('a folder that the system does not make is refused, also where it says that what is above does not exist', async () => {
  const make = (path: string): Promise<string> => act((done) => disk.makeDirectory(path, done))
  expect(await make('/proc/potoroo/data')).not.toBe('none')
  writeFileSync(join(folder, 'file'), '')
  expect(await make(join(folder, 'file'))).not.toBe('none')
  expect(await make(join(folder, 'file/below'))).not.toBe('none')
  expect(await make(join(folder, 'a/b/c'))).toBe('none')
  expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700)
})

test('files are listed without the folders beside them, and a folder is no file', async () => {
  await act((done) => disk.makeDirectory(join(folder, 'b'), done))
  for (const name of ['c', 'a']) writeFileSync(join(folder, name), '')
  const listed = await new Promise<readonly string[]>((resolve) => disk.listFiles(folder, (_, names) => resolve(names)))
  expect(listed).toEqual(['a', 'c'])
  const file = await open(join(folder, 'b'), 'read')
  expect(await act((done) => file.read(0, 1, (error) => done(error)))).toBe('directory')
  await act((done) => file.close(done))
})

test('what went wrong is said without the call and the path, which stand in front of it', async () => {
  const path = join(folder, 'absent', "it's")
  const error = await new Promise<DiskError | null>((resolve) => disk.open(path, 'create', (found) => resolve(found)))
  expect(error).toMatchObject({ code: 'absent', path, reason: 'ENOENT: no such file or directory' })
  expect(error!.message).toBe(`open ${path}: ENOENT: no such file or directory`)
})
