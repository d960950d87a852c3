/** Keyed state, frozen and read back. */
import type { SimMutant } from './mutant.ts'

export const stateMutants: readonly SimMutant[] = [
  {
    name: 'old-value-not-kept',
    file: 'src/state/keyed-store.ts',
    text: 'if (frozen?.covers(table, entry)) frozen.keep(table, entry)',
    replacement: 'frozen?.covers(table, entry)',
    bend: 'long-epochs',
  },
  {
    name: 'old-value-shared',
    file: 'src/state/kept-values.ts',
    text: 'this.copies[slot] = copier.refill(this.copies[slot]!, this.shapes[slot]!, table.state(entry))',
    replacement: 'this.copies[slot] = table.state(entry)',
    bend: 'long-epochs',
  },
  {
    name: 'abandoned-changes-forgotten',
    file: 'src/state/keyed-store.ts',
    text: '  abandon(): void {',
    replacement: '  abandon(): void {\n    if (this.frozen !== null) this.base = this.frozen.epoch',
  },
  {
    name: 'tombstones-lost',
    file: 'src/state/frozen.ts',
    text: "const removed = first && kind === 'delta' ? this.removedOf(table) : noKeys",
    replacement: "const removed = first && kind === 'delta' && table.size < 0 ? this.removedOf(table) : noKeys",
  },
  {
    name: 'deltas-in-the-wrong-order',
    file: 'src/state/fold.ts',
    text: 'const chunk = this.chunks.pop()',
    replacement: 'const chunk = this.chunks.shift()',
  },
  {
    name: 'untouched-groups-not-written',
    file: 'src/state/frozen.ts',
    text: 'if (full && chunks.length === 0) {',
    replacement: 'if (full && chunks.length < 0) {',
  },
]
