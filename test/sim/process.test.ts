/** Lives, clocks and logs of simulated processes (L1-L3, C1). */
import { expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import { calm, drawWeather } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import { drawCluster } from './clusters/config.ts'

test('L1: nothing of a process runs after its death', () => {
  const world = new World(1)
  const process = world.machine('m').start('p')
  const heard: string[] = []
  process.env.clock.after(5, () => heard.push('before'))
  process.env.clock.after(15, () => heard.push('after'))
  process.env.disk.makeDirectory('/x', () => heard.push('disk'))
  world.at(10, () => process.kill())
  world.run(100)
  expect(heard).toEqual(['disk', 'before'])
  expect(process.state).toBe('dead')
})

test('L1: what came due while a process was stopped runs in order once it continues', () => {
  const world = new World(1)
  const process = world.machine('m').start('p')
  const { clock } = process.env
  const heard: [string, number][] = []
  for (const [name, ms] of [
    ['c', 30],
    ['a', 10],
    ['b', 20],
    ['d', 90],
  ] as const) {
    clock.after(ms, () => heard.push([name, world.now]))
  }
  const cancelled = clock.after(25, () => heard.push(['cancelled', world.now]))
  world.at(5, () => process.stop())
  world.at(50, () => cancelled.cancel())
  world.at(60, () => process.continue())
  world.run(59)
  expect(heard).toEqual([])
  world.run(100)
  expect(heard).toEqual([
    ['a', 60],
    ['b', 60],
    ['c', 60],
    ['d', 90],
  ])
})

test('L3: a process that is killed inside its own callback asks for nothing more', () => {
  const world = new World(1)
  const machine = world.machine('m')
  const process = machine.start('p')
  const { clock, disk, log, network } = process.env
  const heard: string[] = []
  clock.after(1, () => {
    process.kill()
    disk.open('/after', 'create', () => heard.push('disk'))
    network.listen(
      { host: 'm', port: 1 },
      {},
      () => null,
      () => heard.push('listen'),
    )
    network.dial(
      { host: 'm', port: 1 },
      { onOpen() {}, onBytes() {}, onEnd() {}, onDrain() {}, onClosed: () => heard.push('x') },
    )
    clock.soon(() => heard.push('soon'))
    log.info('after-death')
  })
  world.run(100)
  expect(heard).toEqual([])
  expect(world.drainLog()).toEqual([])
  expect(machine.volume.exists('/after')).toBe(false)
})

test('an error in a callback comes out of the run', () => {
  const world = new World(1)
  const { clock } = world.machine('m').start('p').env
  clock.after(1, () => {
    throw new Error('broken')
  })
  expect(() => world.run(10)).toThrow('broken')
})

test('C1: each reading of the clock is later than the one before, so a slice by the clock ends', () => {
  const world = new World(1)
  const { clock } = world.machine('m').start('p').env
  const start = clock.monotonic()
  let turns = 0
  while (clock.monotonic() < start + 5) turns++
  expect(turns).toBeGreaterThan(100)
  expect(turns).toBeLessThan(100_000)
})

test('a loop that yields by soon lets time go on', () => {
  const world = new World(1)
  const { clock } = world.machine('m').start('p').env
  let due = false
  let turns = 0
  clock.after(1, () => (due = true))
  const turn = (): void => {
    turns++
    if (!due) clock.soon(turn)
  }
  turn()
  expect(world.runUntil(() => due, 10)).toBe(true)
  expect(turns).toBeGreaterThan(10)
})

test('clocks are wrong, drift and jump as the weather says, each in its own way', () => {
  const weather = { ...calm, clock: { offsetMs: 5000, drift: 0.001, jumpChance: 0, jumpMs: 0, turnMs: 0.001 } }
  const world = new World(4, weather)
  const a = world.machine('a').start('a')
  const b = world.machine('b').start('b')
  expect(a.env.clock.now()).not.toBe(b.env.clock.now())
  const before = [a.env.clock.monotonic(), b.env.clock.monotonic()] as const
  world.run(1_000_000)
  const passed = [a.env.clock.monotonic() - before[0], b.env.clock.monotonic() - before[1]] as const
  expect(Math.abs(passed[0] - passed[1])).toBeGreaterThan(1)
  for (const ms of passed) expect(Math.abs(ms - 1_000_000)).toBeLessThanOrEqual(1001)
  const wall = a.env.clock.now()
  a.clock.jump(-60_000)
  expect(a.env.clock.now()).toBe(wall - 60_000)
})

test('the log keeps the last lines of all processes in order, and its lines are part of the fingerprint', () => {
  const run = (word: string): [string, string[]] => {
    const world = new World(1)
    const machine = world.machine('m')
    const [p, q] = [machine.start('p'), machine.start('q')]
    for (let i = 0; i < 1500; i++) {
      p.env.log.info('turn', { i })
      q.env.log.warn(word, { i, why: null })
    }
    return [world.fingerprint, world.drainLog()]
  }
  const [fingerprint, lines] = run('slow')
  expect(lines.length).toBe(2000)
  expect(lines.at(-1)).toBe('       0.000 q warn  slow i=1499 why=null')
  expect(lines[0]).toBe('       0.000 p info  turn i=500')
  expect(run('slow')[0]).toBe(fingerprint)
  expect(run('slaw')[0]).not.toBe(fingerprint)
})

test('the driver of a run may say what it does, between the lines of the processes', () => {
  const world = new World(1)
  const process = world.machine('m').start('p')
  process.env.clock.after(5, () => process.env.log.info('alive'))
  world.at(7.5, () => world.log.warn('kill', { process: process.name }))
  world.run(10)
  expect(world.drainLog()).toEqual(['       5.000 p info  alive', '       7.500 world warn  kill process=p'])
})

test('a drawn weather has each fault in some runs and not in others; the grave ones only on demand', () => {
  const drawn = Array.from({ length: 200 }, (_, seed) => drawWeather(new Prng(seed), true))
  const mild = Array.from({ length: 200 }, (_, seed) => drawWeather(new Prng(seed), false))
  for (const room of ['network', 'disk', 'clock'] as const) {
    for (const name of Object.keys(calm[room]).filter((field) => field.endsWith('Chance') && field !== 'twiceChance')) {
      const present = drawn.filter((weather) => (weather[room] as unknown as Record<string, number>)[name]! > 0).length
      expect(present, name).toBeGreaterThan(20)
      expect(present, name).toBeLessThan(180)
    }
  }
  for (const { disk } of mild) {
    expect(disk.failChance + disk.unknownChance + disk.syncFailChance + disk.damageChance).toBe(0)
  }
  // A volume behind a server is drawn with the cluster that shares it.
  const served = Array.from({ length: 200 }, (_, seed) => drawCluster(seed).weather.disk)
  const present = served.filter(({ twiceChance }) => twiceChance > 0).length
  expect(present).toBeGreaterThan(10)
  expect(present).toBeLessThan(40)
})
