/** Durations, as users write them. A duration is a number of milliseconds. */

export type Milliseconds = number

/** `count` milliseconds, for those who like to name the unit. */
export function milliseconds(count: number): Milliseconds {
  return count
}

/** `count` seconds, in milliseconds. */
export function seconds(count: number): Milliseconds {
  return count * 1000
}

/** `count` minutes, in milliseconds. */
export function minutes(count: number): Milliseconds {
  return count * 60_000
}

/** `count` hours, in milliseconds. */
export function hours(count: number): Milliseconds {
  return count * 3_600_000
}

/** `count` days of 24 hours, in milliseconds. */
export function days(count: number): Milliseconds {
  return count * 86_400_000
}

/** A duration for people: `250 ms`, `1.5 s`, `2 min`, `3 h`, `7 d`. */
export function showDuration(ms: Milliseconds): string {
  if (ms < 1000) return `${trim(ms)} ms`
  if (ms < 60_000) return `${trim(ms / 1000)} s`
  if (ms < 3_600_000) return `${trim(ms / 60_000)} min`
  if (ms < 2 * 86_400_000) return `${trim(ms / 3_600_000)} h`
  return `${trim(ms / 86_400_000)} d`
}

function trim(value: number): string {
  return String(Math.round(value * 100) / 100)
}
