/** What of a producer's hello is wrong whatever its source knows of the stream. */
import { fail, type PotorooError } from '../base/errors.ts'
import { sameSecret } from '../base/secret.ts'
import { ackedVersions } from '../protocol/acked.ts'
import { agreedVersion } from '../protocol/version.ts'
import type { Hello } from './session-table.ts'
import type { HelloAnswer } from './streams.ts'

/** The refusal of such a hello, or `null`. `source.name` is `pipeline/step`. */
export function refusalOf(
  hello: Hello,
  source: { readonly name: string; readonly token: string | null },
): HelloAnswer | null {
  const { producer, incarnation } = hello
  const refused = (error: PotorooError): HelloAnswer => ({ kind: 'refused', error })
  if (versionFor(hello) === null) {
    return refused(fail('E_ACKED_VERSION', { version: hello.newest, ...ackedVersions }))
  }
  if (hello.source !== source.name && hello.source !== stepOf(source.name)) {
    return refused(fail('E_SOURCE_UNKNOWN', { source: hello.source, known: stepOf(source.name) }))
  }
  if (source.token !== null && !sameSecret(hello.token, source.token)) {
    return refused(fail('E_TOKEN', { producer, source: source.name }))
  }
  if (producer === '' || incarnation === '' || `${producer}${incarnation}`.includes('\0')) {
    return refused(fail('E_ACKED_PROTOCOL', { reason: 'a producer and its incarnation have names without zero bytes' }))
  }
  if (hello.oldest < 1) return refused(fail('E_ACKED_PROTOCOL', { reason: 'sequences begin at 1' }))
  return null
}

/** The version that both sides speak, or `null`. */
export function versionFor({ newest, oldestVersion: oldest }: Hello): number | null {
  return agreedVersion(ackedVersions, { newest, oldest })
}

/** A source is found by its full name, `pipeline/step`, and by its step's. */
function stepOf(source: string): string {
  return source.slice(source.indexOf('/') + 1)
}
