/** Reads of single segments (`src/ingest/scan.ts`). */
import { expect, test } from 'vitest'
import { type Disk, DiskError } from '../../src/env/disk.ts'
import { type ScanVisitor, SegmentScan } from '../../src/ingest/scan.ts'
import { Segment } from '../../src/ingest/segment.ts'

test('who has given a scan up hears nothing of it, whatever was under way', () => {
  const heard: string[] = []
  const visitor: ScanVisitor = {
    wants: () => true,
    entry: () => true,
    damage: () => {},
    torn: () => {},
    done: (error) => heard.push(error?.code ?? 'done'),
  }
  const answers: (() => void)[] = []
  const soon = (answer: () => void): void => void answers.push(answer)
  const path = '/journal/1'
  const file = {
    path,
    read: (_: number, __: number, done: (error: null, bytes: Buffer) => void) =>
      soon(() => done(null, Buffer.alloc(0))),
    close: (done: (error: null) => void) => soon(() => done(null)),
  }
  const absent = new DiskError('absent', 'open', path, 'it is not there')
  /** Reads an empty file, or one that is gone; gives up when the answers of the disk so far are `after`. */
  const scan = (isThere: boolean, after: number): string[] => {
    heard.length = 0
    const open = (_: string, __: string, done: (...answer: unknown[]) => void): void =>
      soon(() => (isThere ? done(null, file) : done(absent)))
    const one = new SegmentScan({ open } as unknown as Disk, new Segment('/journal', 1, 0, 'a', 0), visitor)
    one.start()
    for (let answered = 0; answers.length > 0; answered++) {
      if (answered === after) one.cancel()
      answers.shift()!()
    }
    return [...heard]
  }
  expect([scan(true, Infinity), scan(false, Infinity)]).toEqual([['done'], ['absent']])
  for (const after of [0, 1, 2]) expect(scan(true, after), `given up after ${after}`).toEqual([])
  expect(scan(false, 0)).toEqual([])
})
