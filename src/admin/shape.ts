/**
 * What others tell us, checked by shape: parts of schemas whose messages say what is wrong, behind the name of what is.
 */
import * as v from 'valibot'

export const text = v.string('is not a text')

export const someText = v.pipe(text, v.nonEmpty('is empty'))

export const texts = v.array(text, 'is not a list of texts')

export const trueOrFalse = v.boolean('is not true or false')

/** An object that has `fields` and no others. */
export function object<const Fields extends v.ObjectEntries>(fields: Fields) {
  return v.strictObject(fields, ({ expected, received }) => {
    if (expected === 'never') return 'is not known here'
    return received === 'undefined' ? 'is missing' : 'is not an object'
  })
}

/** A whole number from `least` to `most`. */
export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  const message = `is not a whole number ${range}`
  return v.pipe(v.number(message), v.safeInteger(message), v.minValue(least, message), v.maxValue(most, message))
}

export function oneOf<const Names extends readonly string[]>(names: Names) {
  return v.picklist(names, `is not one of ${names.join(', ')}`)
}

/**
 * The first of `issues`: the path of what is wrong, such as `control.port`, empty for the whole; and what is wrong with
 * it.
 */
export function firstOf([issue]: readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]]): [string, string] {
  return [v.getDotPath(issue) ?? '', issue.message]
}
