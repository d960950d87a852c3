/**
 * Serves the page of the sample `presence` and the client for browsers that it loads.
 *
 *     npm run build                              # once: makes the file for browsers
 *     npx potoroo run pipelines/presence.ts
 *     npx node pipelines/presence/serve.ts       # then open what it says, in several windows
 */
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const port = Number(process.argv[2] ?? 8080)
const client = fileURLToPath(import.meta.resolve('potoroo/browser'))
if (!existsSync(client)) {
  process.stderr.write(`${client} is not there yet: npm run build\n`)
  process.exit(1)
}

const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': [join(import.meta.dirname, 'page.html'), 'text/html'],
  '/page.js': [join(import.meta.dirname, 'page.js'), 'text/javascript'],
  '/potoroo.js': [client, 'text/javascript'],
}

createServer((request, response) => {
  // What is no path of a URL is no file either.
  const found = files[URL.parse(request.url!, 'http://page')?.pathname ?? '']
  if (found === undefined) return response.writeHead(404).end()
  response.writeHead(200, { 'content-type': `${found[1]}; charset=utf-8` }).end(readFileSync(found[0]))
}).listen(port, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${port}/\n`))
