/**
 * When one side of the acked protocols (`acked.ts`, `delivery.ts`) takes the other one to be gone, counted in the
 * `keepAliveMs` of the `welcome`: whoever has nothing to say for as long sends a ping.
 */

/** Times in a row in which nothing has come. */
export const SILENCES = 4

/**
 * Times that a frame may take to come. A bit that turns in its length makes a frame of it that never ends, and that
 * hides everything behind it, pings too.
 */
export const UNFINISHED = 12
