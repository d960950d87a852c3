/** A member's side of a change of owners (`src/worker/seat/mover-driver.ts`). */
import { expect, test } from 'vitest'
import type { Round } from '../../src/cluster/rescale-state.ts'
import type { ControlMessage } from '../../src/transport/wire.ts'
import type { DriverHost } from '../../src/worker/seat/driver-host.ts'
import { MoverDriver } from '../../src/worker/seat/mover-driver.ts'

/** Worker b, whose coordinator is a. */
class Member {
  /** What it has said, read and forgotten since it was asked last. */
  private said: string[] = []
  /** Ends what is being read, the oldest first. */
  private readonly reading: (() => void)[] = []
  readonly driver = new MoverDriver({
    worker: 'b',
    coordinator: () => 'a',
    send: (worker: string, message: ControlMessage) => {
      if ('round' in message) this.said.push(`${message.kind} ${message.attempt} ${message.round} to ${worker}`)
    },
    work: {
      readAhead: (keyGroups: readonly number[], last: boolean, done: () => void) => {
        this.said.push(`reads ${keyGroups}${last ? ' for the last time' : ''}`)
        this.reading.push(done)
      },
      forgetAhead: () => this.said.push('forgets'),
    },
  } as unknown as DriverHost)

  announce(attempt: number, from: string, to: string, ...keyGroups: number[]): void {
    this.driver.take({ kind: 'moveAnnounced', attempt, from, to, keyGroups })
  }

  ask(attempt: number, round: Round): string[] {
    this.driver.take({ kind: 'roundAsked', attempt, round, epochs: [] })
    return this.said.splice(0)
  }

  release(attempt: number): string[] {
    this.driver.take({ kind: 'released', attempt, pipelines: [] })
    return this.said.splice(0)
  }

  hasRead(): string[] {
    this.reading.shift()!()
    return this.said.splice(0)
  }
}

test('reads what it is to get, round by round, and says so', () => {
  const member = new Member()
  member.announce(1, 'a', 'b', 3)
  member.announce(1, 'c', 'b', 4, 5)
  expect(member.ask(1, 'base')).toEqual(['reads 3,4,5'])
  expect(member.hasRead()).toEqual(['roundArrived 1 base to a'])
  expect(member.ask(1, 'last')).toEqual(['reads 3,4,5 for the last time'])
  expect(member.hasRead()).toEqual(['roundArrived 1 last to a'])
})

test('who gets nothing looks at what is new, and is not waited for; members of earlier releases hear of each round', () => {
  const member = new Member()
  member.announce(1, 'b', 'd', 3)
  expect(member.ask(1, 'base')).toEqual(['roundSent 1 base to d', 'reads '])
  expect(member.hasRead()).toEqual([])
  expect(member.release(1)).toEqual(['forgets'])
})

test('what was read for an earlier round, attempt or generation is no answer (M3)', () => {
  const member = new Member()
  member.announce(1, 'a', 'b', 3)
  member.ask(1, 'recent')
  member.ask(1, 'newer')
  expect(member.hasRead()).toEqual([])
  expect(member.release(1)).toEqual(['forgets'])
  expect(member.hasRead()).toEqual([])
  member.announce(2, 'a', 'b', 4)
  expect(member.release(1)).toEqual([])
  expect(member.ask(2, 'base')).toEqual(['reads 4'])
  member.driver.forget()
  expect(member.hasRead()).toEqual([])
  expect(member.ask(2, 'base')).toEqual(['reads '])
})

test('attempts are counted anew in each generation', () => {
  const member = new Member()
  member.announce(1, 'a', 'b', 3)
  member.ask(1, 'base')
  member.driver.forget()
  member.announce(1, 'a', 'b', 4)
  expect(member.ask(1, 'base')).toEqual(['reads 4'])
  expect(member.hasRead()).toEqual([])
  expect(member.hasRead()).toEqual(['roundArrived 1 base to a'])
})
