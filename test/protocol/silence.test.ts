import { describe, expect, test } from 'vitest'
import { Hearing, SILENCES, UNFINISHED } from '../../src/protocol/silence.ts'

/** Looks until the other side counts as gone: how often, and for how long it gave no sign of life. */
function looksUntilGone(hearing: Hearing, between: () => number): { looks: number; silentFor: number } {
  for (let looks = 1; looks <= 100; looks++) {
    const silentFor = hearing.look(between())
    if (silentFor !== null) return { looks, silentFor }
  }
  throw new Error('it never counts as gone')
}

describe('the other side of a connection', () => {
  test('counts as gone when nothing has come for four looks behind the first', () => {
    const gone = looksUntilGone(new Hearing(), () => 0)
    expect(gone).toEqual({ looks: SILENCES + 1, silentFor: SILENCES })
  })

  test('is not gone as long as frames come', () => {
    const hearing = new Hearing()
    for (let n = 0; n < 100; n++) {
      hearing.heard()
      hearing.heardFrame()
      expect(hearing.look(0)).toBe(null)
    }
  })

  test.each([
    ['bytes of a frame that does not end', (hearing: Hearing) => hearing.heard(), 1],
    ['parts of a message that is never whole', (hearing: Hearing) => hearing.heardPart(), 0],
  ])('counts as gone where there are only %s', (_, hear, waiting) => {
    const hearing = new Hearing()
    const gone = looksUntilGone(hearing, () => {
      hear(hearing)
      return waiting
    })
    expect(gone).toEqual({ looks: UNFINISHED + 1, silentFor: UNFINISHED })
  })

  test('begins anew with each frame that is whole', () => {
    const hearing = new Hearing()
    for (let n = 0; n < UNFINISHED; n++) {
      hearing.heardPart()
      hearing.look(0)
    }
    hearing.heardFrame()
    hearing.heardPart()
    expect(hearing.look(0)).toBe(null)
  })
})
