/** G1-G3: however a stream is cut into chunks, the same records come out, and `frame` writes what `scan` reads. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Cuts, type Framing } from '../../src/model/connector.ts'
import { csvLines, customFraming, fixedSize, lengthPrefix, lines } from '../../src/model/framing.ts'

/** Feeds `chunks` as a connection does: what a scan leaves is put in front of the next chunk. */
function read(
  framing: Framing,
  chunks: readonly Buffer[],
  recordBytes = 1000,
): { records: string[]; complete: boolean } {
  const records: string[] = []
  const cuts = new Cuts()
  let rest: Buffer = Buffer.alloc(0)
  const collect = (bytes: Buffer) => {
    for (let i = 0; i < cuts.count; i++) records.push(bytes.toString('latin1', cuts.starts[i], cuts.ends[i]))
    cuts.count = 0
  }
  for (const chunk of chunks) {
    // Bytes around the range that is scanned: a scan must not look at them.
    const bytes = Buffer.concat([Buffer.from('\n\n'), rest, chunk, Buffer.from('\n"\n')])
    const end = bytes.length - 3
    const next = framing.scan(bytes, 2, end, cuts, recordBytes)
    collect(bytes)
    rest = bytes.subarray(next, end)
  }
  const complete = framing.finish(rest, 0, rest.length, cuts, recordBytes)
  collect(rest)
  return { records, complete }
}

/** `bytes` in pieces of the given lengths, the last one with what is left. */
function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  let at = 0
  for (const length of lengths) {
    chunks.push(bytes.subarray(at, at + length))
    at = Math.min(at + length, bytes.length)
  }
  return [...chunks, bytes.subarray(at)]
}

/** A framing that a user may write: fields between `<` and `>`. */
const angled = customFraming({
  name: 'angled',
  next(bytes, start, end) {
    const close = bytes.indexOf('>', start)
    if (bytes[start] !== 0x3c) throw new Error('no < here')
    return close < 0 || close >= end ? null : { start: start + 1, end: close, next: close + 1 }
  },
  frame: (record) => [Buffer.from('<'), record, Buffer.from('>')],
})

/** Texts around the length from which lines are looked for in another way. */
const longText = fc.integer({ min: 20, max: 90 }).map((length) => Buffer.from('y'.repeat(length)))

const framings: readonly { framing: Framing; record: fc.Arbitrary<Uint8Array> }[] = [
  { framing: lines(), record: fc.oneof(text(/^[^\r\n]*$/), longText) },
  { framing: csvLines(), record: text(/^(?:[^"\n]*[^"\n\r]|"(?:[^"]|"")*")?$/) },
  { framing: lengthPrefix({ bytes: 1 }), record: fc.uint8Array({ maxLength: 255 }) },
  { framing: lengthPrefix({ bytes: 2, endian: 'little' }), record: fc.uint8Array({ maxLength: 600 }) },
  { framing: lengthPrefix({ bytes: 2, endian: 'big' }), record: fc.uint8Array({ maxLength: 600 }) },
  { framing: lengthPrefix(), record: fc.uint8Array({ maxLength: 300 }) },
  { framing: lengthPrefix({ endian: 'little' }), record: fc.uint8Array({ maxLength: 300 }) },
  { framing: fixedSize(7), record: fc.uint8Array({ minLength: 7, maxLength: 7 }) },
  { framing: angled, record: text(/^[^<>]*$/) },
]

function text(pattern: RegExp): fc.Arbitrary<Uint8Array> {
  return fc.stringMatching(pattern, { maxLength: 80 }).map((value) => Buffer.from(value, 'latin1'))
}

describe.each(framings)('$framing.kind', ({ framing, record }) => {
  const streams = fc.array(record, { maxLength: 30 })
  const chunking = fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 60 })

  test('gives the framed records, wherever the stream is cut', () => {
    fc.assert(
      fc.property(streams, chunking, (records, lengths) => {
        const bytes = Buffer.concat(records.flatMap((part) => framing.frame(part)))
        const { records: got, complete } = read(framing, cut(bytes, lengths))
        expect(got).toEqual(records.map((part) => Buffer.from(part).toString('latin1')))
        expect(complete).toBe(true)
      }),
    )
  })

  test('gives the same for any bytes, whole or cut, or refuses them', () => {
    const outcome = (chunks: readonly Buffer[]) => {
      try {
        return read(framing, chunks)
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), chunking, (noise, lengths) => {
        expect(outcome(cut(Buffer.from(noise), lengths))).toEqual(outcome([Buffer.from(noise)]))
      }),
    )
  })

  test('refuses a record over the limit and takes one of its length', () => {
    const record = framing === fixedSize(7) ? Buffer.from('1234567') : Buffer.from('1234567')
    const bytes = Buffer.concat([...framing.frame(record)])
    expect(read(framing, [bytes], 7).records).toEqual(['1234567'])
    expect(() => read(framing, [bytes], 6)).toThrow(expect.objectContaining({ code: 'E_RECORD_TOO_LONG' }))
  })
})

