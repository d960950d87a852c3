/** `src/ARCHITECTURE.md` speaks of this code: its rooms, files and invariants are there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rooms } from './layering.ts'

const src = join(import.meta.dirname, '../../src')
const page = readFileSync(join(src, 'ARCHITECTURE.md'), 'utf8')

/** The rows of the table of rooms: name and what it may import. */
const rows = Array.from(page.matchAll(/^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$/gm), ([, room, may]) => ({
  room: room!,
  may: may!.trim(),
}))

test('every room is in the table, in the order of the layering', () => {
  const folders = Object.keys(rooms).filter((room) => !room.endsWith('.ts'))
  expect(rows.map(({ room }) => room)).toEqual(folders)
  const there = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  for (const { name } of there) expect(folders, `src/${name}`).toContain(name)
})

test('the table says what the layering allows', () => {
  const above: string[] = []
  for (const { room, may } of rows) {
    const allowed = rooms[room]!
    const expected = may === 'everything' ? ['*'] : may === 'all above' ? above : may === '–' ? [] : may.split(' ')
    expect([...allowed].sort(), room).toEqual([...expected].sort())
    above.push(room)
  }
})

test('every file that it names is there', () => {
  const named = Array.from(page.matchAll(/`([\w/-]+\.(?:ts|js))`/g), ([, path]) => path!)
  expect(named.length).toBeGreaterThan(40)
  for (const path of named) {
    const place = path.startsWith('test/') ? join(src, '..', path) : join(src, path)
    expect(existsSync(place), path).toBe(true)
  }
})

test('every invariant that it names stands at the head of its file', () => {
  const cited = Array.from(page.matchAll(/`([\w/-]+\.ts)` ((?:[A-Z]\d+(?:, )?)+)/g))
  expect(cited.length).toBeGreaterThan(10)
  for (const [, path, names] of cited) {
    const head = readFileSync(join(src, path!), 'utf8').split('*/')[0]!
    for (const name of names!.split(', ').filter(Boolean)) expect(head, `${path} ${name}`).toContain(` * ${name}. `)
  }
})
