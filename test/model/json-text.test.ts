import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { json } from '../../src/model/decoder.ts'

const { decode, takes } = json()

/** What `takes` and `decode` say of `record`, which stands among bytes that could be mistaken for more of it. */
function asked(record: Uint8Array | string): { takes: boolean; decodes: boolean } {
  const body = Buffer.from(record as string)
  const around = Buffer.concat([Buffer.from('[1'), body, Buffer.from('1]"}')])
  const [start, end] = [2, 2 + body.length]
  let decodes = true
  try {
    decode(around, start, end)
  } catch {
    decodes = false
  }
  return { takes: takes!(around, start, end), decodes }
}

const SAME = { numRuns: 20_000 }

/** Text that is often JSON and often nearly so. */
const pieces = fc.constantFrom(
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '"a":',
    '1',
    '-',
    '0',
    '01',
    '-0',
    '1.5',
    '.',
    'e',
    'E+1',
    '1e',
    '1E-2',
  ],
  ...['true', 'false', 'null', 'tru', 'nulll', ' ', '\t', '\n', '\r', '\f', '\u00a0', '\ufeff', '\\', '"\\n"', '"\\x"'],
  ...[
    '"\\u00e9"',
    '"\\u00g9"',
    '"\\u12"',
    '"\\ud800"',
    '"é"',
    '"\ufffd"',
    '"\u0000"',
    '"\u001f"',
    '"\u007f"',
    '',
    '[]',
    '{}',
  ],
)

describe('what is JSON is known without making it', () => {
  test('of values as they are written', () => {
    const value = fc.tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t', ' \r\n'))
    fc.assert(
      fc.property(value, ([made, indent]) => {
        expect(asked(JSON.stringify(made, null, indent))).toEqual({ takes: true, decodes: true })
      }),
    )
  })

  test('of values with one byte changed, left out or put in', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom(0, 1), fc.constantFrom(0, 1))
    fc.assert(
      fc.property(fc.jsonValue(), change, (value, [at, byte, removed, added]) => {
        const whole = Buffer.from(JSON.stringify(value))
        const place = at % (whole.length + 1)
        const put = Uint8Array.of(byte).subarray(0, added)
        const changed = Buffer.concat([whole.subarray(0, place), put, whole.subarray(place + removed)])
        const { takes, decodes } = asked(changed)
        expect(takes).toBe(decodes)
      }),
      SAME,
    )
  })

  test('of pieces in any order', () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
        const { takes, decodes } = asked(parts.join(''))
        expect(takes).toBe(decodes)
      }),
      SAME,
    )
  })

  test('of any bytes between quotes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (inside) => {
        const { takes, decodes } = asked(Buffer.concat([Buffer.from('"'), inside, Buffer.from('"')]))
        expect(takes).toBe(decodes)
      }),
      SAME,
    )
  })

  test('however deep it is', () => {
    const depth = 100_000
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const whole = `${open.repeat(depth)}1${close.repeat(depth)}`
      expect(asked(whole)).toEqual({ takes: true, decodes: true })
      expect(asked(whole.slice(0, -1))).toEqual({ takes: false, decodes: false })
    }
    expect(asked(`${'[{"a":'.repeat(100)}1${'}]'.repeat(100)}`)).toEqual({ takes: true, decodes: true })
    expect(asked(`${'['.repeat(100)}1}${']'.repeat(99)}`)).toEqual({ takes: false, decodes: false })
  })
})
