/** Z1: a run is a function of its seed. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { World } from '../../src/sim/world.ts'
import { runScenario } from './scenario.ts'

const program = fileURLToPath(new URL('./scenario.ts', import.meta.url))

test('the same seed gives the same run, another seed another one', () => {
  const fingerprints = new Set<string>()
  for (let seed = 1; seed <= 40; seed++) {
    const first = runScenario(seed)
    expect(runScenario(seed)).toEqual(first)
    expect(first.events).toBeGreaterThan(100)
    fingerprints.add(first.fingerprint)
  }
  expect(fingerprints.size).toBe(40)
})

test('one other byte, on a wire or in a file, is another run', () => {
  const run = (sent: string, kept: string): string => {
    const world = new World(1)
    const { network, disk } = world.machine('m').start('p').env
    const quiet = { onOpen() {}, onBytes() {}, onEnd() {}, onDrain() {}, onClosed() {} }
    network.listen(
      { host: 'm', port: 1 },
      {},
      () => quiet,
      () => {},
    )
    network.dial({ host: 'm', port: 1 }, quiet).write(Buffer.from(sent))
    disk.open('/f', 'create', (_, file) => file.write([Buffer.from(kept)], 0, () => {}))
    world.run(1000)
    return world.fingerprint
  }
  const runs = [run('hello', 'world'), run('hellp', 'world'), run('hello', 'worlc'), run('jello', 'world')]
  expect(new Set(runs).size).toBe(4)
  expect(run('hello', 'world')).toBe(runs[0])
})

test('the same seed gives the same run in another process', () => {
  for (const seed of [3, 11]) {
    const elsewhere = execFileSync(process.execPath, [program, String(seed)], { encoding: 'utf8' })
    expect(elsewhere).toBe(runScenario(seed).fingerprint)
  }
})
