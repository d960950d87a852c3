/**
 * What every sink that dials a consumer owes it, whatever it dials by: the tests of `sink.contract.ts` that they share.
 */
import { expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import type { SinkConnector, Writer } from '../../src/connectors/connector.ts'
import type { SinkDescription } from '../../src/model/connector.ts'
import { calm, drawWeather, type Weather } from '../../src/sim/weather.ts'
import type { SimProcess } from '../../src/sim/world.ts'
import { changed } from './changed.ts'
import { crashes, findings, holds, random, Trial, type TrialOptions } from './sink.contract.ts'

/** A network that takes a few records at a time. */
export const slow: Weather = {
  ...calm,
  network: { ...calm.network, bytesPerMs: 2, kernelBytes: 64, highWaterBytes: 40 },
}

/** A consumer, as the contract reads it. */
export interface DialledConsumer {
  /** Whole records that each connection has brought, one connection after another. */
  readonly connections: readonly string[]
}

export interface Dialling {
  readonly connector: SinkConnector
  /** Writes each record as a line. */
  readonly description: SinkDescription<unknown>
  /** A consumer that listens, from now on. */
  listen(process: SimProcess): DialledConsumer
}

/** A trial whose consumer is there from the start and never away. */
export function withConsumer({ connector, description, listen }: Dialling): TrialOptions & {
  readonly consumers: ReadonlyMap<Trial, DialledConsumer>
} {
  const consumers = new Map<Trial, DialledConsumer>()
  return {
    seed: 1,
    connector,
    description,
    consumers,
    scene: (trial) => {
      consumers.set(trial, listen(trial.world.machine('consumer').start('consumer')))
    },
    read: (trial) => consumers.get(trial)!.connections.join(''),
  }
}

/** The tests of a dialling sink; `records`: of the trials in which every crash is slow. */
export function keepsTheContract(dialling: Dialling, { seeds, records }: { seeds: number; records?: number }): void {
  const slowly = (): TrialOptions => {
    const options: TrialOptions = { ...withConsumer(dialling), crash: 'kill', weather: slow }
    return records === undefined ? options : { ...options, records }
  }

  test('delivers everything at least once while its consumer lives', () => {
    holds([withConsumer(dialling)])
    holds(crashes({ ...withConsumer(dialling), crash: 'kill' }))
    holds(crashes(slowly()))
  })

  test('does so in all weathers that reset no connection', () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const drawn = drawWeather(new Prng(seed), false)
      const weather = { ...drawn, network: { ...drawn.network, resetChance: 0, timeoutMs: 60_000 } }
      holds(random({ ...withConsumer(dialling), seed, crash: 'kill', rollbacks: 0.2, weather }, 1))
    }
  })

  test('begins every connection at the beginning of a record and leaves none out inside, whatever breaks', () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const options = withConsumer(dialling)
      const weather = { ...slow, network: { ...slow.network, resetChance: 0.02 } }
      const trial = new Trial({ ...options, seed, weather, crash: 'kill', moreCrashes: 2 })
      trial.run()
      for (const text of options.consumers.get(trial)!.connections) {
        expect(text, `seed ${seed}`).toMatch(/^(\d+\n)*$/)
        const numbers = text.trimEnd().split('\n').map(Number)
        // After a rollback it goes back.
        for (let i = 1; i < numbers.length; i++) {
          expect(numbers[i]! - numbers[i - 1]!, `seed ${seed}`).toBeLessThanOrEqual(1)
        }
      }
    }
  })

  test('the contract finds one that answers a barrier before its queue is empty', () => {
    const mutate = (writer: Writer): Writer => changed(writer, { barrier: (_epoch, _generation, done) => done(null) })
    expect(findings(crashes({ ...slowly(), mutate }))).toBeGreaterThan(0)
  })
}
