/** Damage to the journal's files, at every byte. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Disk } from '../../src/env/disk.ts'
import { NO_CLAIM } from '../../src/protocol/acked.ts'
import { World } from '../../src/sim/world.ts'
import { linesOf, push, Rig, type Taken } from './fixture.ts'

interface Saved {
  readonly name: string
  readonly bytes: Buffer
}

const RECORDS = 36
let files: Saved[] = []
let whole: Taken[] = []

function read(world: World, disk: Disk): Saved[] {
  const saved: Saved[] = []
  disk.list('/journal', (_, names) => {
    for (const name of names) disk.readFile(`/journal/${name}`, (_, bytes) => saved.push({ name, bytes }))
  })
  world.run(world.now + 100)
  return saved.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function write(world: World, disk: Disk, saved: readonly Saved[]): void {
  disk.makeDirectory('/journal', () => {
    for (const { name, bytes } of saved) {
      disk.open(`/journal/${name}`, 'create', (_, file) => file.write([bytes], 0, () => {}))
    }
  })
  world.run(world.now + 100)
}

/** What a worker finds in `saved`: what it feeds, and what it reports. */
function replay(saved: readonly Saved[]): { taken: Taken[]; reports: readonly string[] } {
  const world = new World(1)
  const machine = world.machine('m')
  write(world, machine.start('writer').env.disk, saved)
  const rig = new Rig(world, machine, 'b').started()
  const taken: Taken[] = []
  do {
    rig.settle(1)
    taken.push(...rig.take())
  } while (rig.source!.replaying)
  return { taken, reports: rig.reports }
}

/** Checks what is true whatever the damage: every record is the one that was sent, in order, the acked ones 1 … k. */
function checkOrder(taken: readonly Taken[]): { acked: number; plain: number } {
  let acked = 0
  let plain = 0
  let last = 0
  for (const { producer, sequence, text } of taken) {
    if (producer === 'p') {
      expect(sequence).toBe(acked + 1)
      expect(text).toBe(`acked ${sequence}`)
      acked = sequence
    } else {
      expect(sequence).toBeGreaterThan(last)
      expect(text.split(' ')[1]).toBe(String(sequence))
      last = sequence
      plain++
    }
  }
  return { acked, plain }
}

beforeAll(() => {
  const world = new World(1)
  const rig = new Rig(world, world.machine('m'), 'a').started()
  rig.source!.producers.hello('p', '1', 1, NO_CLAIM, () => {})
  const session = { onAcks() {}, onTaken() {}, onRewind() {}, onReplaced() {}, onMoved() {} }
  const acked = rig.source!.producers.grant('p', '1', session)
  for (let i = 1; i <= RECORDS; i += 3) {
    const { bytes, cuts } = linesOf([`acked ${i}`, `acked ${i + 1}`, `acked ${i + 2}`])
    rig.source!.admit(acked, bytes, cuts, i, 'a writer')
    push(rig.source!, `plain ${i}`, `plain ${i + 1}`, `plain ${i + 2} ${'.'.repeat(40)}`)
    rig.settle(2)
  }
  rig.settle()
  whole = rig.take()
  files = read(world, rig.process.env.disk)
})

describe('a journal', () => {
  test('that is whole gives everything back, in the order it came', () => {
    const { taken, reports } = replay(files)
    expect(taken).toEqual(whole)
    expect(whole.length).toBe(2 * RECORDS)
    expect(files.length).toBeGreaterThan(2)
    expect(reports).toEqual([])
  })

  test('with any byte changed loses one batch at most, and says so', () => {
    files.forEach((file, at) => {
      for (let offset = 0; offset < file.bytes.length; offset += 5) {
        const bytes = Buffer.from(file.bytes)
        bytes[offset]! ^= 0x20
        const { taken, reports } = replay(files.with(at, { name: file.name, bytes }))
        const { acked, plain } = checkOrder(taken)
        expect(plain).toBeGreaterThanOrEqual(RECORDS - 3)
        const isLast = at === files.length - 1
        const lost = acked < RECORDS || plain < RECORDS
        if (lost && !isLast) expect(reports.join()).toMatch(/is damaged from byte/)
      }
    })
  })

  test('cut anywhere gives back what stands in front of the cut', () => {
    const file = files.at(-1)!
    let before = replay(files.slice(0, -1)).taken.length
    for (let length = 0; length <= file.bytes.length; length++) {
      const { taken, reports } = replay(files.with(-1, { name: file.name, bytes: file.bytes.subarray(0, length) }))
      checkOrder(taken)
      expect(taken).toEqual(whole.slice(0, taken.length))
      expect(taken.length).toBeGreaterThanOrEqual(before)
      before = taken.length
      expect(reports).toEqual([])
    }
    expect(before).toBe(whole.length)
  })
})
