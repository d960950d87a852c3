/** Errors of frames and messages between processes. */

import type { ErrorRows } from './row.ts'

export const protocolErrors = {
  E_FRAME_CHECKSUM: {
    kind: 'protocol',
    what: 'a frame arrived damaged: its checksum does not fit',
    remedy:
      'if it happens once there is nothing to do, the link resumes; if it recurs, check the network and what speaks on that port',
  },
  E_FRAME_TOO_LONG: {
    kind: 'protocol',
    what: 'a frame of {bytes} bytes is over the limit of {limit}',
    remedy: 'check what speaks on that port; if records are that large, raise the limit frameBytes on every worker',
  },
  E_MESSAGE: {
    kind: 'protocol',
    what: 'the protocol "{protocol}" has no message {tag} in version {version}',
    remedy: 'check what speaks on that port; if it is Potoroo, bring both ends to the same version',
  },
} as const satisfies ErrorRows
