import { makeLimits } from '../../src/base/limits.ts'
import type { Json, SinkConnector, SinkContext, Writer } from '../../src/connectors/connector.ts'
import { isMark } from '../../src/connectors/file/owner.ts'
import type { Connection, Network } from '../../src/env/network.ts'
import type { SinkDescription } from '../../src/model/connector.ts'
import type { Volume } from '../../src/sim/volume.ts'
import { calm, type Weather } from '../../src/sim/weather.ts'
import { type Machine, type SimProcess, World } from '../../src/sim/world.ts'

/** A writer with what it says, for tests of single steps. */
export class Bench {
  readonly world: World
  readonly process: SimProcess
  /** Opens one that writes to the same place, from the same process. */
  readonly another: (of?: Partial<SinkContext>) => Writer
  /** The disk of the machine that writes. */
  readonly volume: Volume
  /** Another machine, `consumer`, on which nothing runs yet. */
  readonly machine: Machine
  readonly warnings: string[] = []
  readonly failures: string[] = []
  readonly writer: Writer
  /** The machine that writes. */
  readonly home: Machine
  readonly output: Buffer[] = []
  dialled: Connection | null = null
  wakes = 0
  speaks = true
  outputError: Error | null = null

  constructor(connector: SinkConnector, description: SinkDescription<unknown>, weather: Weather = calm, seed = 1) {
    this.world = new World(seed, weather)
    this.home = this.world.machine('writer')
    this.volume = this.home.volume
    this.volume.makeDirectory('out')
    this.process = this.home.start('writer')
    this.machine = this.world.machine('consumer')
    const { env } = this.process
    const network: Network = {
      listen: (at, options, accept, done) => env.network.listen(at, options, accept, done),
      dial: (to, handler) => (this.dialled = env.network.dial(to, handler)),
    }
    const context: SinkContext = {
      env: { ...env, network },
      limits: makeLimits({ writerBytes: 1000, sinkQueueBytes: 100 }),
      pipeline: 'p',
      store: 'h',
      history: 'h.1',
      step: 'out',
      writer: 'w1',
      standardOutput: {
        write: (bytes, done) => {
          this.output.push(Buffer.from(bytes))
          this.process.env.clock.after(5, () => done(this.outputError))
        },
      },
      listening() {},
      maySpeak: () => this.speaks,
      refused: () => {},
      wake: () => this.wakes++,
      warn: (problem) => this.warnings.push(problem.code),
      failed: (error) => this.failures.push(error.code),
    }
    this.another = (of = {}) => connector.open(description, { ...context, ...of })
    this.writer = this.another()
    this.writer.restore({ generation: 1, epoch: 0, back: false, snapshots: [] }, () => {})
    this.pass(1)
  }

  pass(ms: number): void {
    this.world.run(this.world.now + ms)
  }

  /** The names in a directory of the machine that writes, without marks that say whose it is. */
  names(directory: string): string[] {
    return (this.volume.list(directory) as string[]).filter((name) => !isMark(name))
  }

  write(text: string): boolean {
    return this.writer.write(Buffer.from(text), 1)
  }

  /** The answer to a barrier, `undefined` as long as there is none. */
  barrier(): { snapshot: Json | undefined } {
    const answer: { snapshot: Json | undefined } = { snapshot: undefined }
    this.writer.barrier(1, 1, (snapshot) => {
      answer.snapshot = snapshot
    })
    return answer
  }
}
