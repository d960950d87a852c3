/** The world itself. */
import type { Env } from '../env.ts'
import { RealClock } from './clock.ts'
import { RealDisk } from './disk.ts'
import { Guests, openFilesLimit } from './guests.ts'
import { RealHttp } from './http.ts'
import { type LogOptions, RealLog } from './log.ts'
import { RealRandom } from './random.ts'
import { RealNetwork } from './tcp.ts'

export interface RealEnvOptions {
  readonly log?: Partial<LogOptions>
}

/** The seams of this process; by default it logs from `info` on, in the form that standard error asks for. */
export function realEnv(options: RealEnvOptions = {}): Env {
  const log = new RealLog({ level: 'info', common: {}, format: 'auto', ...options.log })
  const guests = new Guests(log, openFilesLimit())
  return {
    clock: new RealClock(),
    random: new RealRandom(),
    network: new RealNetwork(log, guests),
    http: new RealHttp(log, guests),
    disk: new RealDisk(),
    log,
  }
}
