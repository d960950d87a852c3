/** Which packs manifests name, as far as this process has written or read them: a manifest never changes. */
import { epochOf, folderOf } from './layout.ts'
import type { Manifest } from './manifest.ts'

export class NamedPacks {
  /** By the folder of the manifests, and by their paths: of many pipelines each looks through its own. */
  private readonly byFolder = new Map<string, Map<string, readonly string[]>>()

  /** `manifest` stands at `path`. */
  note(path: string, { packs }: Manifest): void {
    const folder = folderOf(path)
    const known = this.byFolder.get(folder) ?? new Map<string, readonly string[]>()
    const paths = packs.map((pack) => pack.path)
    this.byFolder.set(folder, known.set(path, paths))
  }

  /** The packs that the manifest at `path` names; `null` where nobody knows. */
  of(path: string): readonly string[] | null {
    return this.byFolder.get(folderOf(path))?.get(path) ?? null
  }

  /** Forgets the manifests in `folder` of epochs below `floor`. */
  forget(folder: string, floor: number): void {
    const known = this.byFolder.get(folder) ?? new Map<string, readonly string[]>()
    for (const path of known.keys()) if (epochOf(path.slice(folder.length + 1))! < floor) known.delete(path)
    if (known.size === 0) this.byFolder.delete(folder)
  }
}
