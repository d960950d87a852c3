/** A project that `potoroo init` has made. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { freePort } from '../../bench/workers/free-port.ts'
import { Program, ran } from './fixture.ts'
import { install, npm } from './packing.ts'

/** Does in a project what its README says. */
export async function tryOut(project: string): Promise<void> {
  await install(project)
  expect(await npm(project, 'test')).toMatch(/pass 1\n/)
  expect(await npm(project, 'run', 'check')).toMatch(/pipeline "word-count", 5 steps, no fault/)
  const port = await freePort()
  const file = join(project, 'word-count.ts')
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('7001', String(port)))
  // What `npm start` runs, without npm in front, which would not take it with it at its end.
  const start = [join(project, 'node_modules/.bin/potoroo'), 'run', 'word-count.ts']
  const running = new Program(process.execPath, start, { cwd: project })
  await running.said(/lines listens on/)
  expect(await ran(['send', String(port)], { input: 'to be\n' })).toMatchObject({ status: 0 })
  await running.said(/{"word":"be","total":1}\n/)
  await running.said(/{"word":"to","total":1}\n/)
}
