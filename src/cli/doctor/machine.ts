/** The machine and the process: Node, its flags, memory, open files. */
import { totalmem } from 'node:os'
import { openFilesLimit } from '../../env/real/guests.ts'
import { showBytes, showCount } from '../terminal.ts'
import { type Finding, good, notice } from './finding.ts'

/** Flags that change how a worker behaves, for whoever has set them for all of Node. */
const HEAVY_FLAGS = /--(inspect|prof|cpu-prof|heap-prof)\S*/

/** A source alone may have thousands of connections, and files are open too. */
const FILES_NEEDED = 4096
const MEMORY_NEEDED = 512 * 1024 * 1024

export function examineMachine(environment: NodeJS.ProcessEnv = process.env): readonly Finding[] {
  return [node(), flags(environment.NODE_OPTIONS ?? ''), memory(), files()]
}

/** An older Node does not come here: the launcher stops it. */
function node(): Finding {
  return good('node', `Node ${process.versions.node} (${process.execPath})`)
}

function flags(options: string): Finding {
  const heavy = HEAVY_FLAGS.exec(options)?.[0]
  if (heavy !== undefined) {
    const remedy = 'take it out of NODE_OPTIONS where figures count: it makes every worker slower'
    return notice('flags', `NODE_OPTIONS has ${heavy}`, remedy)
  }
  if (typeof process.execve !== 'function') {
    const remedy =
      'start workers with `node --max-semi-space-size=8 --heap-growing-percent=100 …/potoroo`, or expect longer pauses'
    return notice(
      'flags',
      'this system cannot replace a process, so workers run without the flags that keep pauses short',
      remedy,
    )
  }
  return good(
    'flags',
    options === '' ? 'workers set their own' : `NODE_OPTIONS is "${options}"; workers set the others`,
  )
}

function memory(): Finding {
  const limit = process.constrainedMemory()
  const all = limit > 0 && limit < totalmem() ? limit : totalmem()
  const what = `${showBytes(all)}${all === limit ? ', by the limit of this container' : ''}`
  if (all >= MEMORY_NEEDED) return good('memory', what)
  return notice('memory', what, 'state lives in memory: a worker needs about 200 MB and what its keys hold')
}

function files(): Finding {
  const count = openFilesLimit()
  if (count === Number.POSITIVE_INFINITY) return good('open files', 'no limit, or not known on this system')
  const what = `up to ${showCount(count)} open files and connections`
  if (count >= FILES_NEEDED) return good('open files', what)
  return notice('open files', what, `raise it (\`ulimit -Hn\`, LimitNOFILE=): a source takes thousands of connections`)
}
