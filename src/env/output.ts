/** A stream of bytes to whoever started the program: standard output. */
export interface Output {
  /**
   * Writes `bytes`, which the caller must not change until done. Never calls `done` inside the call (`disk.ts`, K1).
   */
  write(bytes: Uint8Array, done: (error: Error | null) => void): void
}
