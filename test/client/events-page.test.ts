/** docs/websocket.md says what the client says to a page. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

test('each event of the client stands on the page, and no other', () => {
  const declared = /interface ClientEvents \{([\s\S]*?)\n\}/.exec(read('src/client/client.ts'))![1]!
  const events = Array.from(declared.matchAll(/^ {2}(\w+): \[/gm), ([, name]) => name!)
  const [, rows] = /\| event \| says \|\n\|---\|---\|\n((?:\|.*\n)*)/.exec(read('docs/websocket.md'))!
  const shown = Array.from(rows!.matchAll(/^\| `(\w+)` \|/gm), ([, name]) => name!)
  expect(shown.toSorted()).toEqual(events.toSorted())
})
