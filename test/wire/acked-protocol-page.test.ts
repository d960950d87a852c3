/** The bytes in docs/acked-protocol.md and docs/acked-sinks.md are what the program writes and reads. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type AckedMessage, acked, batchHead, encodeAcked, readAcked } from '../../src/protocol/acked.ts'
import {
  type DeliveryMessage,
  delivery,
  deliveryHead,
  encodeDelivery,
  readDelivery,
} from '../../src/protocol/delivery.ts'
import { type Frame, FrameParser } from '../../src/protocol/frame.ts'

type Value = string | number | readonly { readonly writer: string; readonly last: number }[]
type Message = { readonly kind: string; readonly [field: string]: Value }

interface Page {
  readonly name: string
  readonly kinds: readonly string[]
  /** Bytes of the body of the batch in it. */
  readonly bodyBytes: number
  fields(kind: string): Readonly<Record<string, { readonly type: string }>>
  read(frame: Frame): object
  write(message: Message): Buffer
  head(message: Message, body: Buffer): Buffer
}

const pages: readonly Page[] = [
  {
    name: 'acked-protocol',
    kinds: acked.rows.map(({ name }) => name),
    bodyBytes: 14,
    fields: (kind) => acked.row(kind as AckedMessage['kind']).fields,
    read: (frame) => readAcked(frame).message,
    write: (message) => encodeAcked(message as Parameters<typeof encodeAcked>[0]),
    head: ({ first, count }, body) => batchHead(first as number, count as number, body),
  },
  {
    name: 'acked-sinks',
    kinds: delivery.rows.map(({ name }) => name),
    bodyBytes: 25,
    fields: (kind) => delivery.row(kind as DeliveryMessage['kind']).fields,
    read: (frame) => readDelivery(frame).message,
    write: (message) => encodeDelivery(message as Parameters<typeof encodeDelivery>[0]),
    head: ({ first, count, after }, body) => deliveryHead(first as number, count as number, after as number, body),
  },
]

/** `2`, `w1`, or `c7:40,d8:50`. */
function fieldOf(type: string, value: string): Value {
  if (type.startsWith('text')) return value
  if (!type.startsWith('list')) return Number(value)
  const items = value === '' ? [] : value.split(',')
  return items.map((item) => ({
    writer: item.slice(0, item.indexOf(':')),
    last: Number(item.slice(item.indexOf(':') + 1)),
  }))
}

describe.each(pages)('$name', ({ name, kinds, bodyBytes, fields, read, write, head }) => {
  const examples = readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8')
    .split('\n\n')
    .filter((block) => /^ {4}\w+[^\n]*\n( {4}([0-9a-f]{2} ?)+\n?)+$/.test(block))
    .map((block) => {
      const [title = '', ...lines] = block.split('\n').map((line) => line.trim())
      return { title, bytes: Buffer.from(lines.join('').replaceAll(' ', ''), 'hex') }
    })

  /** `ack journaled=300 stable=2` as a message. */
  function messageOf(title: string): Message {
    const [kind = '', ...pairs] = title.split(' ')
    const message: Record<string, Value> = { kind }
    for (const pair of pairs) {
      const [field = '', value = ''] = pair.split('=')
      message[field] = fieldOf(fields(kind)[field]!.type, value)
    }
    return message as Message
  }

  test('every message has an example', () => {
    expect(new Set(examples.map(({ title }) => title.split(' ')[0]))).toEqual(new Set(kinds))
  })

  test.each(examples)('$title', ({ title, bytes }) => {
    const message = messageOf(title)
    const heard: object[] = []
    new FrameParser(1 << 20).push(bytes, (frame) => heard.push(read(frame)))
    expect(heard).toEqual([message])
    if (message.kind === 'batch') {
      const body = bytes.subarray(bytes.length - bodyBytes)
      expect(Buffer.concat([head(message, body), body])).toEqual(bytes)
    } else {
      expect(write(message)).toEqual(bytes)
    }
  })
})
