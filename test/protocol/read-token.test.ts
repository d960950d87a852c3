/** Tokens of acknowledgements: what is written is read, whatever the names, and nothing else is taken for one. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readToken, writeToken } from '../../src/protocol/read-token.ts'

test('a read token is read as it was written, in letters that a URL and a shell leave alone', () => {
  const name = fc.string({ unit: 'grapheme' })
  const token = fc.record({ source: name, producer: name, incarnation: name, sequence: fc.maxSafeNat() })
  fc.assert(
    fc.property(token, (one) => {
      const text = writeToken(one)
      expect(text).toMatch(/^[\w.-]+$/)
      expect(readToken(text)).toEqual(one)
    }),
  )
})

test('a text that is no read token is refused', () => {
  const good = writeToken({ source: 's', producer: 'p', incarnation: 'i', sequence: 7 })
  const of = (json: string) => `p1.${btoa(json)}`
  const wrong = ['', 'p1.', good.slice(3), `${good}!`, of('{}'), of('["s","p","i"]'), of('["s","p","i",-1]')]
  for (const text of [
    ...wrong,
    of('["s","p","i",1.5]'),
    of('["s","p",1,1]'),
    of('["s","p","i",1,1]'),
    `p1.${'\u{1F600}'}`,
  ]) {
    expect(() => readToken(text), text).toThrow(expect.objectContaining({ code: 'E_READ_TOKEN' }))
  }
})
