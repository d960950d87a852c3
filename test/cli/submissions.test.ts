/** What `up` does with the pipelines that it was given. */
import { expect, test } from 'vitest'
import { fail } from '../../src/base/errors.ts'
import { Submissions } from '../../src/cli/submissions.ts'

type Program = ConstructorParameters<typeof Submissions>[0][number]

const program = (name: string) => ({ pipeline: { name }, bundle: { hash: `${name}-0123456789abcdef` } }) as Program

test('what the world fails is tried again and said once, what is refused is not, and both are told apart at the end', async () => {
  const said: string[] = []
  const submissions = new Submissions([program('a'), program('b')], (text) => said.push(text))
  const asked: string[] = []
  const dead = fail('E_CONTROL', { address: '127.0.0.1:7', reason: 'socket hang up' })
  const gone = fail('E_STEP_GONE', { pipeline: 'b', step: 'count' })
  const look = (errors: Record<string, Error>) =>
    submissions.tryAll(async ({ pipeline: { name } }) => {
      asked.push(name)
      if (errors[name] !== undefined) throw errors[name]
    })
  await look({ a: dead, b: dead })
  await look({ a: dead, b: gone })
  expect(submissions.refused).toBe(true)
  await look({})
  await look({})
  expect(asked).toEqual(['a', 'b', 'a', 'b', 'a'])
  expect(said).toEqual([
    expect.stringMatching(/^a is not submitted yet: E_CONTROL: .*hang up$/),
    expect.stringMatching(/^b is not submitted yet: E_CONTROL/),
    expect.stringMatching(
      /^b is not submitted: E_STEP_GONE: .*\n {2}.*--drop count\n {2}then `potoroo submit FILE` submits it$/,
    ),
    'a is submitted, program a-0123456789',
  ])
})

test('what keeps pipelines waiting is said, where it is the same for ten seconds, and once', async () => {
  const said: string[] = []
  const submissions = new Submissions([program('a'), program('b')], (text) => said.push(text))
  for (let nowMs = 0; nowMs < 9000; nowMs += 250) submissions.wait('nobody answers', nowMs)
  for (let nowMs = 9000; nowMs < 19_000; nowMs += 250) submissions.wait('they are few', nowMs)
  expect(said).toEqual([])
  for (let nowMs = 19_000; nowMs < 60_000; nowMs += 250) submissions.wait('they are few', nowMs)
  expect(said).toEqual(['a, b: not submitted yet, for they are few'])
  submissions.wait(null, 60_000)
  await submissions.tryAll(() => Promise.resolve())
  for (let nowMs = 61_000; nowMs < 90_000; nowMs += 250) submissions.wait('nobody answers', nowMs)
  expect(said).toHaveLength(3)
})

test('what is taken is told with what there is to know of it', async () => {
  const said: string[] = []
  const submissions = new Submissions(
    [program('a')],
    (text) => said.push(text),
    ({ pipeline }) => [`  ${pipeline.name} dials`],
  )
  await submissions.tryAll(() => Promise.resolve())
  expect(said).toEqual(['a is submitted, program a-0123456789\n  a dials'])
})

test('a mistake of ours is no refusal', async () => {
  const submissions = new Submissions([program('a')], () => {})
  await expect(submissions.tryAll(() => Promise.reject(new TypeError('no')))).rejects.toThrow('no')
})
