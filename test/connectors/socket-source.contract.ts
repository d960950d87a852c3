/**
 * What every source that listens for producers on sockets owes them and its pipeline, whatever they speak: the tests
 * that such sources share.
 */
import { expect, test } from 'vitest'
import { encodeAcked, NO_CLAIM } from '../../src/protocol/acked.ts'
import type { Scene, Surroundings } from './door.ts'

/** What the contract asks for when it opens a source. */
export interface ContractSettings extends Surroundings {
  readonly protocol?: 'plain' | 'acked'
  readonly idleMs?: number
}

/** A producer that has connected, or has tried to. Whatever it does has arrived when the call returns. */
export interface Producer {
  /** What the source has answered. */
  readonly heard: string
  /** Whether its connection stands. */
  readonly connected: boolean
  /** Sends one record, as a plain producer does. */
  sendRecord(text: string): void
  /** Sends a piece of the stream of an acknowledged producer. */
  sendBytes(bytes: string | Uint8Array): void
  /** Ends its connection in order. */
  leave(): void
  /** Breaks its connection off. */
  vanish(): void
  /** Reads no more. */
  pause(): void
}

export interface SocketSource {
  /** Opens the source, always at the same port. */
  open(settings?: ContractSettings): Scene
  /** Connects a producer to that port. */
  connect(): Producer
  /** Lets time pass. */
  pass(ms: number): void
}

export function keepsThePlainContract({ open, connect, pass }: SocketSource): void {
  test('keeps room for the records of a chunk once, and not for each connection', () => {
    const { lanes } = open()
    for (const text of ['one', 'two']) connect().sendRecord(text)
    expect(lanes.map(({ records }) => records)).toEqual([['one'], ['two']])
    expect(lanes[0]!.cuts).toBe(lanes[1]!.cuts)
  })

  test('takes no records from a producer that speaks the acknowledged protocol', () => {
    const { lanes, source, warnings } = open()
    const versions = { newest: 1, oldestVersion: 1 }
    const hello = { producer: 'p', incarnation: 'a', source: 'in', oldest: 1, token: '', ...NO_CLAIM }
    const acked = connect()
    acked.sendBytes(encodeAcked({ kind: 'hello', ...versions, ...hello }))
    expect(lanes[0]).toMatchObject({ records: [], closed: true })
    expect(acked.connected).toBe(false)
    expect(source.status).toMatchObject({ connections: 0, expelled: 1 })
    expect(warnings).toEqual(['E_CONNECTION_CLOSED'])
  })

  test('stops reading one connection whose lane has no room, and nothing else', () => {
    const { lanes } = open()
    const [a, b] = [connect(), connect()]
    lanes[0]!.room = false
    for (const text of ['1', '2', '3']) a.sendRecord(text)
    b.sendRecord('x')
    expect(lanes.map(({ records }) => records)).toEqual([['1'], ['x']])
    lanes[0]!.makeRoom()
    pass(10)
    expect(lanes[0]!.records).toEqual(['1', '2', '3'])
  })

  test('reads nothing of a connection that comes while there is no room', () => {
    const { lanes, source } = open({ room: false })
    const early = connect()
    early.sendRecord('1')
    early.sendRecord('2')
    expect(lanes[0]!.records).toEqual([])
    expect(source.status.bytes).toBe(0)
    lanes[0]!.makeRoom()
    pass(10)
    expect(lanes[0]!.records).toEqual(['1', '2'])
  })

  test('takes no more connections than its limit, and says so once', () => {
    const { source, warnings } = open({ limits: { connections: 2 } })
    const producers = [connect(), connect(), connect(), connect()]
    expect(producers.map(({ connected }) => connected)).toEqual([true, true, false, false])
    expect(source.status).toMatchObject({ connections: 2, refused: 2 })
    expect(warnings).toEqual(['E_TOO_MANY_CONNECTIONS'])
    producers[0]!.vanish()
    expect(connect().connected).toBe(true)
  })

  test('says once a minute that there are as many as may be, however often one goes and two come', () => {
    const { source, warnings } = open({ limits: { connections: 2 } })
    const two = [connect(), connect()]
    const churn = (): void => {
      two.shift()!.vanish()
      two.push(connect())
      expect(connect().connected).toBe(false)
    }
    for (let i = 0; i < 10; i++) churn()
    expect(source.status.refused).toBe(10)
    expect(warnings).toEqual(['E_TOO_MANY_CONNECTIONS'])
    pass(60_000)
    churn()
    churn()
    expect(warnings).toEqual(['E_TOO_MANY_CONNECTIONS', 'E_TOO_MANY_CONNECTIONS'])
  })

  test('closes a silent connection when it was told to, but not one that it does not read', () => {
    const { lanes, source, because } = open({ idleMs: 1000 })
    const [silent, paused, talking] = [connect(), connect(), connect()]
    lanes[1]!.room = false
    paused.sendRecord('x')
    for (let i = 0; i < 20; i++) {
      talking.sendRecord('x')
      pass(100)
    }
    expect([silent, paused, talking].map(({ connected }) => connected)).toEqual([false, true, true])
    expect(source.status.expelled).toBe(1)
    expect(because).toEqual([expect.stringContaining('it sent nothing for 1000 ms')])
  })

  test('fails with the port, who has it and who wants it', () => {
    open()
    const { failures, reasons } = open()
    expect(failures).toEqual(['E_PORT_IN_USE'])
    expect(reasons).toEqual([
      expect.stringMatching(/^port \d+ on server is in use by server: step "in" cannot listen there$/),
    ])
  })

  test('closes every connection when it is closed', () => {
    const { source, lanes } = open()
    const producer = connect()
    source.close()
    pass(10)
    expect(producer.connected).toBe(false)
    expect(lanes[0]!.closed).toBe(true)
    expect(connect().connected).toBe(false)
  })
}

