/** What a thread makes of the answers of an inspector's session. */
import { expect, test, vi } from 'vitest'
import { askMainThread } from '../../../src/worker/seat/detector/inspect.ts'
import type { Stuck } from '../../../src/worker/seat/watch.ts'

type Answer = readonly [error: Error | null, answer?: unknown]

const session = vi.hoisted(() => ({
  /** What each question about a frame is answered. */
  answers: [] as Answer[],
  posted: [] as string[],
}))

vi.mock('node:inspector', () => {
  class Session {
    private paused: (message: unknown) => void = () => {}
    connectToMainThread(): void {}
    disconnect(): void {
      session.posted.push('disconnect')
    }
    once(_: string, paused: (message: unknown) => void): void {
      this.paused = paused
    }
    post(method: string, ...rest: readonly unknown[]): void {
      session.posted.push(method)
      const done = rest.at(-1) as ((...answer: Answer) => void) | undefined
      if (method === 'Debugger.evaluateOnCallFrame') done!(...(session.answers.shift() ?? [new Error('not paused')]))
      else if (method === 'Debugger.pause') {
        const frame = (functionName: string, className: string) => ({
          callFrameId: '',
          functionName,
          this: { className },
        })
        this.paused({ params: { callFrames: [frame('work', 'KeyedTask'), frame('step', 'Runtime')] } })
      } else done?.(null)
    }
  }
  return { Session }
})

function asked(...answers: readonly unknown[]): Promise<Stuck> {
  session.answers = answers.map((value) => [null, { result: { value } }])
  session.posted = []
  return new Promise((done) => askMainThread(1000, () => false, done))
}

test('tells the step, the key and the stack without the lines of the question', async () => {
  const stack = 'Error\n    at eval (eval at work (a.js:1:1))\n    at work (a.js:1:1)'
  const found = await asked(stack, { pipeline: 'p', step: 's' }, 'k')
  expect(found).toEqual({ pipeline: 'p', step: 's', key: 'k', stack: '    at work (a.js:1:1)' })
})

test('tells what it knows where somebody else has let the main thread go on, and lets go of it', async () => {
  const found = await asked('Error\n    at work (a.js:1:1)')
  expect(found).toEqual({ pipeline: null, step: null, key: null, stack: '    at work (a.js:1:1)' })
  expect(session.posted.slice(-3)).toEqual(['Debugger.resume', 'Debugger.disable', 'disconnect'])
})
