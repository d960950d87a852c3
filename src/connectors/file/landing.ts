/**
 * What a writer has asked of a disk and that has not been done yet, so that whoever writes at its place next can wait
 * for it.
 *
 * L1. Names of segments tell generations apart, epochs and workers. A pipeline that is taken out and submitted again
 *     within a generation gives the names of the run before once more: what was asked for that one is done before the
 *     next one begins. Another process has another generation.
 */
import type { Disk, DiskError, Done, DoneVoid, File, OpenMode } from '../../env/disk.ts'

type Answer<A extends readonly unknown[]> = (...answer: [DiskError | null, ...A]) => void

/** Those who have left a place while something was under way, by disk and place. */
const leaving = new WeakMap<Disk, Map<string, Set<Landing>>>()

export class Landing {
  private readonly disk: Disk
  private readonly place: string
  private underWay = 0
  private left = false
  private waiting: (() => void)[] = []

  constructor(disk: Disk, place: string) {
    this.disk = disk
    this.place = place
  }

  /**
   * Calls `then` once all is done that those have asked for who wrote here before: at once where nothing is under way.
   */
  begin(then: () => void): void {
    const before = [...(leaving.get(this.disk)?.get(this.place) ?? [])]
    let left = before.length
    if (left === 0) then()
    for (const one of before) one.waiting.push(() => --left === 0 && then())
  }

  /** Nothing is asked for any more but what follows from what is under way. */
  leave(): void {
    if (this.left || this.underWay === 0) return
    this.left = true
    const places = leaving.get(this.disk) ?? new Map<string, Set<Landing>>()
    leaving.set(this.disk, places)
    places.set(this.place, (places.get(this.place) ?? new Set()).add(this))
  }

  open(path: string, mode: OpenMode, done: Done<File>): void {
    const answer = this.counted(done)
    this.disk.open(path, mode, (error, file) => answer(error, error === null ? this.countedFile(file) : file))
  }

  list(path: string, done: Done<readonly string[]>): void {
    this.disk.list(path, this.counted(done))
  }

  makeDirectory(path: string, done: DoneVoid): void {
    this.disk.makeDirectory(path, this.counted(done))
  }

  rename(from: string, to: string, done: DoneVoid): void {
    this.disk.rename(from, to, this.counted(done))
  }

  remove(path: string, done: DoneVoid): void {
    this.disk.remove(path, this.counted(done))
  }

  syncDirectory(path: string, done: DoneVoid): void {
    this.disk.syncDirectory(path, this.counted(done))
  }

  private countedFile(file: File): File {
    return {
      path: file.path,
      write: (parts, position, done) => file.write(parts, position, this.counted(done)),
      read: (position, length, done) => file.read(position, length, this.counted(done)),
      sync: (done) => file.sync(this.counted(done)),
      size: (done) => file.size(this.counted(done)),
      inode: (done) => file.inode(this.counted(done)),
      truncate: (length, done) => file.truncate(length, this.counted(done)),
      close: (done) => file.close(this.counted(done)),
    }
  }

  private counted<A extends readonly unknown[]>(done: Answer<A>): Answer<A> {
    this.underWay++
    return (...answer) => {
      done(...answer)
      // Behind what has been asked for by then.
      if (--this.underWay === 0) this.landed()
    }
  }

  private landed(): void {
    const { waiting, disk, place } = this
    this.waiting = []
    if (this.left) forget(disk, place, this)
    for (const then of waiting) then()
  }
}

function forget(disk: Disk, place: string, one: Landing): void {
  const places = leaving.get(disk)!
  const there = places.get(place)
  there?.delete(one)
  if (there?.size === 0) places.delete(place)
}
