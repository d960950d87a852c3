/**
 * What pages and docstrings of the package's functions show compiles as it stands there, and no function is without an
 * example.
 */
import { execFile } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Pipeline } from 'potoroo'
import { expect, onTestFinished, test } from 'vitest'
import { validate } from '../../src/model/validate.ts'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)

interface Face {
  readonly name: string
  /** The files of its functions. */
  readonly files: readonly string[]
  /** What the examples speak of. */
  readonly around: string
}

const faces: readonly Face[] = [
  {
    name: 'index',
    files: globSync(['src/connectors/*/describe.ts', 'src/model/{stream,pipeline,decoder,csv,framing}.ts'], {
      cwd: root,
    }),
    around: `
interface Order { id: string; country: string; cents: number; amount: number; paid: boolean }
interface Click { page: string }
declare const p: PipelineBuilder<{}>
declare const orders: Stream<Order>, returns: Stream<Order>, texts: Stream<string>
declare const rows: Stream<{ word: string; total: number }>
declare const byCountry: KeyedStream<string, Order>`,
  },
  {
    name: 'testing',
    files: ['src/testing.ts'],
    around: `import type { Pipeline } from '${root}/src/index.ts'\ndeclare const wordCount: Pipeline`,
  },
  { name: 'client', files: ['src/client.ts'], around: '' },
  { name: 'browser', files: ['src/browser.ts'], around: 'declare const location: { readonly pathname: string }' },
]

interface Documented {
  readonly file: string
  /** The line behind the comment. */
  readonly declaration: string
  readonly examples: readonly string[]
}

function documentedIn(file: string): readonly Documented[] {
  const comments = readFileSync(join(root, file), 'utf8').matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n\s*(.*)/g)
  return Array.from(comments, ([, comment, declaration]) => {
    const [, ...examples] = comment!.replace(/\n\s*\* ?/g, '\n').split('@example')
    return { file, declaration: declaration!, examples: examples.map((example) => example.trim()) }
  })
}

/** The names that a face exports. */
function namesOf({ name }: Face): readonly string[] {
  const text = readFileSync(join(root, `src/${name}.ts`), 'utf8')
  const own = Array.from(text.matchAll(/^export (?:async )?function (\w+)/gm), ([, one]) => one!)
  const lists = Array.from(text.matchAll(/^export (?:type )?\{([^}]*)\}/gm), ([, list]) => list!.split(','))
  const listed = lists.flat().map((one) => one.replace('type ', '').trim())
  return [...new Set([...own, ...listed])].filter((one) => one !== '')
}

