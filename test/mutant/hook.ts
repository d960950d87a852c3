/** Loaded in front of a program: replaces one text of one file, so that no switch for tests stands in the code. */
import { registerHooks } from 'node:module'

const { file, text, replacement } = JSON.parse(process.env.POTOROO_MUTANT!) as Record<string, string>

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(`/${file}`)) return loaded
    const source = String(loaded.source)
    if (source.split(text!).length !== 2) throw new Error(`${file} does not have this text once: ${text}`)
    return { ...loaded, source: source.replace(text!, () => replacement!) }
  },
})
