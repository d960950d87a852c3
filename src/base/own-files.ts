/** Our own files: `src` in a checkout, which runs as it is, `dist` where what was built runs. */

/** The folder of our own modules. In `dist` as well this file is one folder below it. */
export const OWN_FOLDER = new URL('..', import.meta.url)

/** Where the module `path` lies, named from there and without its ending, such as `cli/main`. */
export function ownModule(path: string): URL {
  return new URL(`${path}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, OWN_FOLDER)
}
