/** What a stored program is called as a module: so its stacks say whose they are. */

/** Begins the URLs of bundles. Node maps stack traces of URLs with `//` only. */
const SCHEME = 'potoroo:///'

/** Digits of a hash that tell programs apart. */
const HASH_SHOWN = 12

/** The folder of the program with `hash`; `nonce` tells one load of it from another. */
export function programUrl(hash: string, nonce: string): string {
  return `${SCHEME}${hash.slice(0, HASH_SHOWN)}-${nonce}/`
}

/** The beginning of the hash of the program to which `path`, in a stack, belongs; `null` for any other path. */
export function programOf(path: string): string | null {
  return path.startsWith(SCHEME) ? path.slice(SCHEME.length, SCHEME.length + HASH_SHOWN) : null
}
