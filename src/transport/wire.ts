/**
 * The frames of links: every message of `protocol/messages.ts` as bytes, with its place in a session.
 *
 * Numbered frames are what a session delivers: they are kept, resumed and counted. The others belong to one connection:
 * they say who is there, what has arrived, and that somebody is alive. Their number is 0 and means nothing.
 */
import type { ByteWriter } from '../base/bytes.ts'
import { beginFrame, endFrame } from '../protocol/frame.ts'
import { type LinkMessage, linkMessages } from '../protocol/messages.ts'
import type { Lane } from '../protocol/schema.ts'

export type { Lane, LinkMessage }
/** The message of a kind. */
export type Message<K extends LinkMessage['kind']> = Extract<LinkMessage, { kind: K }>

export const lanes: readonly Lane[] = ['control', 'data']

/** Longest frame of a handshake: all that a stranger makes us hold. */
export const HANDSHAKE_BYTES = 128 << 10
/**
 * The messages of one connection have the form of version 1 for ever, so that any two versions understand each other's
 * refusal. What a later version has to add stands in a message of its own.
 */
export const HANDSHAKE_VERSION = 1

const unnumbered = ['hello', 'about', 'welcome', 'notYet', 'refused', 'ping', 'pong', 'goodbye', 'received'] as const

/** Messages of one connection. */
export type Unnumbered = Message<(typeof unnumbered)[number]>
/** Messages of a session. */
export type Numbered = Exclude<LinkMessage, Unnumbered>
/** What a worker says on the control lane to the others' owners; credit is the links' own affair. */
export type ControlMessage = Exclude<Numbered, Message<'batch' | 'barrier' | 'watermark' | 'end' | 'credit'>>

const unnumberedTags: readonly number[] = unnumbered.map((kind) => linkMessages.row(kind).tag)

/** Whether frames of this tag belong to one connection and not to the session. */
export function isUnnumbered(tag: number): boolean {
  return unnumberedTags.includes(tag)
}

/** Writes what stands behind the fields of a message, as `version` of the protocol has it. */
export type Body = (writer: ByteWriter, version: number) => void

/** What a frame of a session says about its place in it. */
export interface Place {
  readonly version: number
  readonly generation: number
  readonly sequence: number
}

/**
 * Encodes `message`, behind it what `body` writes, with the writer of all links, in which nothing else is pending.
 * Throws `E_FRAME_TOO_LONG` beyond `payloadBytes`, or what `body` throws; then nothing is left in the writer.
 */
export function encodeFrame(
  writer: ByteWriter,
  message: LinkMessage,
  place: Place,
  payloadBytes: number,
  body: Body | null = null,
): Buffer {
  beginFrame(writer)
  try {
    linkMessages.write(writer, message, place.version)
    body?.(writer, place.version)
  } catch (error) {
    writer.clear()
    throw error
  }
  return endFrame(writer, linkMessages.row(message.kind).tag, place.generation, place.sequence, payloadBytes)
}
