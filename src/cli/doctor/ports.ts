/** Where a pipeline listens and dials. */

import { createConnection, createServer } from 'node:net'
import { showAddress } from '../../base/address.ts'
import { portOwner } from '../../env/real/port-owner.ts'
import type { Plan } from '../../model/plan.ts'
import { plan } from '../../model/planner.ts'
import { loadGraph } from '../load.ts'
import { type Finding, good, notice, wrong } from './finding.ts'

const DIAL_MS = 1000

interface Place {
  readonly role: 'source' | 'sink'
  readonly step: string
  readonly host: string
  readonly port: number
  readonly listens: boolean
}

/** What the pipeline in `file` needs of this machine. `workers`: processes of workers that are known here. */
export async function examinePipeline(file: string, workers: ReadonlySet<number>): Promise<readonly Finding[]> {
  const check = 'pipeline'
  let planned: Plan
  try {
    planned = plan((await loadGraph(file)).graph)
  } catch (error) {
    const { message, remedy = '' } = error as Error & { remedy?: string }
    return [wrong(check, `${file}: ${message}`, remedy)]
  }
  const places = planned.tasks.flatMap(placeOf)
  const found = await Promise.all(places.map((place) => (place.listens ? listening(place, workers) : dialling(place))))
  return [good(check, `${file}: pipeline "${planned.pipeline}" can be run`), ...found]
}

function placeOf(task: Plan['tasks'][number]): readonly Place[] {
  if (task.kind !== 'source' && task.kind !== 'sink') return []
  const { kind, settings } = task.kind === 'source' ? task.source : task.sink
  const { host, port } = settings
  if (typeof host !== 'string' || typeof port !== 'number' || port === 0) return []
  return [{ role: task.kind, step: task.step, host, port, listens: task.kind === 'source' || kind.includes('server') }]
}

async function listening({ role, step, host, port }: Place, workers: ReadonlySet<number>): Promise<Finding> {
  const subject = `${role} ${step}: port ${port} on ${host}`
  const refused = await tryToListen(host, port)
  if (refused === null) return good('ports', `${subject} is free`)
  if (refused !== 'EADDRINUSE') {
    return wrong(
      'ports',
      `${subject} cannot be listened on: ${refused}`,
      'give a host that this machine has and a port that this user may take',
    )
  }
  const owner = await portOwner(port)
  const pid = Number(/pid (\d+)/.exec(owner ?? '')?.[1])
  if (workers.has(pid)) return good('ports', `${subject} is listened on by a worker, process ${pid}`)
  const by = owner === null ? '' : ` by ${owner}`
  return wrong('ports', `${subject} is in use${by}`, 'stop the program that listens there, or choose another port')
}

/** The code of what forbids to listen there, `null` where nothing does. */
function tryToListen(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, host, () => server.close(() => resolve(null)))
  })
}

function dialling({ step, host, port }: Place): Promise<Finding> {
  const subject = `sink ${step}: ${showAddress({ host, port })}`
  const remedy = 'start the program that listens there; until then output waits and the sources slow down'
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, timeout: DIAL_MS })
    const end = (finding: Finding): void => {
      socket.destroy()
      resolve(finding)
    }
    socket.once('connect', () => end(good('ports', `${subject} answers`)))
    socket.once('timeout', () => end(notice('ports', `${subject} does not answer`, remedy)))
    socket.once('error', (error: NodeJS.ErrnoException) =>
      end(notice('ports', `${subject} does not answer: ${error.code}`, remedy)),
    )
  })
}
