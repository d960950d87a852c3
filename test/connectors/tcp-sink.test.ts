import { describe, expect, test } from 'vitest'
import type { Writer } from '../../src/connectors/connector.ts'
import { stdoutSink } from '../../src/connectors/standard-output/describe.ts'
import { stdoutSinkConnector } from '../../src/connectors/standard-output/sink.ts'
import { tcpServerSink, tcpSink } from '../../src/connectors/tcp/describe.ts'
import { tcpServerSinkConnector } from '../../src/connectors/tcp/server-sink.ts'
import { tcpSinkConnector } from '../../src/connectors/tcp/sink.ts'
import type { Connection, ConnectionHandler } from '../../src/env/network.ts'
import { calm } from '../../src/sim/weather.ts'
import type { SimProcess } from '../../src/sim/world.ts'
import { Bench } from './bench.ts'
import { changed } from './changed.ts'
import { type Dialling, keepsTheContract, slow, withConsumer } from './dialling.contract.ts'
import { type Subscribed, servesItsSubscribers } from './serving.contract.ts'
import { crashes, findings, holds, random, type Trial, type TrialOptions } from './sink.contract.ts'

const PORT = 7002

/** A program that listens and keeps what it hears, per connection. */
class Consumer {
  readonly heard: string[] = []
  /** Connections that stand. */
  open = 0
  /** Closes its side when the other end has closed its own. */
  polite = true
  private readonly sockets: Connection[] = []
  private readonly process: SimProcess
  private listener: { close(): void } | null = null

  constructor(process: SimProcess) {
    this.process = process
  }

  listen(): this {
    this.process.env.network.listen({ host: 'consumer', port: PORT }, {}, this.accept, (_, listener) => {
      this.listener = listener
    })
    return this
  }

  get text(): string {
    return this.heard.join('')
  }

  /** The whole records: a connection may break inside one, which then comes again. */
  get connections(): readonly string[] {
    return this.heard.map((text) => text.slice(0, text.lastIndexOf('\n') + 1))
  }

  leave(): void {
    this.listener?.close()
    for (const socket of this.sockets) socket.destroy()
  }

  private readonly accept = (connection: Connection): ConnectionHandler => {
    const at = this.heard.push('') - 1
    this.sockets.push(connection)
    this.open++
    return {
      onOpen() {},
      onBytes: (chunk) => {
        this.heard[at] += chunk.toString()
      },
      onEnd: () => this.polite && connection.end(),
      onDrain() {},
      onClosed: () => this.open--,
    }
  }
}

const dialling = tcpSink<unknown>({ host: 'consumer', port: PORT, encode: String })

const contract: Dialling = {
  connector: tcpSinkConnector,
  description: dialling,
  listen: (process) => new Consumer(process).listen(),
}

describe('tcpSink', () => {
  keepsTheContract(contract, { seeds: 60 })

  test('the contract finds one that loses what its snapshot holds', () => {
    const options = withConsumer(contract)
    const mutate = (writer: Writer): Writer =>
      changed(writer, { restore: (base, done) => writer.restore({ ...base, snapshots: [] }, done) })
    // So slow that barriers take what is left into their snapshots.
    const weather = { ...slow, network: { ...slow.network, bytesPerMs: 0.02 } }
    expect(findings(crashes({ ...options, records: 36, crash: 'kill', weather, mutate }))).toBeGreaterThan(0)
    holds(crashes({ ...options, records: 36, crash: 'kill', weather }))
  })
})

