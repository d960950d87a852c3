/** Framings on the command line: `lines`, `csv-lines`, `length-prefix:4:big`, `fixed:16`. */
import { fail } from '../base/errors.ts'
import type { Framing } from '../model/connector.ts'
import { csvLines, fixedSize, lengthPrefix, lines } from '../model/framing.ts'

export const FRAMINGS = 'lines, csv-lines, length-prefix[:1|2|4[:big|little]] or fixed:BYTES'

/** How `framing` is called on the command line, where it can be. */
export function framingName({ kind }: Framing): string | null {
  const name = kind.replace('fixed-size', 'fixed').replaceAll(' ', ':')
  return /^(lines|csv-lines|length-prefix:[124]:(big|little)|fixed:\d+)$/.test(name) ? name : null
}

/** The framing that `text` names. Throws `E_USAGE`. */
export function framingOf(text: string): Framing {
  const [kind, first, second] = text.split(':')
  if (kind === 'lines') return lines()
  if (kind === 'csv-lines') return csvLines()
  if (kind === 'length-prefix') {
    const bytes = Number(first ?? 4)
    const endian = second ?? 'big'
    if ((bytes === 1 || bytes === 2 || bytes === 4) && (endian === 'big' || endian === 'little')) {
      return lengthPrefix({ bytes, endian })
    }
  }
  if (kind === 'fixed' && /^[1-9]\d{0,14}$/.test(first ?? '')) return fixedSize(Number(first))
  throw fail('E_USAGE', { reason: `"${text}" is no framing: there are ${FRAMINGS}` })
}
