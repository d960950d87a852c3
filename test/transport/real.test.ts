/** Two switchboards over real sockets: what the simulation cannot vouch for is that the system's own behave alike. */
import { expect, test } from 'vitest'
import { makeLimits } from '../../src/base/limits.ts'
import { realEnv } from '../../src/env/real/env.ts'
import type { Inlet } from '../../src/transport/inlet.ts'
import { type Member, Switchboard } from '../../src/transport/switchboard.ts'

const BATCHES = 500
const LENGTH = 20_000
const CHANNEL = { pipeline: 1, channel: 1 }

interface Worker {
  readonly name: string
  readonly board: Switchboard
  readonly said: number[]
  readonly came: number[]
  readonly lost: string[]
}

function open(name: string, changed: () => void): Promise<[Worker, Member]> {
  const env = realEnv({ log: { level: 'error' } })
  const said: number[] = []
  const lost: string[] = []
  const identity = { cluster: 'c', token: 't', worker: name, incarnation: `${name}1`, build: '1' }
  const board = new Switchboard(
    env,
    identity,
    makeLimits({ linkGraceMs: 400, linkPingMs: 20, linkDialTimeoutMs: 200 }),
    {
      control: (_, message) => {
        said.push((message as { epoch: number }).epoch)
        changed()
      },
      interrupted: () => {},
      lost: (worker, error) => {
        lost.push(`${worker} ${error.code}`)
        changed()
      },
      refused: () => {},
      newer: () => {},
      knocked: () => {},
      damaged: () => {},
    },
  )
  return new Promise((resolve) => {
    board.listen({ host: '127.0.0.1', port: 0 }, (_, address) =>
      resolve([
        { name, board, said, came: [], lost },
        { worker: name, incarnation: `${name}1`, address: address! },
      ]),
    )
  })
}

function exchange(from: Worker, to: Worker, changed: () => void): void {
  const inlet: Inlet = to.board.inlet(from.name, CHANNEL, {
    batch: (reader, bytes) => {
      to.came.push(reader.u32())
      inlet.taken(bytes)
      changed()
    },
    mark: () => {},
  })
  let next = 0
  const outlet = from.board.outlet<number>(to.name, CHANNEL, (writer, number) => {
    writer.u32(number)
    writer.bytes(Buffer.alloc(LENGTH))
  })
  outlet.onRoom = () => {
    while (next < BATCHES && outlet.room) outlet.push(next++)
  }
  for (let epoch = 0; epoch < BATCHES; epoch++) from.board.send(to.name, { kind: 'epochAbandoned', pipeline: 1, epoch })
}

test('all arrives in both directions; a worker that ends is lost after the grace', async () => {
  let look = (): void => {}
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      look = () => condition() && resolve()
      look()
    })
  const changed = (): void => look()
  const [[a, first], [b, second]] = [await open('a', changed), await open('b', changed)]
  for (const { board } of [a, b]) board.activate(1, [first, second], [])
  exchange(a, b, changed)
  exchange(b, a, changed)
  const all = Array.from({ length: BATCHES }, (_, i) => i)
  await until(() => [a, b].every(({ said, came }) => said.length >= BATCHES && came.length >= BATCHES))
  for (const { said, came, lost } of [a, b]) expect([said, came, lost]).toEqual([all, all, []])
  b.board.close()
  await until(() => a.lost.length > 0)
  expect(a.lost).toEqual(['b E_LINK_LOST'])
  a.board.close()
})
