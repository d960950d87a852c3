/**
 * Which key groups an epoch writes in full (PROTOCOLS 5): one of `rotation` shares, in turn.
 *
 * Q1. The turn is counted by the epoch's serial: how many complete epochs the pipeline has, this one included. An
 *     abandoned epoch takes no serial, so the next one writes its share again.
 * Q2. Within `rotation` complete epochs in a row, every key group is written in full once. So the state at serial k is
 *     in the packs of serials above k - `rotation`, whoever owned what.
 * Q3. `rotation` is chosen with a pipeline's first epoch and goes on from manifest to manifest.
 */

/** Whether the epoch of `serial` writes `keyGroup` in full. */
export function isFull(keyGroup: number, serial: number, rotation: number): boolean {
  return keyGroup % rotation === serial % rotation
}

/** Whether a pack of `packSerial` may hold anything of the state at `serial` (Q2). */
export function isNeeded(packSerial: number, serial: number, rotation: number): boolean {
  return packSerial > serial - rotation
}

/** Whether a step that has been there since `since` has had every key group written in full by `serial` (Q2). */
export function hasTurned(since: number, serial: number, rotation: number): boolean {
  return since <= serial - rotation + 1
}
