/** What a person is told when the network fails under a connector. */
import { fail, PotorooError } from '../../base/errors.ts'
import type { NetworkError } from '../../env/network.ts'

/** A port could not be opened; the network may know who has it. */
export function listenFault(step: string, host: string, port: number, error: NetworkError): PotorooError {
  const told = error.cause
  const by = told instanceof PotorooError ? told.details.by : ''
  if (error.code === 'inUse')
    return fail('E_PORT_IN_USE', { host, port, by, so: `: step "${step}" cannot listen there` }, error)
  if (told instanceof PotorooError) return told
  return fail('E_LISTEN', { host, port, step, reason: error.message }, error)
}
