/** The order in which people look for names. */

/** Numbers in them count as numbers: w2 comes before w10. */
export function compareNames(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
