/** `potoroo dev`: what is saved is taken over with the state, and what is broken is said. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { folder, potoroo, ran } from './fixture.ts'

/** The pipeline as it is edited: what a step answers, and what stands below it. */
const program = (answer: string, { step = 'count', name = 'count' } = {}) => `
import { lines, pipeline, stdoutSink, tcpSource } from 'potoroo'
import { shown } from './lib/shown.ts'

export default pipeline('${name}', { parameters: { port: 7001 } }, (p) => {
  p.source('lines', tcpSource({ port: p.parameters.port, framing: lines() }))
    .keyBy('by-line', (line) => line)
    .mapWithState('${step}', { init: () => ({ total: 0 }), step: (state, line) => ${answer} })
    .sink('print', stdoutSink())
})
`
const shown = (mark: string) => `export const shown = (line: string, total: number) => \`\${line} \${total}${mark}\``

/** Saves files below `cwd` as editors do: the file that is there is replaced. */
const saver =
  (cwd: string) =>
  (file: string, text: string): void => {
    writeFileSync(join(cwd, `${file}~`), text)
    renameSync(join(cwd, `${file}~`), join(cwd, file))
  }

async function app() {
  const cwd = folder()
  mkdirSync(join(cwd, 'lib'))
  const save = saver(cwd)
  save('lib/shown.ts', shown(''))
  save('count.ts', program('shown(line, ++state.total)'))
  const port = await freePort()
  const dev = potoroo(['dev', 'count.ts', '--param', `port=${port}`], { cwd })
  // While a program is replaced nobody listens for a moment.
  const sent = async () => (await ran(['send', String(port)], { input: 'x\n' })).status
  const send = () => expect.poll(sent).toBe(0)
  return { cwd, dev, save, send }
}

test('takes over what is saved, and goes on with what ran where that cannot run', async () => {
  const { cwd, dev, save, send } = await app()
  await dev.said(/changes of count.ts are taken over/)
  await send()
  await dev.said(/x 1\n/)

  // A file that it imports, in another folder.
  save('lib/shown.ts', shown('?'))
  await dev.said(/count.ts has changed\ncount: program \w+ continues from epoch \d+ \(1 key\)/)
  save('count.ts', program('shown(line, (state.total += 10))'))
  await dev.said(/(has changed[\s\S]*){2}/)
  await send()
  await dev.said(/x 11\?\n/)
  save('lib/shown.ts', shown('!'))
  await dev.said(/(has changed[\s\S]*){3}/)
  await send()
  await dev.said(/x 21!\n/)

  save('count.ts', program('shown(line, (state.total'))
  await dev.said(/count.ts cannot run like this, and what ran goes on\nerror E_PIPELINE_SYNTAX: /)
  await send()
  await dev.said(/x 31!\n/)
  // A program that can be loaded, and whose state does not fit.
  save('count.ts', program('shown(line, ++state.total)', { step: 'other' }))
  await dev.said(/error E_STEP_GONE: .*"count"/)
  // It was seen before anything was stopped.
  expect(dev.err.match(/has changed/g)).toHaveLength(3)
  expect(dev.err.match(/continues from epoch/g)).toHaveLength(3)
  await send()
  await dev.said(/x 41!\n/)
  save('count.ts', program('shown(line, ++state.total)', { name: 'other' }))
  await dev.said(/was "count" and is "other" now/)
  save('count.ts', program('shown(line, (state.total += 10))'))
  await dev.said(/count.ts is again what runs\n/)

  save('count.ts', program('shown(line, ++state.total)'))
  await dev.said(/(has changed[\s\S]*){4}/)
  await send()
  await dev.said(/x 42!\n/)
  // From another terminal.
  expect(await ran(['cancel', 'count'], { cwd })).toMatchObject({ status: 0 })
  await dev.said(/count: cancelled; waits for a change/)
  save('count.ts', program('shown(line, (state.total += 7))'))
  await dev.said(/(has changed[\s\S]*){5}/)
  await send()
  await dev.said(/x 7!\n/)
  dev.kill('SIGINT')
  expect(await dev.ended, dev.err).toEqual({ status: 0, signal: null })
  expect(dev.err).toMatch(/count: ended with epoch \d+ \(1 key\)\n$/)
  expect(dev.err.match(/lines listens on/g)).toHaveLength(1)
})

test('waits for a file that can run, and looks for what `run` lets pass', async () => {
  const { cwd, dev: first, save } = await app()
  await first.said(/changes of count.ts are taken over/)
  first.kill('SIGTERM')
  await first.ended

  save('count.ts', 'export default 7')
  const dev = potoroo(['dev', 'count.ts', '--param', 'port=0'], { cwd })
  await dev.said(/E_PIPELINE_EXPORT[\s\S]*waits for a change/)
  save('count.ts', program('shown(line, 0) && { list: ((state as any).list ??= [line]) }'))
  const [, port] = await dev.said(/lines listens on 127\.0\.0\.1:(\d+)/)
  await ran(['send', port!], { input: 'x\n' })
  await dev.said(/shares an object with its state/)
})

test('what waits longer than it may, and then computes for ever, holds neither what runs nor what is saved next', async () => {
  const cwd = folder()
  const save = saver(cwd)
  const says = (mark: string): string => `
import { generatorSource, pipeline, stdoutSink } from 'potoroo'

export default pipeline('p', (p) => {
  p.source('in', generatorSource({ value: (n) => \`${mark} \${n}\`, rate: 20 })).sink('print', stdoutSink())
})
`
  save('p.ts', says('first'))
  const dev = potoroo(['dev', 'p.ts', '--limit', 'loadTimeoutMs=1000'], { cwd })
  await dev.said(/^first 1$/m)
  save('p.ts', `${says('first')}await new Promise((resolve) => setTimeout(resolve, 2500)); for (;;);\n`)
  await dev.said(/p\.ts cannot run like this, and what ran goes on\nerror E_PIPELINE_SLOW: .* it waits/)
  // By its twentieth record of each second it is long past the time at which that computes.
  const [, now] = await dev.said(/^first (\d+)$(?![\s\S]*^first)/m)
  await dev.said(new RegExp(`^first ${Number(now) + 60}$`, 'm'))
  save('p.ts', says('second'))
  await dev.said(/^second \d+$/m)
})

test('what is saved while the first program comes up is taken over', async () => {
  const cwd = folder()
  const save = saver(cwd)
  const says = (mark: string): string => `
import { generatorSource, pipeline, stdoutSink } from 'potoroo'

console.error('loaded ${mark}')
export default pipeline('p', (p) => {
  p.source('in', generatorSource({ value: (n) => \`${mark} \${n}\`, rate: 20 })).sink('print', stdoutSink())
})
`
  save('p.ts', says('first'))
  const dev = potoroo(['dev', 'p.ts'], { cwd })
  await dev.said(/^loaded first$/m)
  save('p.ts', says('second'))
  await dev.said(/^second \d+$/m)
})
