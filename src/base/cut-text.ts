/** Text that has to fit. */

const encoder = new TextEncoder()

/** At most `bytes` of `text` as UTF-8, without half a character; what was cut ends with `…`. */
export function cutText(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  const { read } = encoder.encodeInto(text, new Uint8Array(bytes - Buffer.byteLength('…')))
  return `${text.slice(0, read)}…`
}
