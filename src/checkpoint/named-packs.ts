/** Which packs manifests name, as far as this process has written or read them: a manifest never changes. */
import { epochOf } from './layout.ts'
import type { Manifest } from './manifest.ts'

export class NamedPacks {
  private readonly byManifest = new Map<string, readonly string[]>()

  /** `manifest` stands at `path`. */
  note(path: string, { packs }: Manifest): void {
    this.byManifest.set(
      path,
      packs.map((pack) => pack.path),
    )
  }

  /** The packs that the manifest at `path` names; `null` where nobody knows. */
  of(path: string): readonly string[] | null {
    return this.byManifest.get(path) ?? null
  }

  /** Forgets the manifests in `folder` of epochs below `floor`. */
  forget(folder: string, floor: number): void {
    for (const path of this.byManifest.keys()) {
      if (path.startsWith(`${folder}/`) && epochOf(path.slice(folder.length + 1))! < floor) this.byManifest.delete(path)
    }
  }
}