describe('lines', () => {
  test('ends at \\n and \\r\\n, keeps empty lines and takes a last line without an end mark', () => {
    expect(read(lines(), [Buffer.from('a\r\nb\n\n\r\nc\rd\r')]).records).toEqual(['a', 'b', '', '', 'c\rd'])
  })

  test('finds lines of every length, short and long in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 50 }), (lengths) => {
        const records = lengths.map((length, i) => String.fromCharCode(97 + (i % 26)).repeat(length))
        expect(read(lines(), [Buffer.from(records.map((line) => `${line}\n`).join(''))]).records).toEqual(records)
      }),
    )
  })

  test('refuses a line that grows over the limit before its end has come', () => {
    expect(() => read(lines(), [Buffer.from('12345678')], 6)).toThrow(
      expect.objectContaining({ code: 'E_RECORD_TOO_LONG' }),
    )
    expect(read(lines(), [Buffer.from('123456\r'), Buffer.from('\n')], 6).records).toEqual(['123456'])
  })
})

test('csvLines keeps a line break between quotes', () => {
  expect(read(csvLines(), [Buffer.from('a,"b\r\nc ""d"""\r\ne\n')]).records).toEqual(['a,"b\r\nc ""d"""', 'e'])
})

test('a length prefix says that a record is too long before its bytes have come', () => {
  expect(() => read(lengthPrefix(), [Buffer.from([0xff, 0xff, 0xff, 0xff])])).toThrow('4294967295 bytes')
})

test('a framing that cannot be meant is refused where it is written', () => {
  const odd: (() => unknown)[] = [
    () => lengthPrefix({ bytes: 3 as never }),
    () => lengthPrefix({ endian: 'middle' as never }),
    () => fixedSize(0),
    () => customFraming({ name: 'mine' } as never),
    () => customFraming({ next: () => null } as never),
    () => customFraming(undefined as never),
    () => customFraming({ name: 'mine', next: () => null, endWithStream: true } as never),
    () => lengthPrefix(null as never),
    () => lengthPrefix({ byte: 2 } as never),
    () => fixedSize(Object.create(null) as never),
  ]
  for (const make of odd) expect(make, String(make)).toThrow(expect.objectContaining({ code: 'E_SETTING' }))
})

test('what is left of a frame at the end is a fragment', () => {
  expect(read(lengthPrefix({ bytes: 1 }), [Buffer.from([3, 65, 66])])).toEqual({ records: [], complete: false })
  expect(read(fixedSize(4), [Buffer.from('abc')])).toEqual({ records: [], complete: false })
})

describe('a framing of one’s own', () => {
  const made = (next: Parameters<typeof customFraming>[0]['next']) => customFraming({ name: 'mine', next })

  test('that answers nonsense is refused', () => {
    for (const answer of [undefined, 7, {}, { start: 0, end: '1', next: '2' }, { start: 0, end: 1, next: 1.5 }, 1n]) {
      const framing = made(() => answer as never)
      const refusal = expect.objectContaining({ code: 'E_FRAMING', message: expect.stringContaining('at byte 0') })
      expect(() => read(framing, [Buffer.from('abcdef')])).toThrow(refusal)
    }
  })

  test('that points outside its bytes or stands still is refused', () => {
    const bytes = [Buffer.from('abcdef')]
    const bad = [
      { start: 0, end: 3, next: 2 },
      { start: 5, end: 4, next: 6 },
      { start: -1, end: 3, next: 4 },
    ]
    for (const offsets of bad) {
      const framing = made((_, start) => ({
        start: start + offsets.start,
        end: start + offsets.end,
        next: start + offsets.next,
      }))
      expect(() => read(framing, bytes)).toThrow(expect.objectContaining({ code: 'E_FRAMING' }))
    }
    expect(() =>
      read(
        made((_, at) => ({ start: at, end: at, next: at })),
        bytes,
      ),
    ).toThrow('points outside')
    expect(() =>
      read(
        made((_, at, end) => ({ start: at, end, next: end + 1 })),
        bytes,
      ),
    ).toThrow('points outside')
  })

  test('that frames a record as what are no bytes is refused', () => {
    for (const answer of [undefined, Buffer.from('a;'), [Buffer.from('a'), ';'], 'a;', [null]]) {
      const framing = customFraming({ name: 'mine', next: () => null, frame: () => answer as never })
      expect(() => framing.frame(Buffer.from('a'))).toThrow(expect.objectContaining({ code: 'E_FRAMING' }))
    }
  })

  test('that answers later is refused, and its rejection ends nobody', () => {
    const later = () => Promise.reject(new Error('later')) as never
    const refusal = expect.objectContaining({ message: expect.stringContaining('answered with a promise') })
    expect(() => read(made(later), [Buffer.from('abc')])).toThrow(refusal)
    const framing = customFraming({ name: 'mine', next: () => null, frame: later })
    expect(() => framing.frame(Buffer.from('a'))).toThrow(refusal)
  })

  test('that only reads says so', () => {
    expect(made(() => null).readsOnly).toBe(true)
    expect(angled.readsOnly).toBe(undefined)
  })

  test('that throws is named', () => {
    expect(() => read(angled, [Buffer.from('x')])).toThrow('framing "angled": no < here')
  })

  test('that never finds a record is stopped', () => {
    expect(() =>
      read(
        made(() => null),
        [Buffer.alloc(5000)],
        10,
      ),
    ).toThrow(expect.objectContaining({ code: 'E_RECORD_TOO_LONG' }))
  })
})
