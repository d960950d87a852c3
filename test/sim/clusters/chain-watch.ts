/**
 * Watches the store of a cluster from outside, record by record and file by file, with a small fold of its own.
 *
 * W1. What stands in the chain or in a manifest never changes.
 * W2. Generations that count follow one another without a gap; the epochs of a pipeline that count only rise.
 * W3. An epoch names a manifest that is there and is of its own number.
 * W4. In one generation a key group is at work on one worker, the one that the generation names.
 */
import { chainNumberOf } from '../../../src/checkpoint/layout.ts'
import { decodeManifest, type Manifest } from '../../../src/checkpoint/manifest.ts'
import { type ChainRecord, decodeRecord } from '../../../src/checkpoint/record.ts'
import type { Volume } from '../../../src/sim/volume.ts'
import type { Execution } from '../../../src/worker/execution.ts'

const STORE = '/store'
const CHAIN = `${STORE}/chain`

export class ChainWatch {
  readonly complaints: string[] = []
  generation = 0
  /** The last epoch that counts, of the pipeline that runs. */
  last: Manifest | null = null
  private readonly volume: Volume
  private readonly seen = new Map<string, Buffer>()
  private next = 0
  private highest = 0
  /** Who had a key group at work, by generation and key group (W4). */
  private readonly owners = new Map<string, string>()

  constructor(volume: Volume) {
    this.volume = volume
  }

  /** Reads what is new. */
  look(): void {
    for (;;) {
      const path = `${CHAIN}/${String(this.next).padStart(10, '0')}`
      const bytes = this.read(path)
      if (bytes === null) break
      const decoded = decodeRecord(path, this.next, bytes)
      if (!('record' in decoded)) return this.complain(`${path}: ${decoded.message}`)
      this.next++
      this.seen.set(path, bytes)
      this.fold(decoded.record)
    }
    this.skip()
  }

  /** Everything that is there says what it said (W1). */
  compare(): void {
    for (const [path, bytes] of this.seen) {
      const now = this.read(path)
      if (now !== null && !now.equals(bytes)) this.complain(`${path} has changed`)
    }
  }

  /** What `worker` has at work (W4). */
  holds(worker: string, { generation, stores }: Execution): void {
    for (const [step, store] of stores) {
      for (const [group, table] of store.tables.entries()) {
        if (table === null || table.size === 0) continue
        const at = `${generation.number} ${step} ${group}`
        const known = this.owners.get(at) ?? worker
        this.owners.set(at, known)
        const named = generation.members[generation.owners[group]!]?.worker
        if (known !== worker || named !== worker) {
          this.complain(`generation ${generation.number}: ${step} ${group} is ${named}'s, at ${known} and at ${worker}`)
        }
      }
    }
  }

  private fold(record: ChainRecord): void {
    if (record.kind === 'generation') {
      if (record.generation === this.generation + 1) {
        this.generation++
        const base = record.bases[0]
        if (base !== undefined) this.last = null
      }
      return
    }
    if (record.generation !== this.generation || record.kind !== 'epoch') return
    if (record.epoch <= this.highest) this.complain(`epoch ${record.epoch} comes behind ${this.highest}`)
    this.highest = record.epoch
    const path = `${STORE}/${record.manifest}`
    const bytes = this.read(path)
    // It may be swept already where this look is late.
    if (bytes === null) return
    this.seen.set(path, bytes)
    const examined = decodeManifest(path, bytes)
    if (examined.kind !== 'intact') return this.complain(`${path} is ${examined.kind}`)
    const { value } = examined
    if (value.epoch !== record.epoch || value.generation !== record.generation) {
      this.complain(`${path} is of epoch ${value.epoch} in generation ${value.generation}`)
    }
    this.last = value
  }

  /** Records that were removed between two looks are gone: the reader goes on at the next one that stands. */
  private skip(): void {
    const names = this.volume.list(CHAIN)
    if (!Array.isArray(names)) return
    const later = names.map(chainNumberOf).filter((n) => n !== null && n > this.next) as number[]
    if (later.length > 0 && Math.min(...later) > this.next) this.complain(`record ${this.next} is missing`)
  }

  private read(path: string): Buffer | null {
    const inode = this.volume.open(path, 'read')
    return 'sync' in inode ? inode.read(0, inode.size) : null
  }

  private complain(what: string): void {
    if (this.complaints.length < 5) this.complaints.push(what)
  }
}
