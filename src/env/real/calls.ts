/**
 * The calls of the system on files, in the two ways in which Node makes them.
 *
 * `pooled` go to a few threads (four, unless UV_THREADPOOL_SIZE says otherwise) that all of the process share, in the
 * order in which they are asked: behind whatever a user's function has them compute, such as `crypto.scrypt`, or look
 * up. `prompt` are made by the calling thread, which waits for each: nobody can come before them, and nothing else goes
 * on in that thread meanwhile, for ever where a volume hangs.
 */
import * as fs from 'node:fs'

export type Calls = Pick<
  typeof fs,
  | 'close'
  | 'fdatasync'
  | 'fstat'
  | 'fsync'
  | 'ftruncate'
  | 'link'
  | 'mkdir'
  | 'open'
  | 'read'
  | 'readdir'
  | 'readFile'
  | 'rename'
  | 'rm'
  | 'rmdir'
  | 'stat'
  | 'statfs'
  | 'unlink'
  | 'writev'
>

export const pooled: Calls = fs

export const prompt: Calls = {
  close: later(fs.closeSync),
  fdatasync: later(fs.fdatasyncSync),
  fstat: later(fs.fstatSync),
  fsync: later(fs.fsyncSync),
  ftruncate: later(fs.ftruncateSync),
  link: later(fs.linkSync),
  mkdir: later(fs.mkdirSync),
  open: later(fs.openSync),
  read: later(fs.readSync),
  readdir: later(fs.readdirSync),
  readFile: later(fs.readFileSync),
  rename: later(fs.renameSync),
  rm: later(fs.rmSync),
  rmdir: later(fs.rmdirSync),
  stat: later(fs.statSync),
  statfs: later(fs.statfsSync),
  unlink: later(fs.unlinkSync),
  writev: later(fs.writevSync),
} as unknown as Calls

type Answer = (error: unknown, value?: unknown) => void

/** `call` at once, answered after the caller has gone on (`disk.ts`, K1). */
function later(call: (...args: never[]) => unknown): (...args: unknown[]) => void {
  return (...args) => {
    const done = args.pop() as Answer
    try {
      setImmediate(done, null, call(...(args as never[])))
    } catch (error) {
      setImmediate(done, error)
    }
  }
}
