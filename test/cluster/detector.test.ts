import { describe, expect, test } from 'vitest'
import {
  type DetectorEvent,
  type DetectorState,
  detect,
  goneBy,
  heardBy,
  startDetector,
} from '../../src/cluster/detector.ts'

const settings = { suspectMs: 2000, deadMs: 3000, linkGraceMs: 1000, lookMs: 500 }
const of = (kind: Exclude<DetectorEvent['kind'], 'tick'>, incarnation = 'i'): DetectorEvent => ({
  ...{ kind, worker: 'b', incarnation },
})

/** Feeds events; answers the verdicts with their times. */
class Observer {
  state: DetectorState = startDetector(settings, 0)
  readonly verdicts: string[] = []
  private nowMs = 0

  see(...events: DetectorEvent[]): this {
    for (const event of events) {
      const { next, changes } = detect(this.state, event)
      this.state = next
      for (const { incarnation, verdict } of changes) this.verdicts.push(`${this.nowMs} ${incarnation} ${verdict}`)
    }
    return this
  }

  /** Ticks every `stepMs` until `toMs`. */
  wait(toMs: number, stepMs = 250): this {
    while (this.nowMs < toMs) this.see({ kind: 'tick', nowMs: (this.nowMs += stepMs) })
    return this
  }

  get heard(): string {
    return heardBy(this.state)
      .map((one) => one.incarnation)
      .join(' ')
  }
}

describe('the detector', () => {
  test('suspects after two seconds of silence, declares dead after three, and takes it back', () => {
    const observer = new Observer().see(of('linked'), of('heard')).wait(3000).see(of('heard'))
    expect(observer.verdicts).toEqual(['0 i alive', '2000 i suspect', '3000 i dead', '3000 i alive'])
  })

  test('accuses nobody for the time in which it did not run', () => {
    const observer = new Observer().see(of('linked'), of('heard')).wait(1000).wait(31_000, 30_000)
    expect(observer.verdicts).toEqual(['0 i alive'])
    expect(observer.wait(33_000).verdicts.at(-1)).toBe('32500 i dead')
  })

  test('hears only who has a link, which may be down for a moment', () => {
    const observer = new Observer().see(of('heard'))
    expect(observer.heard).toBe('')
    observer.see(of('linked')).wait(500).see(of('heard'), of('unlinked')).wait(1250)
    expect(observer.heard).toBe('i')
    observer.see(of('heard')).wait(1500)
    expect(observer.heard).toBe('')
    expect(observer.see(of('linked')).heard).toBe('i')
  })

  test('hears nobody before the first heartbeat, however long a link stands', () => {
    const observer = new Observer().see(of('linked'))
    expect(observer.heard).toBe('')
    expect(observer.wait(10_000).heard).toBe('')
    expect(observer.see(of('heard')).heard).toBe('i')
    expect(observer.verdicts).toEqual(['10000 i alive'])
  })

  test('takes a refused dial for death only where no link stands, and not for ever', () => {
    const observer = new Observer().see(of('heard'), of('linked'), of('dialRefused'))
    expect(observer.verdicts).toEqual(['0 i alive'])
    // The end of the link is known later than the refusal.
    observer.see(of('unlinked'))
    expect(observer.verdicts.at(-1)).toBe('0 i dead')
    expect([...goneBy(observer.state)]).toEqual(['i'])
    observer.see(of('heard'))
    expect(observer.verdicts.at(-1)).toBe('0 i alive')
    observer.see(of('dialRefused'))
    expect(observer.verdicts.at(-1)).toBe('0 i dead')
  })

  test('forgets a refused dial when a heartbeat comes, or a link', () => {
    const observer = new Observer().see(of('linked'), of('dialRefused'), of('heard'), of('unlinked'))
    expect(observer.verdicts).toEqual(['0 i alive'])
    observer.see(of('linked'), of('dialRefused'), of('linked'), of('unlinked'))
    expect(observer.verdicts).toEqual(['0 i alive'])
    expect([...goneBy(observer.state)]).toEqual([])
  })

  test('believes the supervisor whatever comes late', () => {
    const observer = new Observer().see(of('heard'), of('linked'), of('exited'), of('heard'), of('linked'))
    expect(observer.verdicts).toEqual(['0 i alive', '0 i dead'])
    expect(observer.heard).toBe('')
  })

  test('keeps incarnations apart: what comes late of the first does not touch the second', () => {
    const observer = new Observer().see(of('linked'), of('heard'), of('linked', 'j'), of('heard', 'j'))
    observer.see(of('unlinked'), of('exited'), of('heard'))
    expect(observer.heard).toBe('j')
    expect(observer.see(of('unlinked', 'j')).wait(60_000).state.peers.size).toBe(0)
  })

  test('remembers for any silence that a link stands, and forgets who has none', () => {
    const observer = new Observer().see(of('linked'), of('heard'), of('heard', 'j')).wait(60_000)
    expect([...observer.state.peers.keys()]).toEqual(['i'])
    expect(observer.see(of('heard')).heard).toBe('i')
    expect(observer.see(of('unlinked')).wait(120_000).state.peers.size).toBe(0)
  })
})
