/** What people ask for one pipeline is done one thing after another; pipelines do not wait for each other. */
export class TurnsByName {
  /** The end of what was asked last, by name. */
  private readonly last = new Map<string, Promise<void>>()

  /** Runs `task` behind everything that was asked for `name` before, however that ended. */
  take<T>(name: string, task: () => Promise<T>): Promise<T> {
    const turn = (this.last.get(name) ?? Promise.resolve()).then(task)
    const over = turn.then(
      () => {},
      () => {},
    )
    this.last.set(name, over)
    // Names that nobody has asked about for long are kept nowhere.
    void over.then(() => this.last.get(name) === over && this.last.delete(name))
    return turn
  }

  /** Names for which something is being done. */
  get size(): number {
    return this.last.size
  }
}
