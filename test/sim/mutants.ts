/**
 * Faults planted in the engine, to see that simulated systems find them: a checker that never complained has proved
 * nothing. `npm run sim -- --mutants` runs them all. They stand by theme in `mutants/`, and in this order in
 * `mutants.md`.
 */
import { ageMutants } from './mutants/ages.ts'
import { askedMutants } from './mutants/asked.ts'
import { checkpointMutants } from './mutants/checkpoints.ts'
import { doorMutants } from './mutants/door.ts'
import { heldMutants } from './mutants/held.ts'
import { leftoverMutants } from './mutants/leftovers.ts'
import { letterMutants } from './mutants/letters.ts'
import { memberMutants } from './mutants/members.ts'
import { memoryMutants } from './mutants/memory.ts'
import type { SimMutant } from './mutants/mutant.ts'
import { nameMutants } from './mutants/names.ts'
import { otherMutants } from './mutants/others.ts'
import { ownerMutants } from './mutants/owners.ts'
import { programMutants } from './mutants/programs.ts'
import { readMutants } from './mutants/reads.ts'
import { sinkMutants } from './mutants/sinks.ts'
import { stateMutants } from './mutants/state.ts'
import { stepMutants } from './mutants/steps.ts'
import { storeMutants } from './mutants/stores.ts'
import { tableMutants } from './mutants/tables.ts'
import { waitMutants } from './mutants/waits.ts'

export const mutants: readonly SimMutant[] = [
  ...doorMutants,
  ...memoryMutants,
  ...readMutants,
  ...stepMutants,
  ...stateMutants,
  ...checkpointMutants,
  ...sinkMutants,
  ...letterMutants,
  ...otherMutants,
  ...askedMutants,
  ...waitMutants,
  ...tableMutants,
  ...ownerMutants,
  ...heldMutants,
  ...storeMutants,
  ...memberMutants,
  ...nameMutants,
  ...programMutants,
  ...ageMutants,
  ...leftoverMutants,
]
