/** Loading pipeline files: B1-B3 of load-bundle.ts and O1-O3 of load.ts, and what every kind of broken file is told. */
import { execFileSync } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { PotorooError } from '../../src/base/errors.ts'
import { defaultLimits } from '../../src/base/limits.ts'
import { buildGraph, loadBundle, loadPipeline } from '../../src/worker/loading/load.ts'
import { bundlePipeline, hashText } from '../../src/worker/loading/load-bundle.ts'
import { tryLoading } from '../../src/worker/loading/load-trial.ts'

const LOAD = new URL('../../src/worker/loading/load.ts', import.meta.url).href
const FACE = new URL('../../src/index.ts', import.meta.url).href
const PIPELINE = `
import { pipeline, generatorSource, nullSink } from 'potoroo'
import { shout } from './lib/shout.ts'
enum Size { small = 3 }
class Held { field = 1 }

export default pipeline('shouts', { parameters: { size: Size.small * new Held().field } }, (p) => {
  p.source('in', generatorSource({ value: (n) => String(n) }))
    .map('loud', (value) => shout(value))
    .sink('out', nullSink())
})
`
const SHOUT = `
export function shout(value: string): string {
  if (value === 'boom') throw new Error('too loud')
  return value.toUpperCase()
}
`

/** A file whose graph is built by `body`. */
const graph = (body: string): string =>
  `import { nullSink, pipeline } from 'potoroo'\nexport default pipeline('p', () => { ${body} })`

let root = ''
beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'potoroo-load-')))
})
afterAll(() => {
  rmSync(root, { recursive: true })
})

