/** Words of commands that people are to type. */

/** `text` as one word of a shell: a name may have spaces in it, and quotes. */
export function inShell(text: string): string {
  return /^[\p{L}\p{N}_.,:@%+=/…-]+$/u.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