describe('tcpSink, step by step', () => {
  test('warns once when nobody is there, stops its task when its queue is full, and delivers when somebody comes', () => {
    const on = new Bench(tcpSinkConnector, dialling)
    on.pass(20_000)
    expect(on.writer.status.state).toBe('no-peer')
    expect(on.write(`${'a'.repeat(600)}\n`)).toBe(true)
    expect(on.write(`${'b'.repeat(600)}\n`)).toBe(false)
    expect(on.writer.room).toBe(false)
    on.pass(60_000)
    expect(on.warnings).toEqual(['E_NO_PEER'])
    expect(on.wakes).toBe(0)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.pass(10_000)
    expect(consumer.text).toBe(`${'a'.repeat(600)}\n${'b'.repeat(600)}\n`)
    expect(on.writer.room).toBe(true)
    expect(on.wakes).toBeGreaterThan(0)
    expect(on.writer.status).toMatchObject({ state: 'ready', peers: 1, queuedBytes: 0, writtenBytes: 1202 })
  })

  test('warns again when its consumer goes, and comes back to it', () => {
    const on = new Bench(tcpSinkConnector, dialling)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.pass(10_000)
    on.write('one\n')
    on.pass(100)
    consumer.leave()
    on.pass(10_000)
    on.write('two\n')
    const again = new Consumer(on.machine.start('again')).listen()
    on.pass(10_000)
    expect(consumer.text).toBe('one\n')
    expect(again.text).toBe('two\n')
    expect(on.warnings).toEqual(['E_NO_PEER', 'E_NO_PEER'])
  })

  test('puts what nobody has taken into the snapshot, and sends it after a restart', () => {
    const on = new Bench(tcpSinkConnector, dialling)
    on.write('kept\n')
    const answer = on.barrier()
    on.write('after the barrier\n')
    on.pass(2000)
    expect(Buffer.from(String(answer.snapshot), 'base64').toString()).toBe('kept\n')
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.writer.restore({ generation: 2, epoch: 1, back: false, snapshots: [answer.snapshot!] }, () => {})
    on.pass(10_000)
    expect(consumer.text).toBe('kept\n')
  })

  test('answers a barrier with nothing to keep once its queue is empty', () => {
    const on = new Bench(tcpSinkConnector, dialling)
    new Consumer(on.machine.start('consumer')).listen()
    on.pass(10_000)
    on.write('x\n'.repeat(400))
    const answer = on.barrier()
    expect(answer.snapshot).toBeUndefined()
    on.pass(100)
    expect(answer.snapshot).toBeNull()
  })

  test('writes nothing while it may not speak', () => {
    const on = new Bench(tcpSinkConnector, dialling)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.pass(10_000)
    on.speaks = false
    on.write('x\n')
    on.pass(1000)
    expect(consumer.text).toBe('')
    on.speaks = true
    on.pass(1000)
    expect(consumer.text).toBe('x\n')
  })

  test('never gives the socket more than its share, also one that never says that it is full', () => {
    const weather = { ...slow, network: { ...slow.network, highWaterBytes: 1 << 20 } }
    const on = new Bench(tcpSinkConnector, dialling, weather)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.pass(10_000)
    on.write('x'.repeat(999))
    while (consumer.text.length < 999 && on.world.now < 20_000) {
      on.pass(1)
      expect(on.dialled!.queued).toBeLessThanOrEqual(100)
    }
    expect(consumer.text).toHaveLength(999)
  })

  test('begins a chunk anew on another connection, and leaves none out that the system had not taken', () => {
    const on = new Bench(tcpSinkConnector, dialling, slow)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.pass(10_000)
    const chunks = [`a${'-'.repeat(200)}\n`, `b${'-'.repeat(200)}\n`, `c${'-'.repeat(200)}\n`]
    for (const chunk of chunks) on.write(chunk)
    on.pass(120)
    on.world.network.reset('writer', 'consumer')
    on.pass(10_000)
    const [first, second] = consumer.heard
    // The break came inside the second chunk.
    expect(first!.startsWith(chunks[0]!)).toBe(true)
    expect(first!.length).toBeLessThan(chunks[0]!.length + chunks[1]!.length)
    expect(second).toBe(`${chunks[1]}${chunks[2]}`)
  })

  test('sends again what stood in the socket when the connection broke', () => {
    const on = new Bench(tcpSinkConnector, dialling, slow)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.pass(10_000)
    for (let i = 100; i < 180; i++) on.write(`${i}------\n`)
    on.pass(100)
    on.world.network.reset('writer', 'consumer')
    on.pass(10_000)
    const lastBefore = Number(consumer.heard[0]!.trimEnd().split('\n').at(-1)!.slice(0, 3))
    const firstAfter = Number(consumer.heard[1]!.slice(0, 3))
    expect(lastBefore).toBeLessThan(170)
    // The kernels hold 64 bytes; those are lost, and no more.
    expect(firstAfter - lastBefore).toBeLessThanOrEqual(8)
    expect(consumer.heard[1]!.endsWith('179------\n')).toBe(true)
  })

  test('finishes the chunk that it has begun when the pipeline goes back, and drops the others', () => {
    const on = new Bench(tcpSinkConnector, dialling, slow)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.pass(10_000)
    const chunks = [`a${'-'.repeat(400)}\n`, `b${'-'.repeat(400)}\n`]
    for (const chunk of chunks) on.write(chunk)
    on.pass(20)
    on.writer.restore({ generation: 2, epoch: 0, back: false, snapshots: [] }, () => {})
    on.write('again\n')
    const answer = on.barrier()
    on.pass(100)
    expect(answer.snapshot).toBeUndefined()
    on.pass(10_000)
    expect(answer.snapshot).toBeNull()
    expect(consumer.text).toBe(`${chunks[0]}again\n`)
  })

  test('ends when all has left and its consumer has closed', () => {
    const on = new Bench(tcpSinkConnector, dialling)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.write('x\n'.repeat(300))
    let ended = false
    on.writer.end(() => {
      ended = true
    })
    on.pass(10_000)
    expect(consumer.text).toHaveLength(600)
    expect(ended).toBe(true)
    const answer = on.barrier()
    on.pass(10)
    expect(answer.snapshot).toBeNull()
    // A recovery after the end: the records come again.
    on.writer.restore({ generation: 2, epoch: 0, back: false, snapshots: [] }, () => {})
    on.write('again\n')
    on.pass(10_000)
    expect(consumer.text.endsWith('again\n')).toBe(true)
  })

  test('keeps for the next epoch what comes behind its end, and says nothing of it any more', () => {
    const on = new Bench(tcpSinkConnector, dialling)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    consumer.polite = false
    on.pass(1000)
    on.writer.end(() => {})
    on.pass(1)
    on.write('late\n')
    on.pass(10_000)
    const answer = on.barrier()
    on.pass(10_000)
    expect(consumer.text).toBe('')
    expect(answer.snapshot).toBe(Buffer.from('late\n').toString('base64'))
  })

  test('goes on where the pipeline goes back while its consumer has not closed yet', () => {
    const on = new Bench(tcpSinkConnector, dialling)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    consumer.polite = false
    on.pass(1000)
    on.write('x\n')
    let ended = false
    on.writer.end(() => {
      ended = true
    })
    on.pass(100)
    on.writer.restore({ generation: 2, epoch: 0, back: false, snapshots: [] }, () => {})
    on.write('again\n')
    on.pass(10_000)
    expect(ended).toBe(false)
    expect(consumer.heard).toEqual(['x\n', 'again\n'])
  })

  test('has one connection, where the pipeline goes back while one is made for the end', () => {
    const on = new Bench(tcpSinkConnector, dialling)
    const consumer = new Consumer(on.machine.start('consumer')).listen()
    on.pass(1000)
    const back = (): void => on.writer.restore({ generation: 2, epoch: 0, back: false, snapshots: [] }, () => {})
    on.writer.end(() => {})
    on.pass(1000)
    back()
    on.writer.end(() => {})
    on.world.run(on.world.now + 0.01)
    expect(on.writer.status.state).toBe('closed')
    back()
    on.write('again\n')
    on.pass(10_000)
    expect(consumer.text).toBe('again\n')
    expect(consumer.open).toBe(1)
  })
})

