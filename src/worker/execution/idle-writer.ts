/** The writer of a sink that another member writes: barriers come by, and nothing else. */
import type { Writer, WriterStatus } from '../../connectors/connector.ts'
import type { Clock } from '../../env/clock.ts'

export function idleWriter(clock: Clock): Writer {
  const status: WriterStatus = { state: 'ready', queuedBytes: 0, writtenBytes: 0, records: 0, peers: 0, dropped: 0 }
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
