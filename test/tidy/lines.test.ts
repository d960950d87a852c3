/** Comments are no wider than code, which the formatter keeps to its width. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const WIDTH = 120

/**
 * A line of a comment that is prose: pictures and programs in it are indented or marked, and have the width that they
 * need.
 */
const PROSE = /^\s*(?:\/\/|\/?\*\*?)(?! {4}| @example)/

test('no line of a comment is wider than code may be', () => {
  const paths = globSync(['*.ts', '{src,test,bench,pipelines,docker}/**/*.ts'], { cwd: root })
  expect(paths.length).toBeGreaterThan(1000)
  const wide = paths.flatMap((path) =>
    readFileSync(join(root, path), 'utf8')
      .split('\n')
      .flatMap((line, i) => (line.length > WIDTH && PROSE.test(line) ? [`${path}:${i + 1}`] : [])),
  )
  expect(wide).toEqual([])
})
