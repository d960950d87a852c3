#!/usr/bin/env node
/**
 * What `potoroo` starts: checks the version of Node, prepares it, and hands over to the command line.
 *
 * Plain JavaScript with nothing in it that Node 12.17 cannot read, so that an old Node says what it lacks and not that
 * there is a syntax error. In a checkout the sources run as they are; an installed package runs what was built, because
 * Node strips no types inside `node_modules`.
 */
const NODE_NEEDED = 24

/**
 * Commands that run a worker in this process, and what V8 is told for it. It reads these when it starts and never again, so
 * the process replaces itself once; it keeps its id, and starts 15 ms later. What was chosen by hand stays.
 */
const WORKERS = ['run', 'worker', 'dev']
const FLAGS = [
  // The young generation, in MiB. Collecting a large one beside a million live keys stops the loop for long.
  ['--max-semi-space-size', 8],
  // Threads that help the collector: one less than there are processors (0), in place of four, which on few processors take
  // them from the loop.
  ['--v8-pool-size', 0],
  // The heap may double before it is marked through: V8 would begin after a tenth, and mark a million keys every second.
  ['--heap-growing-percent', 100],
  // How large the old generation may become before it is collected for the first time, in MiB. A worker that comes back
  // fills its heap in a second, and V8 would mark it through at 18, 35, 58 and 130 of them.
  ['--initial-old-space-size', 256],
  // How much code of other functions a function may take in when it is compiled, in bytes. A hot loop is made of many small
  // functions, and what has been compiled before counts as the larger for it: with V8's 920 whether a user's decoder gets
  // `readDoubleBE` into it depends on the order in which the two became hot.
  ['--max-inlined-bytecode-size-cumulative', 2000],
]

/**
 * Threads for what waits for the system (files, names of hosts), which all of this process shares. Node has four: as many
 * reads of a volume that hangs would hold up the journal, the store and the beat of a worker that needs nothing of it.
 */
const THREADS = '64'

if (Number(process.versions.node.split('.')[0]) < NODE_NEEDED) {
  const found = `this is Node ${process.versions.node} (${process.execPath})`
  const remedy = `get it from https://nodejs.org, or \`npm install --save-dev node@${NODE_NEEDED}\` and use \`npx potoroo\``
  stop(`potoroo needs Node ${NODE_NEEDED} or newer, and ${found}: ${remedy}`)
} else {
  Promise.all([import('node:fs'), import('node:module'), import('node:url')]).then(([fs, module, url]) => {
    launch(url.fileURLToPath(import.meta.url), fs, module, url)
  })
}

function launch(file, fs, module, url) {
  // In front of the first use of any, and for the process that takes the place of this one.
  if (WORKERS.includes(commandOf(process.argv)))
    process.env.UV_THREADPOOL_SIZE = process.env.UV_THREADPOOL_SIZE || THREADS
  const flags = flagsWanted()
  if (flags.length > 0) {
    const args = [...process.execArgv, ...flags, file, ...process.argv.slice(2)]
    process.execve(process.execPath, [process.execPath, ...args], process.env)
  }
  module.enableCompileCache()
  const main = mainFile(file, fs)
  if (main === null)
    stop(`potoroo is not built: run \`npm run build\` in ${url.fileURLToPath(new URL('..', import.meta.url))}`)
  else import(main.href)
}

/** What this process is to be replaced for: nothing when all was chosen already, or when a parent talks to it. */
function flagsWanted() {
  if (typeof process.execve !== 'function' || process.connected) return []
  if (!WORKERS.includes(commandOf(process.argv))) return []
  const given = [...process.execArgv, process.env.NODE_OPTIONS || ''].join(' ').replace(/_/g, '-')
  return FLAGS.filter(([flag]) => !given.includes(flag)).map(([flag, value]) => `${flag}=${value}`)
}

/** The first argument that is no flag. */
function commandOf(argv) {
  return argv.slice(2).find((argument) => !argument.startsWith('-'))
}

/** The command line's module: its source in a checkout, else what was built; `null` when there is neither. */
function mainFile(file, fs) {
  const source = new URL('cli/main.ts', import.meta.url)
  const built = new URL('../dist/cli/main.js', import.meta.url)
  const installed = /[\\/]node_modules[\\/]/.test(file)
  if (!installed && process.features.typescript && fs.existsSync(source)) return source
  return fs.existsSync(built) ? built : null
}

function stop(reason) {
  process.stderr.write(`${reason}\n`)
  process.exitCode = 1
}
