/** Chance. Real: seeded by the operating system. Simulated: by the run's seed. */
export interface Random {
  /** An integer from 0 to 2^32 - 1. */
  u32(): number
  /** An integer from 0 to `n` - 1, for `n` from 1 to 2^32. */
  below(n: number): number
  /** 16 lower-case hexadecimal digits: incarnations, nonces, names of temporary files. */
  id(): string
}
