/** Loaded in front of a program: replaces one text of one file, so that no switch for tests stands in the code. */
import { registerHooks } from 'node:module'
import type { Mutant } from './mutant.ts'

const mutant = JSON.parse(process.env.POTOROO_MUTANT!) as Mutant
const changes = mutant.besides === undefined ? [mutant] : [mutant, mutant.besides]

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const change = changes.find(({ file }) => url.endsWith(`/${file}`))
    if (change === undefined) return loaded
    const { file, text, replacement } = change
    const source = String(loaded.source)
    if (source.split(text).length !== 2) throw new Error(`${file} does not have this text once: ${text}`)
    return { ...loaded, source: source.replace(text, () => replacement) }
  },
})
