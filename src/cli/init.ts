/**
 * `potoroo init [FOLDER]`: a new project with a pipeline, its test, a README and what runs them.
 *
 * I1. Nothing that is there is changed: where one of the files is there already, none is written.
 * I2. The project depends on the potoroo that made it: a checkout or a package file is named by its path, since no
 *     registry need have it.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { fail } from '../base/errors.ts'
import { OWN_FOLDER } from '../base/own-files.ts'
import { inShell } from '../base/shell.ts'
import { makeFolder } from '../client/folder.ts'
import { print, printJson, say } from './terminal.ts'
import { manifest, version } from './version.ts'

/** Files of the project that stand in the package as they are. */
const COPIED = ['word-count.ts', 'word-count.test.ts', 'tsconfig.json']

/** What the project needs beside potoroo: the Node that runs it, and the types for an editor. */
const TOOLS = ['@types/node', 'node', 'typescript'] as const

const packageRoot = realpathSync(fileURLToPath(new URL('..', OWN_FOLDER)))

interface Origin {
  /** What package.json says. */
  readonly specifier: string
  /** The folder of the checkout, where it is one. */
  readonly checkout: string | null
}

export function initCommand(): Command {
  return new Command('init')
    .description('make a new project: a pipeline, its test, and what runs them')
    .argument('[folder]', 'where to; it is made', '.')
    .option('--json', 'as JSON')
    .action((given: string, { json }: { json?: true }) => {
      const folder = resolve(given)
      const origin = originFor(folder)
      const files = projectFiles(folder, origin)
      write(folder, given, files)
      if (origin.checkout !== null) build(origin.checkout)
      if (json) printJson({ folder, files: Object.keys(files), potoroo: origin.specifier })
      else print(nextSteps(given, origin))
    })
}

/** Where this program came from (I2). */
function originFor(folder: string): Origin {
  if (!packageRoot.includes(`${sep}node_modules${sep}`)) {
    return { specifier: `file:${portable(relative(folder, packageRoot))}`, checkout: packageRoot }
  }
  const modules = packageRoot.slice(0, packageRoot.lastIndexOf(`${sep}node_modules${sep}`))
  const resolved = resolvedBy(join(modules, 'node_modules/.package-lock.json'))
  const specifier = resolved?.startsWith('file:')
    ? `file:${portable(relative(folder, resolve(modules, resolved.slice('file:'.length))))}`
    : `^${version}`
  return { specifier, checkout: null }
}

/** What npm says that this package was installed from, or `undefined`. */
function resolvedBy(lockFile: string): string | undefined {
  try {
    const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as {
      packages: Record<string, { resolved?: string }>
    }
    return packages['node_modules/potoroo']?.resolved
  } catch {
    return undefined
  }
}

function projectFiles(folder: string, origin: Origin): Readonly<Record<string, string>> {
  const name = nameOf(folder)
  const template = (file: string): string => readFileSync(join(packageRoot, 'pipelines/starter', file), 'utf8')
  const versions = manifest.devDependencies
  const project = {
    name,
    private: true,
    type: 'module',
    scripts: {
      start: 'potoroo run word-count.ts',
      dev: 'potoroo dev word-count.ts',
      test: 'node --test',
      check: 'tsc && potoroo check word-count.ts',
    },
    dependencies: { potoroo: origin.specifier },
    devDependencies: Object.fromEntries(TOOLS.map((tool) => [tool, versions[tool]])),
    allowScripts: manifest.allowScripts,
  }
  return {
    'package.json': `${JSON.stringify(project, null, 2)}\n`,
    'README.md': template('README.md').replace('{name}', name).replace('{origin}', aboutOrigin(origin)),
    '.gitignore': 'node_modules/\n.potoroo/\n',
    ...Object.fromEntries(COPIED.map((file) => [file, template(file)])),
  }
}

function aboutOrigin({ specifier, checkout }: Origin): string {
  if (checkout === null) return ''
  return [
    '',
    `It uses the checkout of Potoroo in \`${specifier.slice('file:'.length)}\`. After a change there, \`npm run build\` in it brings its types`,
    'and what the tests run up to date.',
    '',
  ].join('\n')
}

function write(folder: string, given: string, files: Readonly<Record<string, string>>): void {
  const there = Object.keys(files).filter((file) => existsSync(join(folder, file)))
  if (there.length > 0) {
    const reason = `${there.join(', ')} ${there.length === 1 ? 'is' : 'are'} there already in ${given}`
    throw fail('E_USAGE', { reason: `${reason}; \`init FOLDER\` makes the project in a folder of its own` })
  }
  try {
    makeFolder(folder, 0o777)
    // I1. Also where somebody else writes at the same time.
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text, { flag: 'wx' })
  } catch (error) {
    throw fail('E_FILE', { operation: 'write to', path: given, reason: (error as Error).message }, error)
  }
}

/** What the project imports of a checkout is what was built there. */
function build(checkout: string): void {
  if (existsSync(join(checkout, 'dist/index.js'))) return
  say(`builds the checkout in ${checkout}, once`)
  const { status, stdout } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: checkout, encoding: 'utf8' })
  if (status !== 0) say(`it could not be built; try \`npm ci && npm run build\` there\n${stdout ?? ''}`)
}

function nextSteps(given: string, { specifier, checkout }: Origin): string {
  const lines = [
    `a new project is in ${given === '.' ? 'this folder' : given}: word-count.ts is its pipeline, word-count.test.ts the test of that`,
    '',
    ...(given === '.' ? [] : [`  cd ${inShell(given)}`]),
    '  npm install',
    '  npm test',
    '  npm run dev                        # runs it, and takes over what you save',
    '  npx potoroo send 7001 README.md    # in another terminal: sends it something',
  ]
  if (checkout !== null) lines.push('', `it uses this checkout of potoroo (${specifier}), which no registry has`)
  else if (specifier.startsWith('file:')) lines.push('', `it uses the package file ${specifier.slice('file:'.length)}`)
  return lines.join('\n')
}

/** A name that npm takes, out of that of the folder. */
function nameOf(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return name === '' || name === 'potoroo' ? 'my-pipelines' : name
}

/** A path as package.json has it on every system. */
function portable(path: string): string {
  const plain = path.split(sep).join('/')
  return plain.startsWith('.') ? plain : `./${plain}`
}