/** Writes files below `folder` and answers the path of the first. */
function write(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    const path = join(root, folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  return join(root, folder, Object.keys(files)[0]!)
}

async function refusal(work: Promise<unknown> | (() => unknown)): Promise<PotorooError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (error instanceof PotorooError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** Runs a module's text in a Node process of its own, in `cwd`, and answers what it prints. */
function runNode(text: string, cwd: string): string {
  const argv = ['--input-type=module', '--eval', text]
  // What loads files that never end would never end itself where their limit is broken.
  return execFileSync(process.execPath, argv, { cwd, encoding: 'utf8', timeout: 120_000, killSignal: 'SIGKILL' })
}

describe('a bundle', () => {
  test('is the same text in every folder, from every folder, and through a link', () => {
    const files = { 'shouts.ts': PIPELINE, 'lib/shout.ts': SHOUT }
    const one = write('one', files)
    const two = write('deep/er/two', files)
    // A configuration above a file must not change what the file means.
    write('deep', { 'tsconfig.json': '{ "compilerOptions": { "target": "ES5", "useDefineForClassFields": false } }' })
    symlinkSync(one, join(root, 'link.ts'))
    const { text, hash } = bundlePipeline(one, defaultLimits)
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(hash).toBe(hashText(text))
    expect(bundlePipeline(two, defaultLimits).text).toBe(text)
    expect(bundlePipeline(join(root, 'link.ts'), defaultLimits).hash).toBe(hash)
    const elsewhere = `import { bundlePipeline } from '${LOAD.replace('load.ts', 'load-bundle.ts')}'
      process.stdout.write(bundlePipeline('./deep/er/two/shouts.ts', { bundleBytes: 1e6 }).hash)`
    expect(runNode(elsewhere, root)).toBe(hash)
    expect(text).not.toContain(root)
    expect(bundlePipeline(one, defaultLimits).map).not.toContain(root)
  })

  test('does not say where a package was found', () => {
    const file = "import { up } from 'up'\nimport { low } from 'low'\nexport default [up('a'), low('B')]\n"
    const packages = {
      'up/package.json': '{ "name": "up", "main": "index.js" }',
      'up/index.js': "const os = require('os')\nexports.up = (text) => text.toUpperCase() + os.EOL.length",
      'low/package.json': '{ "name": "low", "type": "module", "main": "main.js" }',
      'low/main.js': 'export const low = (text) => text.toLowerCase()',
    }
    const install = (at: string) =>
      Object.fromEntries(Object.entries(packages).map(([name, text]) => [`${at}node_modules/${name}`, text]))
    const near = write('near', { 'packaged.ts': file, ...install('') })
    const far = write('far/away', { 'packaged.ts': file, ...install('../../far/') })
    expect(bundlePipeline(far, defaultLimits).text).toBe(bundlePipeline(near, defaultLimits).text)
    expect(bundlePipeline(near, defaultLimits).text).toContain('node_modules/up/index.js')
  })

  test('changes with what the file means', () => {
    const one = bundlePipeline(write('changed', { 'shouts.ts': PIPELINE, 'lib/shout.ts': SHOUT }), defaultLimits).hash
    const two = bundlePipeline(
      write('changed', { 'shouts.ts': PIPELINE, 'lib/shout.ts': SHOUT.replace('Upper', 'Lower') }),
      defaultLimits,
    ).hash
    expect(two).not.toBe(one)
  })

  test('has a limit', async () => {
    const file = write('large', { 'large.ts': `export default ${JSON.stringify('x'.repeat(2000))}` })
    const error = await refusal(() => bundlePipeline(file, { bundleBytes: 1000 }))
    expect(error.code).toBe('E_PIPELINE_TOO_LARGE')
  })
})

describe('a pipeline', () => {
  test('loads from its file, and again from the bundle’s text alone', async () => {
    const file = write('good', { 'shouts.ts': PIPELINE, 'lib/shout.ts': SHOUT })
    const { bundle, pipeline } = await loadPipeline(file, defaultLimits)
    rmSync(join(root, 'good'), { recursive: true })
    const stored = await loadBundle(bundle.text, bundle.map, bundle.hash, defaultLimits)
    for (const loaded of [pipeline, stored]) {
      const graph = buildGraph(loaded, { size: '5' }, defaultLimits)
      expect(graph).toMatchObject({ name: 'shouts', parameters: { size: 5 } })
      const step = graph.steps[1]!
      expect(step.kind === 'map' && step.fn('quiet')).toBe('QUIET')
    }
  })

  test('shares nothing with another load of the same text', async () => {
    const text = "import { pipeline } from 'potoroo'\nlet n = 0\nexport default pipeline('p' + ++n, () => {})\n"
    const file = write('own', { 'own.ts': text })
    const [one, two] = [await loadPipeline(file, defaultLimits), await loadPipeline(file, defaultLimits)]
    expect([one.pipeline.name, two.pipeline.name]).toEqual(['p1', 'p1'])
    expect(one.pipeline).not.toBe(two.pipeline)
  })

  test('takes no thread of its own beside others that load, or have a moment ago', async () => {
    const threads: unknown[] = []
    const count = (message: unknown) => threads.push(message)
    subscribe('worker_threads', count)
    onTestFinished(() => void unsubscribe('worker_threads', count))
    const file = write('many', { 'shouts.ts': PIPELINE, 'lib/shout.ts': SHOUT })
    const { text, map, hash } = bundlePipeline(file, defaultLimits)
    threads.length = 0
    // A time that nobody else has: others have a thread of their own.
    const limits = { loadTimeoutMs: 7654 }
    const all = await Promise.all(Array.from({ length: 20 }, () => loadBundle(text, map, hash, limits)))
    expect(all.map(({ name }) => name)).toEqual(all.map(() => 'shouts'))
    expect(threads.length).toBe(1)
    // Nor beside what has loaded a moment ago.
    for (let i = 0; i < 5; i++) {
      // As long as a store takes that is read for the next one.
      await new Promise((resolve) => setTimeout(resolve, 20))
      await loadBundle(text, map, hash, limits)
    }
    expect(threads.length).toBe(1)
  })

  test('may use packages in CommonJS that need Node’s own modules', async () => {
    const file = write('common', {
      'common.ts':
        "import { pipeline } from 'potoroo'\nimport name from 'namer'\nexport default pipeline(name, () => {})\n",
      'node_modules/namer/index.js': "const { basename } = require('node:path')\nmodule.exports = basename('/a/named')",
    })
    expect((await loadPipeline(file, defaultLimits)).pipeline.name).toBe('named')
  })

  test('may use packages in CommonJS that try others which are not installed', async () => {
    const file = write('tries', {
      'tries.ts':
        "import { pipeline } from 'potoroo'\nimport name from 'trier'\nexport default pipeline(name, () => {})\n",
      'node_modules/trier/index.js':
        "try { require('faster'); module.exports = 'faster' } catch ({ code }) { module.exports = 'slow-' + code }",
    })
    expect((await loadPipeline(file, defaultLimits)).pipeline.name).toBe('slow-MODULE_NOT_FOUND')
  })

  test('shows the lines of its files in stack traces', () => {
    const file = write('traced', { 'shouts.ts': PIPELINE, 'lib/shout.ts': SHOUT })
    const { text, map, hash } = bundlePipeline(file, defaultLimits)
    const print = (load: string) => `import { loadBundle, loadPipeline } from '${LOAD}'
      const limits = { bundleBytes: 1e6, loadTimeoutMs: 10_000 }
      const pipeline = ${load}
      try { pipeline.build().steps[1].fn('boom') } catch (error) { console.log(error.stack) }`
    const local = runNode(print(`(await loadPipeline('shouts.ts', limits)).pipeline`), dirname(file))
    expect(local).toContain(`${join(root, 'traced/lib/shout.ts')}:3:`)
    expect(local).toContain(`${file}:9:`)
    const stored = runNode(print(`await loadBundle(...${JSON.stringify([text, map, hash])}, limits)`), root)
    expect(stored).toMatch(/potoroo:\/\/\/[^ ]+\/lib\/shout\.ts:3:/)
    expect(stored).not.toContain(dirname(file))
  })

  test('whose stored text was damaged is refused', async () => {
    const { text, map, hash } = bundlePipeline(write('whole', { 'p.ts': 'export default 1' }), defaultLimits)
    const { code, message } = await refusal(loadBundle(`${text} `, map, hash, defaultLimits))
    expect([code, message]).toEqual(['E_BUNDLE_DAMAGED', expect.stringContaining(`bundles/${hash}`)])
  })
})

describe('a file that is no pipeline is told why, and where', () => {
  const broken: readonly [string, string, string, string][] = [
    ['a syntax error', 'const a = 1\nexport default { a: }', 'E_PIPELINE_SYNTAX', 'FILE:2:21: Unexpected "}"'],
    [
      'a missing package',
      "import x from 'no-such'\nexport default x",
      'E_PIPELINE_IMPORT',
      'FILE:1:15: cannot import "no-such": no such package is installed',
    ],
    [
      'a missing file',
      "import x from './gone.ts'\nexport default x",
      'E_PIPELINE_IMPORT',
      'FILE:1:15: cannot import "./gone.ts": there is no such file',
    ],
    [
      'a wrong name',
      "import { pipeline,\n  tcpSorce } from 'potoroo'\nexport default tcpSorce",
      'E_PIPELINE_IMPORT',
      'FILE:2: cannot import tcpSorce from "potoroo": it exports no such name; did you mean tcpSource?',
    ],
    [
      'an unknown part',
      "import x from 'potoroo/inside'\nexport default x",
      'E_PIPELINE_IMPORT',
      'there are potoroo, potoroo/testing and potoroo/client',
    ],
    [
      'a throw',
      "type A = 1\n\nthrow new TypeError('no luck')",
      'E_PIPELINE_THREW',
      'FILE:3:7: the pipeline file threw while it was loaded: TypeError: no luck',
    ],
    [
      'a throw of no error',
      "throw 'nothing'",
      'E_PIPELINE_THREW',
      'FILE: the pipeline file threw while it was loaded: nothing',
    ],
    [
      'a throw of what has no words',
      'throw Object.create(null)',
      'E_PIPELINE_THREW',
      'FILE: the pipeline file threw while it was loaded: a value of type object that cannot be shown',
    ],
    [
      'a file that reads what lies beside it',
      "import { readFileSync } from 'node:fs'\nreadFileSync(new URL('./a.txt', import.meta.url))",
      'E_PIPELINE_PLACE',
      'FILE:2:1: the pipeline file asked where it lies while it was loaded: TypeError: The URL must be of scheme file',
    ],
    [
      'a file that asks for its folder',
      'export default String(__dirname)',
      'E_PIPELINE_PLACE',
      'FILE:1:23: the pipeline file asked where it lies while it was loaded: ReferenceError: __dirname is not defined',
    ],
    [
      'a file that requires from where it lies',
      "import { createRequire } from 'node:module'\ncreateRequire(import.meta.url)('./x.cjs')",
      'E_PIPELINE_PLACE',
      'FILE:2:1: the pipeline file asked where it lies',
    ],
    [
      'potoroo that is required',
      "const { pipeline } = require('potoroo')\nmodule.exports = pipeline('p', () => {})",
      'E_PIPELINE_IMPORT',
      "FILE: cannot import require('potoroo'): write import … from 'potoroo'",
    ],
    ['no export', 'export const a = 1', 'E_PIPELINE_EXPORT', 'FILE exports no pipeline: it has no default export'],
    [
      'a named export',
      "import { pipeline } from 'potoroo'\nexport const words = pipeline('w', () => {})",
      'E_PIPELINE_EXPORT',
      '"words" is exported by name only',
    ],
    ['another export', 'export default () => {}', 'E_PIPELINE_EXPORT', 'its default export is a function,'],
    ['an object', 'export default {}', 'E_PIPELINE_EXPORT', 'its default export is an object,'],
    [
      'an endless await',
      'await new Promise(() => {})\nexport default 1',
      'E_PIPELINE_SLOW',
      'FILE was not loaded after 900 ms: it waits',
    ],
    ['an endless loop', 'for (;;) {}', 'E_PIPELINE_SLOW', 'FILE was not loaded after 900 ms: it computes'],
    [
      'an endless loop behind an await',
      'await null\nfor (;;) {}',
      'E_PIPELINE_SLOW',
      'FILE was not loaded after 900 ms: it computes',
    ],
    [
      'an endless loop that catches what it can',
      'for (;;) try { for (;;) {} } catch {} finally { continue }',
      'E_PIPELINE_SLOW',
      'FILE was not loaded after 900 ms: it computes',
    ],
  ]
  const fileOf = (name: string) => join(root, 'broken', `${name.replaceAll(' ', '-')}.ts`)
  let told: Readonly<Record<string, string>> = {}

  // Stack traces are mapped in plain Node only, so a process of its own loads them all.
  beforeAll(() => {
    for (const [name, text] of broken) write('broken', { [`${name.replaceAll(' ', '-')}.ts`]: text })
    const files = broken.map(([name]) => fileOf(name))
    // What the first of them reads of the program counts for none.
    const loading = `import { loadPipeline } from '${LOAD}'
      import '${FACE}'
      const limits = { bundleBytes: 1e6, loadTimeoutMs: 900 }
      const told = {}
      for (const file of ${JSON.stringify(files)}) {
        await loadPipeline(file, limits).catch(({ code, message }) => { told[file] = code + ' ' + message })
      }
      console.log(JSON.stringify(told))`
    told = JSON.parse(runNode(loading, root))
  })

  test.each(broken)('%s', (name, _text, code, message) => {
    const file = fileOf(name)
    expect(told[file]).toMatch(new RegExp(`^${code} `))
    expect(told[file]).toContain(message.replace('FILE', file))
  })

  test('in place of one that waits nothing else is interrupted that holds the loop', () => {
    const file = write('broken', { 'beside.ts': 'await new Promise(() => {})\nexport default 1' })
    // Longer than the loop ever stands still otherwise, and shorter than the file may take.
    const loading = `import { loadPipeline } from '${LOAD}'
      let [begun, ended] = [0, 0]
      const hold = () => {
        begun++
        const until = performance.now() + 1100
        while (performance.now() < until);
        ended++
        if (message === null) setImmediate(hold)
      }
      let message = null
      setImmediate(hold)
      message = await loadPipeline('${file}', { bundleBytes: 1e6, loadTimeoutMs: 1600 }).catch(({ message }) => message)
      console.log(JSON.stringify({ message, cut: begun - ended }))`
    const told = JSON.parse(runNode(loading, root))
    expect(told).toEqual({ message: expect.stringContaining('it waits'), cut: 0 })
  })

  test('is not given up for time in which the machine did not let it compute', () => {
    const text = `process.kill(process.pid, 'SIGSTOP')\nawait new Promise((resolve) => setTimeout(resolve, 100))\n`
    const file = write('starved', { 'starved.ts': text + graph('') })
    const goOn = `echo ready; until grep -q '^State:.T' /proc/$1/status; do sleep 0.05; done; sleep 2; kill -CONT $1`
    const loading = `import { spawn } from 'node:child_process'
      import { once } from 'node:events'
      import { loadPipeline } from '${LOAD}'
      const other = spawn('sh', ['-c', ${JSON.stringify(goOn)}, 'sh', String(process.pid)], { stdio: ['ignore', 'pipe', 'inherit'] })
      await once(other.stdout, 'data')
      const { pipeline } = await loadPipeline('${file}', { bundleBytes: 1e6, loadTimeoutMs: 1800 })
      console.log(pipeline.name)`
    expect(runNode(loading, root)).toBe('p\n')
  })

  test('beside one that computes others load, and so do those that follow', () => {
    const pause = (ms: number) => `await new Promise((resolve) => setTimeout(resolve, ${ms}))\n`
    const slow = write('computes', { 'computes.ts': `${pause(200)}for (;;) {}` })
    const good = write('beside', { 'good.ts': `${pause(300)}${pause(100)}${pause(100)}${graph('')}` })
    const waits = write('waits', { 'waits.ts': 'await new Promise(() => {})\nexport default 1' })
    const loading = `import { loadPipeline } from '${LOAD}'
      const limits = { bundleBytes: 1e6, loadTimeoutMs: 2000 }
      const load = (file) => loadPipeline(file, limits).then(({ pipeline }) => pipeline.name, ({ message }) => message)
      const again = load('${slow}').then(async (first) => [first, await load('${slow}')])
      const [beside, slow, waits] = await Promise.all([load('${good}'), again, load('${waits}')])
      console.log(JSON.stringify([beside, ...slow, await load('${good}'), waits]))`
    const told = JSON.parse(runNode(loading, root))
    const computes = expect.stringContaining('it computes')
    expect(told).toEqual(['p', computes, computes, 'p', expect.stringContaining('was not loaded')])
  })

  test('each of several that compute behind one another is interrupted, and what loads beside them is not refused', () => {
    const pause = 'await new Promise((resolve) => setTimeout(resolve, 100))\n'
    const files = [
      write('spins', { 'spins.ts': `${pause}for (;;);` }),
      write('spins-too', { 'spins-too.ts': `${pause}for (;;) {}` }),
      write('waits-a-little', { 'good.ts': `${pause}${graph('')}` }),
    ]
    const loading = `import { loadPipeline } from '${LOAD}'
      const limits = { bundleBytes: 1e6, loadTimeoutMs: 1500 }
      const load = (file) => loadPipeline(file, limits).then(({ pipeline }) => pipeline.name, ({ message }) => message)
      console.log(JSON.stringify(await Promise.all(${JSON.stringify(files)}.map(load))))`
    const told = JSON.parse(runNode(loading, root))
    const slow = files.map((file) => `${file} was not loaded after 1.5 s: it computes`)
    expect(told).toEqual([expect.stringContaining(slow[0]!), expect.stringContaining(slow[1]!), 'p'])
  })

  test('beside two that compute only where they are loaded for good another one loads', () => {
    const pause = 'await new Promise((resolve) => setTimeout(resolve, 100))\n'
    const liar = `import { isMainThread } from 'node:worker_threads'\nwhile (isMainThread);\nexport default 1`
    const files = [
      write('lies', { 'lies.ts': liar }),
      write('lies-too', { 'lies.ts': liar }),
      write('true', { 'good.ts': `${pause}${pause}${pause}${graph('')}` }),
    ]
    const loading = `import { loadPipeline } from '${LOAD}'
      const limits = { bundleBytes: 1e6, loadTimeoutMs: 1500 }
      const load = (file) => loadPipeline(file, limits).then(({ pipeline }) => pipeline.name, ({ message }) => message)
      console.log(JSON.stringify(await Promise.all(${JSON.stringify(files)}.map(load))))`
    const computes = expect.stringContaining('it computes')
    expect(JSON.parse(runNode(loading, root))).toEqual([computes, computes, 'p'])
  })

  test('no file, a folder', async () => {
    for (const path of [join(root, 'absent.ts'), root]) {
      expect(await refusal(loadPipeline(path, defaultLimits))).toMatchObject({ code: 'E_PIPELINE_FILE' })
    }
  })

  test('a throw while the graph is built', async () => {
    const text = "import { pipeline } from 'potoroo'\nexport default pipeline('p', () => { throw new Error('no') })"
    const { pipeline } = await loadPipeline(write('broken', { 'building.ts': text }), defaultLimits)
    const error = await refusal(() => buildGraph(pipeline, {}, defaultLimits))
    expect(error.code).toBe('E_PIPELINE_THREW')
    expect(error.message).toContain('the pipeline file threw while it was built: Error: no')
  })
})

describe('beside the loop', () => {
  /** Tries `text` for at most `loadTimeoutMs`, and answers how often the loop has turned meanwhile. */
  async function turnsOf(text: string, loadTimeoutMs = 60_000, patience?: number): Promise<number> {
    const limits = { loadTimeoutMs }
    let turns = 0
    const timer = setInterval(() => turns++, 10)
    try {
      await tryLoading({ text, map: '{}', hash: hashText(text), parameters: {}, limits }, undefined, patience)
      return turns
    } catch (error) {
      throw Object.assign(error as Error, { turns })
    } finally {
      clearInterval(timer)
    }
  }

  test.each(['for (;;) {}', 'await null\nfor (;;) {}', graph('for (;;) {}'), 'await new Promise(() => {})'])(
    'what never ends is given up, and the loop has gone on: %j',
    async (text) => {
      // However little the machine lets it compute.
      const given = await turnsOf(text, 1500, Infinity).catch((error) => error)
      const does = text.includes('for') ? 'computes' : 'waits'
      expect(given).toMatchObject({ code: 'E_PIPELINE_SLOW', details: { does } })
      expect(given.turns).toBeGreaterThan(20)
    },
  )

  /** Stands still for `ms`, and neither computes nor waits in its loop: as where the machine does other things. */
  const still = (ms: string): string => `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})\n`

  test('time in which it is not let compute counts only against a longer limit', async () => {
    expect(await turnsOf(still('1500') + graph(''), 700)).toBeGreaterThan(20)
    const refused = await turnsOf(still('Infinity'), 300).catch((error) => error)
    expect(refused).toMatchObject({ code: 'E_PIPELINE_STARVED', details: { timeout: '1.8 s' } })
    expect(refused.message).toMatch(/was not loaded after 1\.8 s, in which it has computed for \d+ ms: the machine/)
  })

  test.each([
    ['Promise.reject(new Error("later"))', 'Error: later'],
    [`setTimeout(() => { throw new Error("later") })\n${graph('')}`, 'Error: later'],
    ['process.exit()', 'it ends the process'],
  ])('what would end the process is refused: %j', async (text, reason) => {
    const refused = await turnsOf(text).catch((error) => error)
    expect(refused).toMatchObject({ code: 'E_PIPELINE_THREW', message: expect.stringContaining(reason) })
  })

  test.each([graph(''), 'syntax error', "throw new Error('no')"])('what ends is left to the loop: %j', (text) =>
    expect(turnsOf(text)).resolves.toBeTypeOf('number'),
  )
})
