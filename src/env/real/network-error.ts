/** The operating system's words for what went wrong in the network, in ours. */
import { showAddress } from '../../base/address.ts'
import { fail } from '../../base/errors.ts'
import { reasonOf } from '../../base/reason.ts'
import { type Address, NetworkError, type NetworkErrorCode } from '../network.ts'
import { portOwner } from './port-owner.ts'

const codes: Readonly<Record<string, NetworkErrorCode>> = {
  EADDRINUSE: 'inUse',
  EACCES: 'denied',
  EPERM: 'denied',
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  ETIMEDOUT: 'timeout',
}

/** Who has a port that this process has given out twice. */
const ITSELF = 'this worker itself, for another step, its control API or other workers'

export function networkError(remote: string, error: NodeJS.ErrnoException): NetworkError {
  return new NetworkError(codes[error.code ?? ''] ?? 'other', `${remote}: ${reasonOf(error)}`, error)
}

/** Why nobody can listen there; a port that is taken is named with its owner. */
export async function listenError(at: Address, error: NodeJS.ErrnoException): Promise<NetworkError> {
  const plain = networkError(showAddress(at), error)
  if (plain.code !== 'inUse') return plain
  const owner = await portOwner(at.port)
  const own = owner?.endsWith(`(pid ${process.pid})`) ?? false
  const by = owner === null ? '' : ` by ${own ? ITSELF : owner}`
  const named = fail('E_PORT_IN_USE', { port: at.port, host: at.host, by }, error)
  return new NetworkError('inUse', named.message, named)
}
