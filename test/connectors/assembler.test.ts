import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Assembler } from '../../src/connectors/assembler.ts'
import type { Cuts, Framing } from '../../src/model/connector.ts'
import { csvLines, customFraming, fixedSize, lengthPrefix, lines } from '../../src/model/framing.ts'

/** Ends a record where a byte is followed by another one than itself: it looks one byte ahead. */
const runs = customFraming({
  name: 'runs',
  next(bytes, start, end, looked) {
    for (let i = Math.max(start + 1, looked); i < end; i++)
      if (bytes[i] !== bytes[start]) return { start, end: i, next: i }
    return null
  },
  endsWithStream: true,
})

const framings: readonly [string, Framing][] = [
  ['lines', lines()],
  ['quoted lines', csvLines()],
  ['4-byte lengths', lengthPrefix()],
  ['1-byte lengths', lengthPrefix({ bytes: 1 })],
  ['records of 3 bytes', fixedSize(3)],
  ['a framing that looks ahead', runs],
]

/** Records of `stream` when it comes in `chunks`, and whether its end was whole. */
function assemble(framing: Framing, stream: Buffer, chunks: readonly number[]): { records: string[]; whole: boolean } {
  const records: string[] = []
  const take = (bytes: Buffer, cuts: Cuts): void => {
    for (let i = 0; i < cuts.count; i++) records.push(bytes.toString('latin1', cuts.starts[i], cuts.ends[i]))
  }
  const assembler = new Assembler(framing, 100_000, take)
  let at = 0
  for (const length of [...chunks, stream.length]) {
    const chunk = Buffer.from(stream.subarray(at, at + length))
    if (chunk.length > 0) assembler.push(chunk)
    // The network takes its buffer back.
    chunk.fill(0xdb)
    at += length
  }
  return { records, whole: assembler.finish() }
}

describe.each(framings)('%s', (_, framing) => {
  test('gives the same records however the stream is cut', () => {
    const byte = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(10, 13, 34, 0, 1, 2) },
      fc.integer({ min: 0, max: 4 }),
    )
    const body = fc.array(byte, { maxLength: 30 }).map((bytes) => Buffer.from(bytes))
    const stream = fc.array(body, { maxLength: 20 }).map((rows) => {
      if (framing === runs || framing.suffix !== null) return Buffer.concat(rows)
      const fitting = framing.kind.startsWith('fixed') ? rows.filter((row) => row.length === 3) : rows
      return Buffer.concat(fitting.flatMap((row) => [...framing.frame(row)]))
    })
    fc.assert(
      fc.property(stream, fc.array(fc.integer({ min: 1, max: 12 })), (bytes, chunks) => {
        expect(assemble(framing, bytes, chunks)).toEqual(assemble(framing, bytes, []))
      }),
      { numRuns: 300 },
    )
  })
})

test('gives records that are longer than a chunk and a probe', () => {
  const rows = ['a'.repeat(90_000), 'b', 'c'.repeat(9000), '', 'd'.repeat(5000)]
  for (const size of [1, 1000, 4096, 65_536]) {
    const chunks = new Array<number>(200).fill(size)
    expect(assemble(lines(), Buffer.from(`${rows.join('\n')}\n`), chunks).records).toEqual(rows)
    const framed = Buffer.concat(rows.flatMap((row) => [...lengthPrefix().frame(Buffer.from(row))]))
    expect(assemble(lengthPrefix(), framed, chunks).records).toEqual(rows)
  }
})

test('looks at each byte of a quoted record once, in however many pieces it comes', () => {
  const rows = csvLines()
  let looked = 0
  const counting: Framing = {
    ...rows,
    scan(bytes, start, end, cuts, recordBytes, look) {
      // What was looked at before is not there any more.
      bytes.fill(34, start, start + look!.bytes)
      looked += end - start - look!.bytes
      return rows.scan(bytes, start, end, cuts, recordBytes, look)
    },
  }
  const row = Buffer.from(`"${'\n'.repeat(5000)}",b\n`)
  const chunks = new Array<number>(row.length).fill(1)
  expect(assemble(counting, Buffer.concat([row, row]), chunks).records.map((text) => text.length)).toEqual([5004, 5004])
  expect(looked).toBe(2 * row.length)
})

test('tells a framing of one’s own what it has looked at', () => {
  let seen = 0
  const framing = customFraming({
    name: 'dots',
    next(bytes, start, end, looked) {
      for (let at = looked; at < end; at++) {
        seen++
        if (bytes[at] === 46) return { start, end: at, next: at + 1 }
      }
      return null
    },
  })
  const rows = ['a'.repeat(5000), '', 'b'.repeat(300)]
  const stream = Buffer.from(rows.map((row) => `${row}.`).join(''))
  for (const size of [1, 7, stream.length]) {
    seen = 0
    expect(assemble(framing, stream, new Array<number>(stream.length).fill(size)).records).toEqual(rows)
    expect(seen).toBe(stream.length)
  }
})

test('hands over the records in front of what is none', () => {
  const records: string[] = []
  const assembler = new Assembler(lines(), 10, (bytes, cuts) => {
    for (let i = 0; i < cuts.count; i++) records.push(bytes.toString('latin1', cuts.starts[i], cuts.ends[i]))
  })
  assembler.push(Buffer.from('one\ntw'))
  expect(() => assembler.push(Buffer.from('o\nthree is too long\nfour\n'))).toThrow(/10/)
  expect(records).toEqual(['one', 'two'])
})

test('never keeps more than a record and its frame', () => {
  const assembler = new Assembler(lines(), 50, () => {})
  const chunk = Buffer.alloc(10, 'x')
  expect(() => {
    for (let i = 0; i < 100; i++) {
      assembler.push(chunk)
      expect(assembler.pending).toBeLessThanOrEqual(60)
    }
  }).toThrow(/50/)
})

test('knows a fragment at the end from a record', () => {
  expect(assemble(lines(), Buffer.from('a\nb'), [1])).toEqual({ records: ['a', 'b'], whole: true })
  expect(assemble(lengthPrefix({ bytes: 1 }), Buffer.from([1, 65, 5, 66]), [3])).toEqual({
    records: ['A'],
    whole: false,
  })
})

test('what is kept of an unfinished record keeps no memory but its own', () => {
  const memory: number[] = []
  const assembler = new Assembler(lines(), 100, (bytes) => memory.push(bytes.buffer.byteLength))
  assembler.push(Buffer.from('a'))
  assembler.push(Buffer.from('b\n'))
  expect(memory).toEqual([1024])
})
