/** The writer of a sink that another member writes: barriers come by, and nothing else. */
import { newStatus, type Writer, type WriterStatus } from '../../../connectors/connector.ts'
import type { Clock } from '../../../env/clock.ts'

export function idleWriter(clock: Clock): Writer {
  const status: WriterStatus = newStatus('ready')
  return {
    status,
    room: true,
    restore: (_, done) => clock.soon(done),
    write: () => true,
    barrier: (_epoch, _generation, done) => clock.soon(() => done(null)),
    commit: () => {},
    floor: () => {},
    end: (done) => clock.soon(done),
    close: () => {
      status.state = 'closed'
    },
  }
}
