import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import type { Lane, Listening, Requests } from '../../src/connectors/connector.ts'
import { standardInput } from '../../src/connectors/standard-input/describe.ts'
import { standardInputConnector } from '../../src/connectors/standard-input/source.ts'
import { realEnv } from '../../src/env/real/env.ts'
import { RealInput } from '../../src/env/real/input.ts'
import type { Cuts, Framing } from '../../src/model/connector.ts'
import { lengthPrefix, lines } from '../../src/model/framing.ts'

const env = realEnv()

/** Standard input that the test writes, and what a source that is opened on it hears. */
class Scene {
  readonly stream = new PassThrough({ highWaterMark: 64 })
  readonly input = new RealInput(() => this.stream)
  readonly records: string[] = []
  readonly said: string[] = []
  room = true
  goOn: () => void = () => {}

  open(options: { framing?: Framing; limits?: Partial<Limits>; input?: RealInput | null } = {}): Listening {
    const lane: Lane = {
      ready: () => this.room,
      push: (bytes: Buffer, cuts: Cuts) => {
        for (let i = 0; i < cuts.count; i++) this.records.push(bytes.toString('utf8', cuts.starts[i], cuts.ends[i]))
        return this.room
      },
      onRoom: (fn) => {
        this.goOn = fn
      },
      close: () => {},
    }
    const door = { lane: () => lane, session: () => expect.unreachable(), requests: {} as Requests }
    return standardInputConnector.open(standardInput({ framing: options.framing ?? lines() }), door, {
      env,
      limits: makeLimits(options.limits),
      step: 'in',
      sharePort: false,
      reached: () => {},
      ownPort: 0,
      standardInput: options.input === undefined ? this.input : options.input,
      wake: () => {},
      listening: (address) => this.said.push(address),
      warn: ({ code }) => this.said.push(code),
      failed: ({ code }) => this.said.push(code),
    })
  }
}

/** As many turns of the loop as a pipe needs to bring what was written. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn()
}

test('takes the records of standard input, the last one without its end mark, and is closed then', async () => {
  const scene = new Scene()
  const source = scene.open()
  scene.stream.write('one\ntw')
  await settle()
  expect(scene.records).toEqual(['one'])
  expect(source.status.connections).toBe(1)
  scene.stream.end('o\nthree')
  await settle()
  expect(scene.records).toEqual(['one', 'two', 'three'])
  expect(scene.said).toEqual(['standard input'])
  expect(source.status).toMatchObject({ connections: 0, records: 3, bytes: 13, expelled: 0 })
})

test('does not read on while its lane has no room', async () => {
  const scene = new Scene()
  scene.open()
  scene.room = false
  let written = 0
  for (; written < 100 && scene.stream.write(`${written}`.padStart(31, '.').concat('\n')); written++) await settle()
  await settle()
  // One chunk went in; what stands in the pipe is not read.
  expect(scene.records).toHaveLength(1)
  expect(written).toBeLessThan(5)
  scene.room = true
  scene.goOn()
  await settle()
  expect(scene.records).toHaveLength(written + 1)
})

test('is closed and opened again in the middle of a record without losing a byte', async () => {
  const scene = new Scene()
  const first = scene.open()
  scene.stream.write('one\ntw')
  await settle()
  first.close()
  scene.stream.write('o\nth')
  await settle()
  expect(scene.records).toEqual(['one'])
  const second = scene.open()
  await settle()
  expect(scene.records).toEqual(['one', 'two'])
  second.close()
  scene.stream.end('ree\n')
  await settle()
  const third = scene.open()
  await settle()
  expect(scene.records).toEqual(['one', 'two', 'three'])
  expect(third.status.connections).toBe(0)
})

test('a reader that stops before it was told what the one before gave back leaves it for the next', async () => {
  const scene = new Scene()
  const first = scene.open()
  scene.stream.write('one\ntw')
  await settle()
  first.close()
  const second = scene.open()
  await turn()
  expect(scene.said).toEqual(['standard input', 'standard input'])
  second.close()
  scene.open()
  scene.stream.write('o\n')
  await settle()
  expect(scene.records).toEqual(['one', 'two'])
})

test('a reader that pauses at what the one before gave back is shown nothing until it goes on', async () => {
  const { stream, input } = new Scene()
  const shown: string[] = []
  const hear = (onBytes: (chunk: Buffer) => void) => input.read({ onBytes, onEnd: () => {}, onFailed: () => {} })!
  hear(() => {}).stop(Buffer.from('left'))
  const second = hear((chunk) => {
    shown.push(String(chunk))
    second.pause()
  })
  stream.write('more')
  await settle()
  expect(shown).toEqual(['left'])
  second.resume()
  await settle()
  expect(shown).toEqual(['left', 'more'])
})

test('says what was no record, and has taken the records in front of it', async () => {
  const long = new Scene()
  const source = long.open({ limits: { recordBytes: 10 } })
  long.stream.write(`good\n${'x'.repeat(12)}\nnever\n`)
  await settle()
  expect(long.records).toEqual(['good'])
  expect(long.said).toEqual(['standard input', 'E_INPUT_LEFT'])
  expect(source.status).toMatchObject({ connections: 0, expelled: 1 })
  source.close()
  const again = long.open({ limits: { recordBytes: 10 } })
  await settle()
  expect(long.records).toEqual(['good'])
  expect(again.status).toMatchObject({ connections: 0, expelled: 0 })

  const cut = new Scene()
  cut.open({ framing: lengthPrefix() })
  cut.stream.end(Buffer.from([0, 0, 0, 1, 65, 0, 0, 0, 9, 66]))
  await settle()
  expect(cut.records).toEqual(['A'])
  expect(cut.said).toEqual(['standard input', 'E_INPUT_LEFT'])
})

test('fails where there is none, where another source reads it, and where it breaks', async () => {
  const scene = new Scene()
  scene.open({ input: null })
  await settle()
  expect(scene.said).toEqual(['E_STANDARD_INPUT'])
  scene.open()
  scene.open()
  await settle()
  expect(scene.said.slice(1).sort()).toEqual(['E_STANDARD_INPUT', 'standard input'])
  scene.stream.destroy(new Error('gone'))
  await settle()
  expect(scene.said.slice(3)).toEqual(['E_STANDARD_INPUT'])
})
