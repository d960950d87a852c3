/** Plants faults: a writer that does one thing otherwise. */
import type { Writer } from '../../src/connectors/connector.ts'

export function changed(writer: Writer, change: Partial<Writer>): Writer {
  return {
    get status() {
      return writer.status
    },
    get room() {
      return writer.room
    },
    restore: (base, done) => writer.restore(base, done),
    write: (bytes, records, apart) => writer.write(bytes, records, apart),
    barrier: (epoch, generation, done) => writer.barrier(epoch, generation, done),
    commit: (epoch, snapshot) => writer.commit(epoch, snapshot),
    floor: (epoch) => writer.floor(epoch),
    end: (done) => writer.end(done),
    close: () => writer.close(),
    ...change,
  }
}