/** An example as statements: one that goes on with a stream goes on with `stream`, and ends with its sink. */
function statementsOf(example: string, stream: string): string {
  if (/^\w+: \{/.test(example)) return `byCountry.mapWithState('total', { ...any, ${example} })`
  const keyed = /^\.\w+WithState\(/.test(example)
  const begun = example.replace(/^\./, `${keyed ? 'byCountry' : stream}.`)
  return begun.replaceAll('\n.sink(', `\n${stream}.sink(`).replace('export default ', '')
}

/** Pages whose examples are not compiled: one has its own tests (`test/testing/page.test.ts`), one is of docstrings. */
const APART = ['docs/testing.md', 'docs/connectors.md']

/** A module with the examples of all pages. */
function pagesModule(): string {
  const pages = ['README.md', ...globSync('docs/*.md', { cwd: root })].filter((page) => !APART.includes(page))
  const blocks = pages.flatMap((page) => {
    const shown = readFileSync(join(root, page), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)
    return Array.from(shown, ([, code]) => {
      const example = code!.replace(/^(\/\/.*\n)?(import .*\n)*\n*/, '').trim()
      return `// ${page}\nasync () => {\n${statementsOf(example, 'orders')}\n}\n`
    })
  })
  const [index] = faces as readonly [Face]
  return `import { ${namesOf(index).join(', ')} } from '${root}/src/index.ts'
import { type Client, connect, receiveAcked } from '${root}/src/client.ts'
${index.around}
declare const client: Client
declare const store: (value: unknown) => Promise<void>
declare const any: any
${blocks.join('\n')}`
}

/** What pages import in their examples, as it stands there: a module for each that does so. */
function importModules(): readonly string[] {
  const pages = ['README.md', ...globSync('docs/*.md', { cwd: root })]
  return pages.flatMap((page) => {
    const shown = readFileSync(join(root, page), 'utf8').matchAll(/```(?:ts|html)\n([\s\S]*?)```/g)
    return Array.from(shown, ([, code]) => {
      const lines = code!.match(/import \{[^}]*\} from '(?:potoroo\b.*|\.\/potoroo\.js)'/g) ?? []
      const resolved = lines.map((line) =>
        line.replace(/'(?:potoroo(?:\/(\w+))?|\.\/potoroo\.js)'/, (from, face: string | undefined) => {
          return `'${root}/src/${face ?? (from.includes('.js') ? 'browser' : 'index')}.ts'`
        }),
      )
      return `// ${page}\n${resolved.join('\n')}\nexport {}\n`
    })
  })
}

/** The scripts of the pages' HTML: what a browser runs. */
function scriptsModule(): string {
  const pages = globSync('docs/*.md', { cwd: root })
  const scripts = pages.flatMap((page) => {
    const shown = readFileSync(join(root, page), 'utf8').matchAll(/<script type="module">([\s\S]*?)<\/script>/g)
    return Array.from(shown, ([, code]) => `async () => {\n${code!.replace(/^ *import .*$/gm, '').trim()}\n}\n`)
  })
  return `import { connect } from '${root}/src/browser.ts'\n${scripts.join('\n')}`
}

/** Pipelines that pages show whole, with the line that leads to each. */
const programs = ['README.md', ...globSync('docs/*.md', { cwd: root })].flatMap((page) => {
  const shown = readFileSync(join(root, page), 'utf8').matchAll(/```ts\n((?:\/\/.*\n)?import [\s\S]*?)```/g)
  return Array.from(shown, ([, code]) => ({ page, code: code! })).filter(({ code }) => code.includes('export default'))
})

/** A module with all examples of a face, each in a function of its own. */
function moduleOf(face: Face): string {
  const blocks = face.files.flatMap(documentedIn).flatMap(({ file, declaration, examples }) =>
    examples.map((example) => {
      return `// ${file}: ${declaration}\nasync () => {\n${statementsOf(example, 'rows')}\n}\n`
    }),
  )
  return `import { ${namesOf(face).join(', ')} } from '${root}/src/${face.name}.ts'\n${face.around}\n${blocks.join('\n')}`
}

test.each(faces)('every function of $name has an example', (face) => {
  const without = face.files.flatMap(documentedIn).flatMap(({ declaration, examples }) => {
    const name = /^export (?:async )?function (\w+)/.exec(declaration)?.[1]
    return name !== undefined && examples.length === 0 && namesOf(face).includes(name) ? [name] : []
  })
  expect(without).toEqual([])
})

test('the examples compile', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'potoroo-examples-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const face of faces) writeFileSync(join(folder, `${face.name}.ts`), moduleOf(face))
  writeFileSync(join(folder, 'pages.ts'), pagesModule())
  for (const [i, text] of importModules().entries()) writeFileSync(join(folder, `imports-${i}.ts`), text)
  writeFileSync(join(folder, 'scripts.ts'), scriptsModule())
  const compilerOptions = {
    typeRoots: [join(root, 'node_modules/@types')],
    noUnusedLocals: false,
    noUnusedParameters: false,
    verbatimModuleSyntax: false,
    rewriteRelativeImportExtensions: false,
  }
  const settings = { extends: join(root, 'tsconfig.json'), compilerOptions, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  const compiled = run(join(root, 'node_modules/.bin/tsc'), ['-p', folder]).then(
    () => '',
    ({ stdout }: { readonly stdout: string }) => stdout,
  )
  expect(await compiled).toBe('')
})

test('a pipeline that a page shows whole has no fault, and the page that begins with one shows what init makes', async () => {
  expect(programs.map(({ page }) => page)).toEqual(['README.md', 'docs/getting-started.md'])
  const folder = mkdtempSync(join(root, 'test/types/.shown-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [i, { page, code }] of programs.entries()) {
    const file = join(folder, `shown-${i}.ts`)
    writeFileSync(file, code)
    const { default: shown } = (await import(file)) as { readonly default: Pipeline }
    expect(validate(shown.build()).faults, page).toEqual([])
  }
  // Its port, its name and its steps are those of the commands that follow on the page.
  const made = readFileSync(join(root, 'pipelines/starter/word-count.ts'), 'utf8')
  expect(programs.at(-1)!.code).toBe(made.replace(/^\/\*\*.*\n/, ''))
})
