/**
 * What comments cite: invariants, by their letter and number, and sections of `src/PROTOCOLS.md`.
 *
 * C1. A number on its own stands at the head of the same file. Of another file it is cited with that file's name, in
 *     front or behind: "`frozen.ts`, K4" and "K4 of `frozen.ts`". Of the protocols it is "PROTOCOLS 2, S8".
 * C2. No head has a number twice.
 */

export interface Citation {
  readonly line: number
  readonly name: string
  /** The file that it belongs to, `PROTOCOLS`, or `null` for the same file (C1). */
  readonly of: string | null
}

/** Letters and numbers that are no invariants. */
const OTHERS = new Set(['V8'])

const list = String.raw`[A-Z]\d{1,2}(?:(?:, | and | or |-)[A-Z]\d{1,2})*`
const file = String.raw`${'`'}(?<of>[\w./-]+\.ts)${'`'}`
const forms = [
  `(?<names>${list}) of ${file}`,
  String.raw`${file},? (?<names>${list})\b`,
  String.raw`(?<of>PROTOCOLS) \d+, (?<names>${list})\b`,
  String.raw`(?<![\w#.'-])(?<names>[A-Z]\d{1,2})(?![\w-])`,
].map((form) => new RegExp(form, 'g'))

/** All that the comments of a file cite; what they define is no citation. */
export function citationsOf(text: string): readonly Citation[] {
  const found: Citation[] = []
  for (const { line, comment } of commentsOf(text)) {
    const lines = comment.split('\n').map((one) => one.replace(/^\s*(\/\*\*|\*|\/\/)\s*([A-Z]\d{1,2}\. )?/, ''))
    let rest = lines.join(' ')
    for (const form of forms) {
      rest = rest.replace(form, (...args) => {
        const { of = null, names } = args.at(-1) as { readonly of?: string; readonly names: string }
        for (const [name] of names.matchAll(/[A-Z]\d{1,2}/g)) {
          const at = lines.findIndex((one) => new RegExp(String.raw`\b${name}\b`).test(one))
          if (!OTHERS.has(name)) found.push({ line: line + at, name, of })
        }
        return ''
      })
    }
  }
  return found
}

/** The numbers that the heads of a file define. */
export function invariantsOf(text: string): readonly string[] {
  return Array.from(text.matchAll(/^ \* {1,3}([A-Z]\d{1,2})\. /gm), ([, name]) => name!)
}

/** The sections of the protocols that a file cites. */
export function sectionsOf(text: string): readonly number[] {
  const cited = text.matchAll(/PROTOCOLS ((?:\d+(?:, )?)+)/g)
  return Array.from(cited, ([, numbers]) => numbers!.match(/\d+/g)!.map(Number)).flat()
}

/** Comments, and the lines on which they begin; lines behind one another are one comment. */
function commentsOf(text: string): readonly { readonly line: number; readonly comment: string }[] {
  const found = text.matchAll(/\/\*\*[\s\S]*?\*\/|(?:^[ \t]*\/\/.*\n)+|[ \t]\/\/ .*$/gm)
  return Array.from(found, ({ 0: comment, index }) => ({ line: text.slice(0, index).split('\n').length, comment }))
}
