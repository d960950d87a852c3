import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const pages = globSync(['*.md', '{docs,docker,bench,src}/**/*.md'], { cwd: root })

/** A heading as GitHub names it in links. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-')

function anchorsIn(page: string): readonly string[] {
  return Array.from(readFileSync(join(root, page), 'utf8').matchAll(/^#+ (.*)$/gm), ([, heading]) => anchorOf(heading!))
}

test('every link between pages leads to a file and a heading', () => {
  expect(pages.length).toBeGreaterThan(20)
  const broken = pages.flatMap((page) => {
    const links = Array.from(readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link!)
    const inside = links.filter((link) => !/^\w+:/.test(link))
    return inside
      .filter((link) => {
        const [path, anchor] = link.split('#') as [string, string?]
        const target = path === '' ? page : join(dirname(page), path)
        if (!existsSync(join(root, target))) return true
        return anchor !== undefined && target.endsWith('.md') && !anchorsIn(target).includes(anchor)
      })
      .map((link) => `${page}: ${link}`)
  })
  expect(broken).toEqual([])
})

test('every decision stands in their list', () => {
  const list = readFileSync(join(root, 'docs/decisions/README.md'), 'utf8')
  const decisions = globSync('docs/decisions/0*.md', { cwd: root }).map((page) => page.slice('docs/decisions/'.length))
  expect(decisions.length).toBeGreaterThan(20)
  expect(decisions.filter((name) => !list.includes(`(${name})`))).toEqual([])
})
