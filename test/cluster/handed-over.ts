import type { MoverState } from '../../src/cluster/mover.ts'

/** Key groups whose last parts have arrived: what a member may adopt when it reads the next generation record (U2). */
export function handedOver(state: MoverState): readonly number[] {
  if (state.phase === 'idle') return []
  const senders = state.arrived.get('last')
  return state.takes.filter((move) => senders?.has(move.from) === true).flatMap((move) => move.keyGroups)
}
