/** The bytes in docs/acked-protocol.md are what the program writes and reads. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  type AckedMessage,
  acked,
  ackedFrameBytes,
  batchHead,
  encodeAcked,
  readAcked,
} from '../../src/protocol/acked.ts'
import { FrameParser } from '../../src/protocol/frame.ts'

const page = readFileSync(new URL('../../docs/acked-protocol.md', import.meta.url), 'utf8')
const examples = page
  .split('\n\n')
  .filter((block) => /^ {4}\w+[^\n]*\n( {4}([0-9a-f]{2} ?)+\n?)+$/.test(block))
  .map((block) => {
    const [title = '', ...lines] = block.split('\n').map((line) => line.trim())
    return { title, bytes: Buffer.from(lines.join('').replaceAll(' ', ''), 'hex') }
  })

/** `ack journaled=300 stable=2` as a message. */
function messageOf(title: string): AckedMessage {
  const [kind = '', ...pairs] = title.split(' ')
  const message: Record<string, string | number> = { kind }
  for (const pair of pairs) {
    const [name = '', value = ''] = pair.split('=')
    const isText = (acked.row(kind as AckedMessage['kind']).fields as Record<string, { type: string }>)[name]!.type
    message[name] = isText.startsWith('text') ? value : Number(value)
  }
  return message as unknown as AckedMessage
}

test('every message has an example', () => {
  const kinds = examples.map(({ title }) => title.split(' ')[0])
  expect(new Set(kinds)).toEqual(new Set(acked.rows.map((row) => row.name)))
})

test.each(examples)('$title', ({ title, bytes }) => {
  const message = messageOf(title)
  const heard: AckedMessage[] = []
  new FrameParser(ackedFrameBytes(1 << 20)).push(bytes, (frame) => heard.push(readAcked(frame).message))
  expect(heard).toEqual([message])
  if (message.kind === 'batch') {
    const body = bytes.subarray(bytes.length - 14)
    expect(Buffer.concat([batchHead(message.first, message.count, body), body])).toEqual(bytes)
  } else {
    expect(encodeAcked(message)).toEqual(bytes)
  }
})
