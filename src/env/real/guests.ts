/**
 * Connections that others open to this process, on all of its ports. However many come, they leave it the files that it
 * needs itself: a worker that cannot open its journal or a checkpoint ends.
 */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Log } from '../log.ts'

/** Of the files that the process may have open, guests may be so many. */
const SHARE = 3 / 4

export class Guests {
  private readonly log: Log
  private readonly most: number
  private count = 0
  /** The log has it that there is no room. */
  private said = false

  /** `files` is how many the process may have open. */
  constructor(log: Log, files: number) {
    this.log = log
    this.most = Math.floor(files * SHARE)
  }

  /** Takes a connection that was just accepted, or closes it and answers `false`. */
  admit(socket: Socket): boolean {
    if (this.count >= this.most) {
      if (!this.said) this.log.warn('accept-refused', { remote: socket.remoteAddress, connections: this.count })
      this.said = true
      socket.on('error', () => {})
      socket.destroy()
      return false
    }
    this.count++
    socket.once('close', () => {
      this.count--
      this.said = false
    })
    return true
  }
}

/**
 * How many files this process may have open, or infinity where that is not known. Node raises its own limit to the hard
 * one.
 */
export function openFilesLimit(): number {
  let text = ''
  try {
    text = readFileSync('/proc/self/limits', 'utf8')
  } catch {}
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(text)?.[1]
  return hard === undefined ? Number.POSITIVE_INFINITY : Number(hard)
}