export function keepsTheAcknowledgedContract(socketSource: SocketSource): void {
  const { connect, pass } = socketSource
  const open = (settings: ContractSettings = {}): Scene => socketSource.open({ protocol: 'acked', ...settings })

  test('leads bytes to a session and back, and tells it of the end once', () => {
    const { sessions } = open()
    const producer = connect()
    producer.sendBytes('hel')
    producer.sendBytes('lo')
    expect(sessions[0]!.heard.join('')).toBe('hello')
    expect(sessions[0]!.send(Buffer.from('welcome'))).toBe(true)
    pass(10)
    expect(producer.heard).toBe('welcome')
    producer.vanish()
    expect(sessions[0]!.closed).toBe(1)
    expect(sessions[0]!.send(Buffer.from('late'))).toBe(false)
  })

  test('says that somebody left without a hello, and nothing of who left with one', () => {
    const { sessions, warnings, source } = open()
    for (const greeted of [true, false]) {
      const producer = connect()
      producer.sendBytes('bytes')
      sessions.at(-1)!.greeted = greeted
      producer.leave()
    }
    expect(warnings).toEqual(['E_CONNECTION_CLOSED'])
    expect(source.status.expelled).toBe(1)
  })

  test('bounds what all sessions hold of what has not come whole', () => {
    const { sessions, source } = open({ limits: { partialBytes: 100 } })
    const [a, b] = [connect(), connect()]
    const bring = (producer: Producer, i: number, pending: number): void => {
      sessions[i]!.pending = pending
      producer.sendBytes('x')
    }
    bring(a, 0, 40)
    bring(b, 1, 60)
    expect(b.connected).toBe(true)
    bring(a, 0, 50)
    expect([a.connected, source.status.expelled, sessions[1]!.closed]).toEqual([true, 1, 1])
    expect(b.connected).toBe(false)
    // What the closed one held counts no more.
    bring(a, 0, 100)
    expect(a.connected).toBe(true)
    bring(a, 0, 0)
    bring(connect(), 2, 99)
    expect(source.status.expelled).toBe(1)
  })

  test('sends what a session says at its end, then closes, and hears no more', () => {
    const { sessions } = open()
    const producer = connect()
    sessions[0]!.send(Buffer.from('refused'))
    sessions[0]!.close()
    producer.sendBytes('more')
    expect(producer.heard).toBe('refused')
    expect(producer.connected).toBe(false)
    expect(sessions[0]).toMatchObject({ heard: [], closed: 1 })
  })

  test('stops reading while the session has no room', () => {
    const { sessions } = open()
    const producer = connect()
    sessions[0]!.room = false
    producer.sendBytes('1')
    producer.sendBytes('2')
    expect(sessions[0]!.heard).toEqual(['1'])
    sessions[0]!.room = true
    sessions[0]!.again()
    pass(10)
    expect(sessions[0]!.heard.join('')).toBe('12')
  })

  test('stops reading a producer that does not read its answers, and closes it in the end', () => {
    const { sessions, source } = open({ limits: { sinkQueueBytes: 1_000_000 } })
    const producer = connect()
    producer.pause()
    const answer = Buffer.alloc(80_000)
    while (sessions[0]!.send(answer));
    producer.sendBytes('more')
    expect([sessions[0]!.heard, producer.connected]).toEqual([[], true])
    for (let i = 0; i < 20; i++) sessions[0]!.send(answer)
    pass(10)
    expect(source.status).toMatchObject({ connections: 0, expelled: 1 })
    expect(sessions[0]!.closed).toBe(1)
  })
}
