/** Which room may import which, and what is fenced in: the rules of `src/ARCHITECTURE.md`, checked file by file. */

/** Rooms in order; a room may import itself and those named here. */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  base: [],
  env: ['base'],
  model: ['base'],
  protocol: ['base'],
  state: ['base', 'model'],
  dataflow: ['base', 'model', 'state'],
  checkpoint: ['base', 'env', 'protocol', 'state'],
  ingest: ['base', 'env', 'model', 'protocol'],
  transport: ['base', 'env', 'protocol'],
  connectors: ['base', 'env', 'model', 'protocol'],
  cluster: ['base', 'protocol', 'checkpoint'],
  worker: [
    'base',
    'env',
    'model',
    'protocol',
    'state',
    'dataflow',
    'checkpoint',
    'ingest',
    'transport',
    'connectors',
    'cluster',
  ],
  client: ['base', 'protocol'],
  sim: [
    'base',
    'env',
    'model',
    'protocol',
    'state',
    'dataflow',
    'checkpoint',
    'ingest',
    'transport',
    'connectors',
    'cluster',
    'worker',
    'client',
  ],
  admin: ['base', 'env', 'model', 'worker'],
  cli: ['*'],
  'index.ts': ['base', 'model', 'connectors'],
  'testing.ts': ['base', 'model', 'sim'],
  'client.ts': ['base', 'protocol', 'client'],
  'browser.ts': ['base', 'protocol', 'client'],
}

interface Fence {
  readonly name: string
  readonly pattern: RegExp
  /** Paths below `src/` where it is allowed. */
  readonly allowed: readonly RegExp[]
}

const outside = [
  /^env\/real\//,
  /^admin\//,
  /^cli\//,
  /^client/,
  /^worker\/loading\//,
  /^worker\/seat\/detector/,
  /^launch\.js$/,
]

const fences: readonly Fence[] = [
  // All of it is read for that, and more: see there.
  { name: 'HTTP by its names (env/real/node-http.ts)', pattern: /^(?!import type).*from 'node:http'/, allowed: [] },
  { name: 'node modules', pattern: /from 'node:/, allowed: [...outside, /^base\/crc\.ts$/, /^model\/load/] },
  {
    name: 'clock and chance',
    pattern: /\bDate\.now\(|\bMath\.random\(|\bperformance\.now\(|\bset(Timeout|Interval|Immediate)\(/,
    allowed: outside,
  },
  {
    // A clock that is set makes a wait that it measures end at once, or not at all.
    name: 'spans of time by the clock on the wall',
    pattern: /\bclock\.now\(\) [+-]|[+-] [\w.]*\bclock\.now\(\)/,
    allowed: [/^ingest\/ages\.ts$/, /^worker\/seat\/heartbeats\.ts$/, /^sim\//],
  },
  { name: 'environment variables', pattern: /(?<![.\w])process\.env(?!\.[a-z])/, allowed: [/^cli\//, /^launch\.js$/] },
  { name: 'console', pattern: /\bconsole\.\w+\(/, allowed: [] },
  { name: 'left-overs', pattern: /\b(TODO|FIXME|XXX)\b/, allowed: [] },
  ...Object.entries({
    ws: [/^env\/real\/websocket\.ts$/, /^client\//],
    pino: [/^env\/real\/log\.ts$/],
    msgpackr: [/^base\/pack\.ts$/],
    'prom-client': [/^admin\/metrics\.ts$/],
    commander: [/^cli\//],
    esbuild: [/^worker\/loading\//, /^client\/browser\/bundle\.ts$/],
    yaml: [/^cli\//],
    valibot: [/^cli\//, /^admin\//],
  }).map(([name, allowed]) => ({ name: `package ${name}`, pattern: new RegExp(`from '${name}'`), allowed })),
]

/** Rooms whose code waits for nothing: no promise, no `await`. */
const synchronous = ['base', 'model', 'protocol', 'state', 'dataflow', 'checkpoint', 'ingest', 'transport', 'cluster']
const waiting = /\basync\b|\bawait\b|\bnew Promise\b|\bPromise\.\w+\(/

/** Complaints about one file, `path` below `src/`: one line each. */
export function complaints(path: string, text: string): string[] {
  const found: string[] = []
  const room = path.includes('/') ? path.slice(0, path.indexOf('/')) : path
  const code = stripComments(text)
  const may = rooms[room]
  if (may === undefined && path !== 'launch.js') found.push(`${path}: ${room} is not a room`)
  code.split('\n').forEach((line, i) => {
    const at = `${path}:${i + 1}:`
    const target = /(?:from|import)\s*\(?'(\.[^']*)'/.exec(line)?.[1]
    if (target !== undefined && may !== undefined) {
      const to = roomOf(path, target)
      const own = to === room || (room.endsWith('.ts') && to === room)
      const describes = room === 'index.ts' && to === 'connectors' && !/\/describe\.ts$/.test(target)
      if (!own && !may.includes('*') && !may.includes(to)) found.push(`${at} ${room} may not import ${to}`)
      if (describes) found.push(`${at} index.ts may import only describe.ts of a connector`)
    }
    for (const fence of fences) {
      if (fence.pattern.test(line) && !fence.allowed.some((allowed) => allowed.test(path))) {
        found.push(`${at} ${fence.name} may not be used here`)
      }
    }
    if (synchronous.includes(room) && waiting.test(line.replace(/'[^']*'/g, "''")))
      found.push(`${at} ${room} waits for nothing`)
  })
  return found
}

function roomOf(path: string, target: string): string {
  const parts = path.split('/').slice(0, -1)
  for (const part of target.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts[0]!
}

/** Blanks out comments and keeps the line numbers. */
function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' ')).replace(/^\s*\/\/.*$/gm, '')
}
