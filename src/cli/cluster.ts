/** What makes a worker one of several, out of its settings and the environment. */
import { existsSync } from 'node:fs'
import { fail } from '../base/errors.ts'
import type { Address } from '../env/network.ts'
import type { LogOptions } from '../env/real/log.ts'
import type { ClusterSettings } from '../worker/seat/cluster-settings.ts'
import { watchOnThread } from '../worker/seat/detector/threaded.ts'
import { recordsOnThread } from '../worker/seat/detector/threaded-store.ts'
import { addressOf } from './address.ts'
import type { Settings } from './settings.ts'
import { clusterTokenPlace } from './token.ts'

/** Anything shorter is guessed. */
const TOKEN_LENGTH = 16
/** Anything else cannot be sent. */
const TOKEN = /^[\x21-\x7e]{1,1000}$/
/** Settings that mean nothing for a worker alone. */
const SHARED = ['cluster', 'journals', 'listen', 'reach', 'expected']
/** Addresses at which nobody can be reached. */
const ANYWHERE = ['0.0.0.0', '::']

/** The cluster that `settings` describe, `null` for a worker alone. Throws `E_CONFIG`. */
export function clusterOf(settings: Settings, token: string | null, log: LogOptions): ClusterSettings | null {
  const { store, journals = null, cluster: name, expected, limits, given } = settings
  if (store === undefined) {
    const lonely = SHARED.find((path) => given.has(path))
    if (lonely === undefined) return null
    throw wrong(given.get(lonely)!, 'it is for workers that share a store: give that with --store')
  }
  if (token === null) {
    throw wrong(
      'POTOROO_CLUSTER_TOKEN',
      'workers of a cluster need a token: in this variable, or in the file of ..._FILE',
    )
  }
  if (token.length < TOKEN_LENGTH || !TOKEN.test(token)) {
    throw wrong(clusterTokenPlace(), `a token has ${TOKEN_LENGTH} to 1000 characters, without spaces`)
  }
  const { listen, reach } = placeOf(settings)
  if (expected > limits.workers) {
    throw wrong(given.get('expected')!, `a cluster has up to ${limits.workers} workers (limits.workers)`)
  }
  const watch = watchOnThread({ limits, cluster: name, token, host: listen.host, reach, store, log })
  const records = recordsOnThread(store)
  return { name, token, store, journals, listen, reach, expected, watch, records }
}

/**
 * A store that workers share is made in a folder that is there: nothing is taken for one where a volume should be
 * mounted.
 */
export function needStoreFolder({ store }: Settings): void {
  if (store !== undefined && !existsSync(store)) throw fail('E_STORE_ABSENT', { path: store })
}

/** Where the worker listens for the others, and where they reach it. */
function placeOf({ listen: text, reach, given }: Settings): { readonly listen: Address; readonly reach: string } {
  let listen: Address
  try {
    listen = addressOf(text)
  } catch {
    throw wrong(given.get('listen')!, `"${text}" is no address: write PORT or HOST:PORT`)
  }
  if (reach === undefined && ANYWHERE.includes(listen.host)) {
    throw wrong(given.get('listen')!, `nobody is reached at ${listen.host}: say with --reach by which name or address`)
  }
  return { listen, reach: reach ?? listen.host }
}

function wrong(where: string, reason: string): Error {
  return fail('E_CONFIG', { where, reason })
}
