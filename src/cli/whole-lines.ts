/** Text that is shown in whole lines, as it comes out of another process. */
import type { Readable } from 'node:stream'

/** What is longer without an end is shown as a line all the same: it may never end. */
const LONGEST = 64 << 10

/** Hands over the lines of `stream`, as many as have come; the last one may lack its end. */
export function readLines(stream: Readable, take: (lines: string) => void): void {
  let begun = ''
  stream.setEncoding('utf8').on('data', (text: string) => {
    const end = text.lastIndexOf('\n') + 1
    if (end > 0) take(begun + text.slice(0, end))
    begun = end > 0 ? text.slice(end) : begun + text
    if (begun.length > LONGEST) finish()
  })
  const finish = (): void => {
    if (begun !== '') take(`${begun}\n`)
    begun = ''
  }
  stream.once('end', finish)
}
