/** `npm run bench -- NAME` and `npm run prove -- NAME`: runs one program of a folder; without a name, lists them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'

const [kind = 'bench', name, ...rest] = process.argv.slice(2)
const folder = resolve(import.meta.dirname, kind === 'prove' ? '../prove' : '..')
const file = `${folder}/${name}.ts`

if (name === undefined || !/^[\w-]+$/.test(name) || !existsSync(file)) {
  if (name !== undefined) process.stderr.write(`there is no ${kind} "${name}"\n`)
  process.stdout.write(listing())
  process.exitCode = name === undefined ? 0 : 1
} else {
  process.argv = [process.argv[0]!, file, ...rest]
  await import(file)
}

function listing(): string {
  const names = readdirSync(folder)
    .filter((entry) => entry.endsWith('.ts'))
    .map((entry) => entry.slice(0, -'.ts'.length))
    .sort()
  const width = Math.max(...names.map((entry) => entry.length))
  return names.map((entry) => `${entry.padEnd(width)}  ${headline(`${folder}/${entry}.ts`)}\n`).join('')
}

/** The first sentence of a file's header comment. */
function headline(path: string): string {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(path, 'utf8'))?.[1] ?? ''
  const text = comment.replace(/\s*\n \* ?/g, ' ').trim()
  return /^.*?[.:](?=\s|$)/.exec(text)?.[0].replace(/:$/, '.') ?? text
}
