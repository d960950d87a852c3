/** What one worker asks another: whose answer is whose, and how long answers go. */
import { expect, test } from 'vitest'
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts'
import { defaultLimits, makeLimits } from '../../src/base/limits.ts'
import { World } from '../../src/sim/world.ts'
import { Questions } from '../../src/worker/questions.ts'

test('an answer to an earlier life is no answer', () => {
  const world = new World(1)
  const { clock } = world.machine('a').start('a').env
  const asked: number[] = []
  const life = (incarnation: string): Questions =>
    new Questions(clock, defaultLimits, () => incarnation, {
      send: (_, message) => {
        if (message.kind === 'asked') asked.push(message.number)
      },
      backlog: () => 0,
    })
  const told = (questions: Questions, number: number, text: string): void =>
    questions.take('b', { kind: 'told', number, status: 200 }, new ByteReader(Buffer.from(text)))

  life('first').ask('b', '/one', 1000, () => {})
  const later = life('second')
  const heard: (string | null)[] = []
  later.ask('b', '/two', 1000, (answer) => heard.push(answer?.text ?? null))
  told(later, asked[0]!, 'one')
  expect(heard).toEqual([])
  told(later, asked[1]!, 'two')
  expect(heard).toEqual(['two'])
})

test('who asks for a path that is too long for a message is told so', () => {
  const world = new World(1)
  const sent: unknown[] = []
  const { clock } = world.machine('a').start('a').env
  const links = { send: (...given: unknown[]) => void sent.push(given), backlog: () => 0 }
  const questions = new Questions(clock, defaultLimits, () => 'one', links)
  const heard: unknown[] = []
  // In the words of a query one sign is three.
  const query = new URLSearchParams({ key: '!'.repeat(6000) })
  questions.ask('b', `/v1/pipelines/p/state/s?${query}`, 1000, (answer) => heard.push(answer))
  world.run(10)
  expect(sent).toEqual([])
  expect(heard).toEqual([{ status: 400, text: expect.stringContaining('"code":"E_CONTROL_REQUEST"') }])
})

test('long answers go one behind the other, and no more of them wait than there is room for (Q4)', () => {
  const world = new World(1)
  const { clock } = world.machine('a').start('a').env
  const told: { readonly status: number; readonly bytes: number }[] = []
  /** What `b` is not known to have. */
  let backlog = 0
  const questions = new Questions(clock, makeLimits({ controlLaneBytes: 32 << 20 }), () => 'one', {
    send: (_, message, body) => {
      const writer = new ByteWriter()
      body?.(writer)
      backlog += writer.length
      if (message.kind === 'told') told.push({ status: message.status, bytes: writer.length })
    },
    backlog: () => backlog,
  })
  const page = 7_000_000
  questions.answer = (_, done) => done({ status: 200, text: 'x'.repeat(page) })
  const none = new ByteReader(Buffer.alloc(0))
  for (let number = 0; number < 12; number++) questions.take('b', { kind: 'asked', number, path: '/' }, none)
  let now = 0
  const pass = () => world.run((now += 1000))
  const sizes = () => told.map(({ bytes }) => bytes)
  expect(sizes()).toEqual([page])
  pass()
  expect(sizes()).toEqual([page])
  // It arrives, and the next one goes.
  backlog = 0
  pass()
  expect(sizes()).toEqual([page, page])
  for (let i = 0; i < 20; i++) {
    backlog = 0
    pass()
  }
  // Four have waited, and those behind them are told so.
  expect(told.filter(({ bytes }) => bytes === page)).toHaveLength(5)
  expect(told.filter(({ status, bytes }) => status === 503 && bytes < 200)).toHaveLength(7)
})
