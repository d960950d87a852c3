/**
 * Does what the compose file says where no container engine is at hand: each worker and Prometheus on a host of its own
 * (a network namespace with the service's name), with the environment, command, user and volumes of its service. Then
 * it asks that Prometheus for every expression of the board.
 *
 *   node docker/try-compose.ts     needs root, Linux, `ip`, `unshare` and `prometheus`
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parse } from 'yaml'
import { Hosts } from '../bench/workers/hosts.ts'

interface Service {
  readonly environment?: Readonly<Record<string, string>>
  readonly command?: readonly string[]
  readonly volumes: readonly string[]
  readonly user?: string
}

const here = import.meta.dirname
const repository = resolve(here, '..')
const work = mkdtempSync(join(tmpdir(), 'potoroo-compose-'))
chmodSync(work, 0o755)
const { services } = parse(readFileSync(join(here, 'compose.yaml'), 'utf8'), { merge: true }) as {
  services: Readonly<Record<string, Service>>
}
const names = Object.keys(services).filter((name) => name !== 'grafana')
const workers = names.filter((name) => name !== 'prometheus')
/** The user of the image, and of Prometheus. */
const USER = 1000
const hosts = new Hosts()
const children: ChildProcess[] = []
process.on('exit', () => {
  for (const { pid } of children) if (pid !== undefined) tryTo(() => process.kill(-pid, 'SIGKILL'))
  rmSync(work, { recursive: true, force: true })
})

function tryTo(act: () => void): void {
  try {
    act()
  } catch {
    // It is gone.
  }
}

/** What the image has: `potoroo` and `potoroo-start` on the path. */
function makeImage(): string {
  const bin = join(work, 'bin')
  mkdirSync(bin, { recursive: true })
  const node = join(repository, 'node_modules/node/bin/node')
  const put = (name: string, text: string) => writeFileSync(join(bin, name), text, { mode: 0o755 })
  put('node', `#!/bin/sh\nexec ${node} "$@"\n`)
  put('potoroo', `#!/bin/sh\nexec ${node} ${join(repository, 'src/launch.js')} "$@"\n`)
  put('potoroo-start', readFileSync(join(here, 'start.sh'), 'utf8'))
  return `${bin}:/usr/local/bin:/usr/bin:/bin`
}

/** The folder or file that a volume is of: one of this checkout, or a named one. */
function sourceOf(volume: string): string {
  const [source] = volume.split(':') as [string]
  if (source.startsWith('.')) return join(here, source)
  const folder = join(work, 'volumes', source)
  mkdirSync(folder, { recursive: true })
  chownSync(folder, USER, USER)
  return folder
}

/** Runs `command` as the container of service `name` would: its network, names, volumes, user and environment. */
function start(name: string, command: readonly string[], more: Readonly<Record<string, string>> = {}): ChildProcess {
  const { volumes, environment = {} } = services[name]!
  const mounts = volumes.map((volume) => [sourceOf(volume), volume.split(':')[1]!] as const)
  const bound = [[join(work, 'hosts'), '/etc/hosts'] as const, ...mounts].map(
    ([from, to]) =>
      `mkdir -p ${dirname(to)}; [ -e ${to} ] || ${from.includes('.') ? 'touch' : 'mkdir -p'} ${to}; mount --bind ${from} ${to}`,
  )
  const script = [
    'set -e',
    // What is mounted here is seen here only, also where it has to be made first.
    'for top in /srv /etc/prometheus /shared /pipelines; do mkdir -p $top; mount -t tmpfs none $top; done',
    ...bound,
    'cd /srv',
    `exec setpriv --reuid=${USER} --regid=${USER} --clear-groups "$@"`,
  ].join('\n')
  const argv = [...hosts.on(name).slice(1), 'unshare', '-m', 'sh', '-c', script, 'sh', ...command]
  const log = openSync(join(work, `${name}.log`), 'a')
  const env = { PATH: image, HOME: '/srv', NODE_ENV: 'production', POTOROO_LOG_FORMAT: 'json', ...environment, ...more }
  const child = spawn('ip', argv, { env, stdio: ['ignore', log, log], detached: true })
  children.push(child)
  return child
}

function tell(name: string, ...words: readonly string[]): Promise<number | null> {
  const child = start(name, ['potoroo', ...words])
  return new Promise((done) => child.once('exit', done))
}

interface Answer {
  readonly data: { readonly result: readonly unknown[]; readonly activeTargets: readonly { readonly health: string }[] }
}

/** Asks Prometheus, from its own host. */
function ask(path: string): Answer {
  const [command, ...words] = [...hosts.on('prometheus'), 'curl', '-sfg', `http://127.0.0.1:9090${path}`]
  return JSON.parse(execFileSync(command!, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
}

/** Asks again until `holds`; throws with what was waited for after a minute. */
async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 120; tries++) {
    try {
      if (await holds()) return console.log(what)
    } catch {
      // Nobody answers yet.
    }
    await wait(500)
  }
  for (const name of names.filter((one) => existsSync(join(work, `${one}.log`)))) {
    console.log(`── ${name}\n${readFileSync(join(work, `${name}.log`), 'utf8').slice(-1500)}`)
  }
  throw new Error(`not within a minute: ${what}`)
}

const image = makeImage()
for (const name of names) hosts.add(name)
const table = names.map((name) => `${hosts.addressOf(name)} ${name}\n`).join('')
writeFileSync(join(work, 'hosts'), `127.0.0.1 localhost\n${table}`)
for (const name of workers) start(name, ['potoroo-start', 'worker'])
await until(
  'a pipeline is submitted by docker exec',
  async () => (await tell('w1', 'submit', '/pipelines/word-count.ts')) === 0,
)
const prometheus = start('prometheus', ['prometheus', ...services.prometheus!.command!])
prometheus.once('exit', (status) => console.log(`prometheus has ended with ${status}`))

/** Some words for every worker, again and again, so that there are rates. */
const feeding = setInterval(() => {
  for (const name of workers) {
    const words = [
      ...hosts.on(names[0]!).slice(1),
      'bash',
      '-c',
      `echo to be or not to be > /dev/tcp/${hosts.addressOf(name)}/7001`,
    ]
    spawn('ip', words, { stdio: 'ignore' })
  }
}, 500)

await until(`Prometheus scrapes ${workers.length} workers by their names, with the shared token`, () => {
  const { activeTargets } = ask('/api/v1/targets').data
  return activeTargets.length === workers.length && activeTargets.every(({ health }) => health === 'up')
})
const board = JSON.parse(readFileSync(join(here, 'grafana/boards/potoroo.json'), 'utf8')) as {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[]
}
for (const { title, targets = [] } of board.panels) {
  for (const { expr } of targets) {
    await until(
      `${title}: ${expr}`,
      () => ask(`/api/v1/query?query=${encodeURIComponent(expr)}`).data.result.length > 0,
    )
  }
}
clearInterval(feeding)
const ended = children.slice(0, workers.length).map((child) => new Promise((done) => child.once('exit', done)))
for (const { pid } of children.slice(0, workers.length)) process.kill(-pid!, 'SIGTERM')
const statuses = await Promise.all(ended)
console.log(`SIGTERM: status ${statuses.join(', ')}`)
if (statuses.some((status) => status !== 0)) process.exit(1)
console.log('holds')
process.exit(0)
