/** A generation as the worker's door sees it, and which messages of a link are the door's. */
import { homeOf } from '../cluster/splits.ts'
import type { DoorGeneration, DoorMessage } from '../ingest/generation.ts'
import type { ControlMessage } from '../transport/wire.ts'
import type { Generation, Links } from './generation.ts'

const doorKinds: ReadonlySet<ControlMessage['kind']> = new Set<DoorMessage['kind']>([
  'homeAsked',
  'homeNamed',
  'handoverAsked',
  'streamMoved',
  'sourceOpen',
])

/** Whether `message` goes to `Door.onMessage`. */
export function isDoorMessage(message: ControlMessage): message is DoorMessage {
  return doorKinds.has(message.kind)
}

/** What `Door.enter` is told of `generation`, whose members are reached by `links`. */
export function doorGeneration(generation: Generation, links: Pick<Links, 'send'>): DoorGeneration {
  const { number, coordinator, members, placement } = generation
  return {
    number,
    coordinator,
    members: members.map(({ worker }) => worker),
    // The journals' name of a source holds its pipeline: it is all that tells sources apart.
    homeOf: (home, { source, producer, incarnation }) =>
      homeOf(placement, members, home, { pipeline: '', source, producer, incarnation }),
    send: (worker, message) => links.send(worker, message),
  }
}