/** A subscriber: dials a server sink and keeps what it hears. */
class Subscriber implements ConnectionHandler, Subscribed {
  text = ''
  closed = false
  readonly connection: Connection

  constructor(process: SimProcess, port: number) {
    this.connection = process.env.network.dial({ host: 'writer', port }, this)
  }

  pause(): void {
    this.connection.pause()
  }
  resume(): void {
    this.connection.resume()
  }

  onOpen(): void {}
  onBytes(chunk: Buffer): void {
    this.text += chunk.toString()
  }
  onEnd(): void {
    this.connection.end()
  }
  onDrain(): void {}
  onClosed(): void {
    this.closed = true
  }
}

describe('tcpServerSink', () => {
  servesItsSubscribers({
    open: (settings = {}, weather = calm) => {
      const description = tcpServerSink<unknown>({
        ...{ host: 'writer', port: PORT, queueBytes: 2000, encode: String },
        ...settings,
      })
      const bench = new Bench(tcpServerSinkConnector, description, weather)
      return Object.assign(bench, {
        subscribe: () => {
          const subscriber = new Subscriber(bench.machine.start('subscriber'), PORT)
          bench.pass(10)
          return subscriber
        },
      })
    },
  })
})

describe('stdoutSink', () => {
  /** Standard output of a machine: what the system took of it stays when the process dies. */
  function options(): TrialOptions {
    const outputs = new Map<Trial, string>()
    return {
      seed: 1,
      connector: stdoutSinkConnector,
      description: stdoutSink<unknown>({ encode: String }),
      scene: (trial) => outputs.set(trial, ''),
      read: (trial) => outputs.get(trial)!,
      context: (process, trial) => ({
        standardOutput: {
          write: (bytes, done) =>
            process.env.clock.after(6, () => {
              outputs.set(trial, outputs.get(trial)! + Buffer.from(bytes).toString())
              done(null)
            }),
        },
      }),
    }
  }

  test('writes everything at least once', () => {
    holds(crashes({ ...options(), crash: 'kill' }))
    holds(random({ ...options(), crash: 'kill', rollbacks: 0.2 }, 50))
  })

  test('the contract finds one that answers a barrier before the system has all', () => {
    const mutate = (writer: Writer): Writer => changed(writer, { barrier: (_epoch, _generation, done) => done(null) })
    expect(findings(crashes({ ...options(), crash: 'kill', mutate }))).toBeGreaterThan(0)
  })

  test('fails when nobody reads any more', () => {
    const on = new Bench(stdoutSinkConnector, stdoutSink<unknown>({ encode: String }))
    on.outputError = new Error('broken pipe')
    on.write('x\n')
    on.pass(100)
    expect(on.failures).toEqual(['E_STANDARD_OUTPUT'])
  })

  test('asks for its lease once at a time, however much waits', () => {
    const on = new Bench(stdoutSinkConnector, stdoutSink<unknown>({ encode: String }))
    let asked = 0
    Object.defineProperty(on, 'speaks', { get: () => ++asked > 200 })
    for (let i = 0; i < 100; i++) on.write('x')
    on.pass(1000)
    expect(asked).toBe(150)
    on.pass(2000)
    expect(on.output.map(String)).toEqual(['x'.repeat(100)])
  })

  test('counts a write that was under way when the pipeline went back', () => {
    const on = new Bench(stdoutSinkConnector, stdoutSink<unknown>({ encode: String }))
    on.write('a')
    on.writer.restore({ generation: 2, epoch: 0, back: false, snapshots: [] }, () => {})
    on.write('b')
    const answer = on.barrier()
    on.pass(6)
    expect(on.output.map(String)).toEqual(['a', 'b'])
    expect(answer.snapshot).toBeUndefined()
    on.pass(6)
    expect(answer.snapshot).toBeNull()
    expect(on.writer.status.queuedBytes).toBe(0)
  })

  test('has one write under way and stops its task when too much waits', () => {
    const on = new Bench(stdoutSinkConnector, stdoutSink<unknown>({ encode: String }))
    on.write('a')
    on.write('b')
    expect(on.write('c'.repeat(2000))).toBe(false)
    expect(on.output).toHaveLength(1)
    on.pass(100)
    expect(on.output.map(String)).toEqual(['a', `b${'c'.repeat(2000)}`])
    expect(on.writer.room).toBe(true)
    expect(on.wakes).toBe(1)
  })
})
