/** What a thread makes of the answers of an inspector's session. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { askMainThread, nowhere } from '../../../src/worker/seat/detector/inspect.ts'
import type { Stuck } from '../../../src/worker/seat/watch.ts'

type Answer = readonly [error: Error | null, answer?: unknown]

const session = vi.hoisted(() => ({
  /** What each question about a frame is answered. */
  answers: [] as Answer[],
  posted: [] as string[],
  /** What pauses the main thread, where that is `late`. */
  pause: () => {},
  late: false,
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
        const callFrames = [frame('work', 'KeyedTask'), frame('step', 'Runtime')]
        session.pause = () => this.paused({ params: { callFrames } })
        if (!session.late) session.pause()
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

function askedLate(goesOn: boolean): { readonly found: Stuck[]; readonly passed: () => void } {
  vi.useFakeTimers()
  session.late = true
  onTestFinished(() => {
    session.late = false
    vi.useRealTimers()
  })
  session.answers = ['Error', { pipeline: 'p', step: 's' }, 'k'].map((value) => [null, { result: { value } }])
  session.posted = []
  const found: Stuck[] = []
  askMainThread(
    1000,
    () => goesOn,
    (where) => found.push(where),
  )
  return { found, passed: () => vi.advanceTimersByTime(1000) }
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

test('a main thread that is paused late is told of all the same', () => {
  const { found, passed } = askedLate(false)
  passed()
  expect(found).toEqual([nowhere])
  session.pause()
  expect(found).toEqual([nowhere, { pipeline: 'p', step: 's', key: 'k', stack: '' }])
  expect(session.posted.slice(-3)).toEqual(['Debugger.resume', 'Debugger.disable', 'disconnect'])
})

test('of one that has gone on by the time nothing more is told, and it goes on', () => {
  const { found, passed } = askedLate(true)
  passed()
  session.pause()
  expect(found).toEqual([nowhere])
  expect(session.posted.slice(-3)).toEqual(['Debugger.resume', 'Debugger.disable', 'disconnect'])
})
