/** Guessing what a person meant. */

/**
 * The one of `names` that is most like `given`, or `null` where none is within two edits (one for short words).
 * Two letters that changed places count as one edit (optimal string alignment, a form of Damerau's distance, 1964).
 */
export function nearest(given: string, names: readonly string[]): string | null {
  let best: string | null = null
  let least = given.length < 5 ? 1 : 2
  for (const name of names) {
    const edits = distance(given.toLowerCase(), name.toLowerCase())
    if (edits > least || (edits === least && best !== null)) continue
    best = name
    least = edits
  }
  return best
}

function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let edits = Math.min(change, row[j]! + 1, next[j - 1]! + 1)
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, (before[j - 2] ?? edits) + 1)
      next.push(edits)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
