/** What stands behind a journaled source in a test, and around it. */
import { type Limits, makeLimits } from '../../src/base/limits.ts'
import type { Door, JournaledSource, Lane, Listening, Requests, Session } from '../../src/connectors/connector.ts'
import type { Env } from '../../src/env/env.ts'
import type { Cuts, SourceDescription } from '../../src/model/connector.ts'

/** Keeps the records of one connection. */
class TestLane implements Lane {
  readonly records: string[] = []
  /** What it was told last where they are. */
  cuts: Cuts | null = null
  closed = false
  room: boolean
  private again: () => void = () => {}

  constructor(room: boolean) {
    this.room = room
  }

  ready(): boolean {
    return this.room
  }

  push(bytes: Buffer, cuts: Cuts): boolean {
    this.cuts = cuts
    for (let i = 0; i < cuts.count; i++) this.records.push(bytes.toString('utf8', cuts.starts[i], cuts.ends[i]))
    return this.room
  }

  onRoom(fn: () => void): void {
    this.again = fn
  }

  makeRoom(): void {
    this.room = true
    this.again()
  }

  close(): void {
    this.closed = true
  }
}

/** Keeps the bytes of one acknowledged connection. */
class TestSession implements Session {
  readonly heard: string[] = []
  closed = 0
  parts = 0
  room = true
  greeted = false
  pending = 0
  readonly send: (bytes: Uint8Array) => boolean
  readonly close: () => void
  again: () => void = () => {}

  constructor(send: (bytes: Uint8Array) => boolean, close: () => void) {
    this.send = send
    this.close = close
  }

  onBytes(chunk: Buffer): boolean {
    this.heard.push(chunk.toString())
    return this.room
  }

  onPart(): void {
    this.parts++
  }

  onRoom(fn: () => void): void {
    this.again = fn
  }

  onClosed(): void {
    this.closed++
  }
}

/** A door that puts what comes through it into `lanes` and `sessions`. */
function testDoor(lanes: TestLane[], sessions: TestSession[], room: boolean): Door {
  return {
    requests: {} as Requests,
    lane: () => {
      const lane = new TestLane(room)
      lanes.push(lane)
      return lane
    },
    session: (_, send, close) => {
      const session = new TestSession(send, close)
      sessions.push(session)
      return session
    },
  }
}

/** What a source has done in a test: by `openAtDoor`. */
export interface Scene {
  readonly lanes: TestLane[]
  readonly sessions: TestSession[]
  readonly warnings: string[]
  /** The reasons that they name. */
  readonly because: string[]
  readonly failures: string[]
  /** What the failures say. */
  readonly reasons: string[]
  readonly listening: string[]
  readonly reached: string[]
  readonly source: Listening
}

export interface Surroundings {
  readonly limits?: Partial<Limits>
  readonly sharePort?: boolean
  readonly ownPort?: number
  /** Whether lanes have room at their beginning. */
  readonly room?: boolean
}

/** Opens a source in front of a door that keeps what comes. */
export function openAtDoor(
  { open }: JournaledSource,
  description: SourceDescription<unknown>,
  env: Env,
  { limits, sharePort = false, ownPort = 0, room = true }: Surroundings = {},
): Scene {
  const scene = {
    lanes: [] as TestLane[],
    sessions: [] as TestSession[],
    warnings: [] as string[],
    because: [] as string[],
    failures: [] as string[],
    reasons: [] as string[],
    listening: [] as string[],
    reached: [] as string[],
  }
  const source = open(description, testDoor(scene.lanes, scene.sessions, room), {
    env,
    limits: makeLimits(limits),
    step: 'in',
    sharePort,
    ownPort,
    standardInput: null,
    wake: () => {},
    listening: (address) => scene.listening.push(address),
    reached: (address) => scene.reached.push(address),
    warn({ code, details }) {
      scene.warnings.push(code)
      scene.because.push(String(details.reason))
    },
    failed({ code, message }) {
      scene.failures.push(code)
      scene.reasons.push(message)
    },
  })
  return { ...scene, source }
}
