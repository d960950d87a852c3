/**
 * What the client of a network file system remembers of folders that it has listed: for a while a machine may see names
 * that are gone, and not those that have come.
 */
interface Listing {
  readonly names: readonly string[]
  readonly at: number
}

export class Listings {
  private readonly seen = new Map<string, Listing>()

  /** `names`, as they stand at `path` now; or those that were there less than `ms` ago. */
  of(path: string, names: readonly string[], now: number, ms: number): readonly string[] {
    const known = this.seen.get(path)
    if (known !== undefined && now - known.at < ms) return known.names
    this.seen.set(path, { names, at: now })
    return names
  }
}
