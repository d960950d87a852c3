/**
 * Loaded in front of a worker (`--import`): replaces one text of one file of `src/`, so that no switch for proofs
 * stands in the code. The mutant stands in the query of this file's own URL, because the worker refuses variables of
 * the environment that it does not know.
 */
import { registerHooks } from 'node:module'
import type { Mutant } from './mutant.ts'

const { file, text, replacement }: Mutant = JSON.parse(new URL(import.meta.url).searchParams.get('mutant')!)

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(`/src/${file}`)) return loaded
    const source = String(loaded.source)
    if (source.split(text).length !== 2) throw new Error(`src/${file} does not have this text once: ${text}`)
    return { ...loaded, source: source.replace(text, () => replacement) }
  },
})
