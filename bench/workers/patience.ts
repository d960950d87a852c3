/**
 * How long a proof waits for what has to happen and is not promised within a time: a start, a recovery, what is to be
 * read; in milliseconds. A machine with twenty times as much to do comes to it; what has not come by then is stuck.
 */
export const STUCK_MS = 300_000
