/** What one worker asks another: an answer to what an earlier life has asked is not taken for another. */
import { expect, test } from 'vitest'
import { ByteReader } from '../../src/base/bytes.ts'
import { World } from '../../src/sim/world.ts'
import { Questions } from '../../src/worker/questions.ts'

test('an answer to an earlier life is no answer', () => {
  const world = new World(1)
  const { clock } = world.machine('a').start('a').env
  const asked: number[] = []
  const life = (incarnation: string): Questions =>
    new Questions(
      clock,
      1 << 16,
      () => incarnation,
      (_, message) => {
        if (message.kind === 'asked') asked.push(message.number)
      },
    )
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
