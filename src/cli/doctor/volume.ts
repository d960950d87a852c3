/**
 * What a folder's file system does with what is written: the kind of it, its room, whether it keeps what it has
 * confirmed, its clock. Everything is tried out with a file of its own that is removed again.
 */
import {
  closeSync,
  fdatasyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import type { Limits } from '../../base/limits.ts'
import { showDuration } from '../../base/time.ts'
import { showBytes } from '../terminal.ts'
import { type Finding, good, notice, wrong } from './finding.ts'
import { keptBy } from './nfs.ts'

/** File systems that are in memory: what they hold ends with the machine. */
const IN_MEMORY = ['tmpfs', 'ramfs']
/** Other hosts may write there, and this one may see it late. */
const OVER_NETWORK = /^(nfs4?|cifs|smb3|9p|fuse\..*|ceph|glusterfs)$/

const SYNCS = 20
const SYNC_BYTES = 4096
/** No disk confirms a write that fast: it stands in a cache. A controller with a battery takes longer. */
const TOO_FAST_MS = 0.02
const SLOW_MS = 50
const SKEW_MS = 2000

interface Mount {
  readonly point: string
  readonly kind: string
  readonly options: readonly string[]
}

/** Examines `folder`, which is there and can be written. `shared`: other hosts' workers write there too. */
export function examineVolume(check: string, folder: string, limits: Limits, shared: boolean): readonly Finding[] {
  const mount = mountOf(resolve(folder))
  const probe = join(folder, `.doctor-${process.pid}`)
  const tries = [
    () => kind(check, folder, mount, shared),
    () => room(check, folder, limits),
    () => (IN_MEMORY.includes(mount?.kind ?? '') ? [] : durability(check, folder, probe)),
    () => clock(check, folder, probe),
    () => (shared ? links(check, folder, probe) : []),
  ]
  try {
    return tries.flatMap((tried) => findingsOf(check, folder, tried))
  } finally {
    rmSync(probe, { force: true })
    rmSync(`${probe}.link`, { force: true })
  }
}

/** A disk that refuses what is tried out, such as one that is full, is a finding, too. */
function findingsOf(check: string, folder: string, tried: () => Finding | readonly Finding[]): readonly Finding[] {
  try {
    return [tried()].flat()
  } catch (error) {
    return [
      wrong(
        check,
        `${folder} cannot be used: ${(error as Error).message}`,
        'make room there, or put it on another disk',
      ),
    ]
  }
}

function kind(check: string, folder: string, mount: Mount | null, shared: boolean): readonly Finding[] {
  if (mount === null) return []
  const where = `${folder} lies on ${mount.kind}`
  if (IN_MEMORY.includes(mount.kind)) {
    return [
      notice(
        check,
        `${where}, in memory: it is gone with the machine`,
        'put it on a disk, where state is to outlive the machine',
      ),
    ]
  }
  if (mount.kind === 'overlay') {
    return [notice(check, `${where}: it is gone with the container`, 'mount a volume there')]
  }
  const kept = shared ? keptBy(mount.kind, mount.options) : null
  if (kept !== null) return [wrong(check, `${where} (${mount.point}) and ${kept.what}`, kept.remedy)]
  if (shared || !OVER_NETWORK.test(mount.kind)) return [good(check, where)]
  return [
    notice(
      check,
      `${where}: each checkpoint and each acknowledgement waits for the network`,
      'a local disk is quicker; only the store of a cluster has to be shared',
    ),
  ]
}

function room(check: string, folder: string, { journalBytes, journalSegmentBytes }: Limits): Finding {
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const what = `${showBytes(free)} free in ${folder}`
  if (free < 2 * journalSegmentBytes)
    return wrong(check, what, 'make room: sources stop where nothing can be written, and go on by themselves')
  if (free >= journalBytes) return good(check, what)
  return notice(
    check,
    what,
    `the journal alone may take ${showBytes(journalBytes)} (limit journalBytes) while checkpoints do not complete`,
  )
}

/** Whether a confirmed write can have reached a disk. */
function durability(check: string, folder: string, probe: string): Finding {
  const file = openSync(probe, 'w', 0o600)
  const bytes = Buffer.alloc(SYNC_BYTES, 1)
  const times: number[] = []
  try {
    for (let i = 0; i < SYNCS; i++) {
      writeSync(file, bytes, 0, bytes.length, i * SYNC_BYTES)
      const from = performance.now()
      fdatasyncSync(file)
      times.push(performance.now() - from)
    }
  } finally {
    closeSync(file)
  }
  const median = times.sort((a, b) => a - b)[SYNCS / 2]!
  const what = `a write to ${folder} is confirmed after ${median < 1 ? `${median.toFixed(3)} ms` : showDuration(Math.round(median))}`
  if (median < TOO_FAST_MS) {
    return notice(
      check,
      `${what}, which no disk is capable of`,
      'expect a loss of power to lose what was acknowledged as journaled: look for a mount option or a virtual disk that ignores syncs',
    )
  }
  if (median > SLOW_MS)
    return notice(check, what, 'acknowledgements and checkpoints wait so long each: a quicker disk helps both')
  return good(check, what)
}

/** The clock of who keeps the files against that of this machine. */
function clock(check: string, folder: string, probe: string): readonly Finding[] {
  closeSync(openSync(probe, 'w', 0o600))
  const skew = statSync(probe).mtimeMs - Date.now()
  if (Math.abs(skew) < SKEW_MS) return []
  const what = `the clock behind ${folder} is ${showDuration(Math.round(Math.abs(skew)))} ${skew > 0 ? 'ahead of' : 'behind'} that of this machine`
  return [notice(check, what, 'let both machines ask a time server; state is safe, times in `status` are wrong')]
}

/** The chain rests on exclusive links. */
function links(check: string, folder: string, probe: string): Finding {
  closeSync(openSync(probe, 'w', 0o600))
  const made = `${probe}.link`
  try {
    linkSync(probe, made)
  } catch (error) {
    return wrong(
      check,
      `${folder} takes no second name for a file: ${(error as Error).message}`,
      'put the store on a file system with hard links',
    )
  }
  try {
    linkSync(probe, made)
  } catch {
    return good(check, `${folder} makes a name once`)
  }
  return wrong(
    check,
    `${folder} makes a name twice`,
    'put the store on another file system: workers would overwrite one another',
  )
}

/** The mount that `path` lies on, by the longest mount point; `null` where the system does not say. */
function mountOf(path: string): Mount | null {
  let text: string
  try {
    text = readFileSync('/proc/self/mounts', 'utf8')
  } catch {
    return null
  }
  let found: Mount | null = null
  for (const line of text.split('\n')) {
    const [, point, kind, options] = line.split(' ')
    if (point === undefined || kind === undefined || options === undefined) continue
    const inside = path === point || path.startsWith(point === '/' ? '/' : `${point}/`)
    // Of two mounts on one point the later one is seen.
    if (inside && point.length >= (found?.point.length ?? 0)) found = { point, kind, options: options.split(',') }
  }
  return found
}
